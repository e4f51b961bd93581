import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { WorkerStart } from "../_threads/owned_worker.ts";
import type { ProxyProtocolOptions } from "../proxy_protocol_options.ts";
import type { TCPServerAddress } from "../tcp_server.ts";
import type { PlacesMemory } from "./places.ts";

/** The options of a server that matter where its requests are. */
export interface AcceptorOptions {
  readonly requestTimeout?: number;
  readonly idleTimeout?: number;
  readonly lingerTimeout?: number;
  readonly gracePeriod?: number;
  readonly rawAddresses?: boolean;
  readonly proxyProtocol?: ProxyProtocolOptions;
  readonly countBytes?: boolean;
}

/** Their names. */
const NAMES: readonly (keyof AcceptorOptions)[] = [
  ...["requestTimeout", "idleTimeout", "lingerTimeout"] as const,
  ...["gracePeriod", "rawAddresses", "proxyProtocol", "countBytes"] as const,
];

/** Those among the options of a server. */
export function acceptorOptions(options: AcceptorOptions): AcceptorOptions {
  return Object.fromEntries(
    NAMES.map((name) => [name, options[name]] as const)
      .filter(([, value]) => value !== undefined),
  );
}

/** What such a thread is told when it starts. */
export interface AcceptorStart extends WorkerStart {
  readonly handler: HandlerLocation;
  /** Where to listen, as the server was told. */
  readonly address: TCPServerAddress;
  /** The address of the server. */
  readonly addr: Deno.NetAddr;
  readonly options: AcceptorOptions;
  /** How many requests it may have at once. */
  readonly limit: number;
  /** After how many requests it says that it is spent. */
  readonly requests: number;
  readonly places: PlacesMemory;
  /** As `allocateCounters` makes it. */
  readonly counters: SharedArrayBuffer;
  /** The number of its first request. */
  readonly firstId: number;
  /** The number under which it takes places. */
  readonly owner: number;
  /** Which of the threads it is, from 0. */
  readonly thread: number;
}
