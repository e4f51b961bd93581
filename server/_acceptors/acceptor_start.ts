import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { WorkerStart } from "../_threads/owned_worker.ts";
import type { AdmissionMemory } from "../_admission/admission.ts";
import type { AdmissionOptions } from "../admission_options.ts";
import type { ProxyProtocolOptions } from "../proxy_protocol_options.ts";
import type { TCPServerAddress } from "../tcp_server.ts";
import type { TLSServerAddress } from "../tls_server.ts";
import type { PlacesMemory } from "./places.ts";

/** The options of a server that matter where its requests are. */
export interface AcceptorOptions {
  readonly requestTimeout?: number;
  readonly idleTimeout?: number;
  readonly lingerTimeout?: number;
  readonly handshakeTimeout?: number;
  readonly gracePeriod?: number;
  readonly rawAddresses?: boolean;
  readonly proxyProtocol?: ProxyProtocolOptions;
  readonly countBytes?: boolean;
  readonly admission?: AdmissionOptions;
}

/** Their names. */
const NAMES: readonly (keyof AcceptorOptions)[] = [
  ...["requestTimeout", "idleTimeout", "lingerTimeout"] as const,
  "handshakeTimeout",
  ...["gracePeriod", "rawAddresses", "proxyProtocol", "countBytes"] as const,
  "admission",
];

/** Those among the options of a server. */
export function acceptorOptions(options: AcceptorOptions): AcceptorOptions {
  return Object.fromEntries(
    NAMES.map((name) => [name, options[name]] as const)
      .filter(([, value]) => value !== undefined),
  );
}

/** Where such threads listen, and what they show in TLS, if they speak it. */
export type AcceptorAddress = TCPServerAddress | TLSServerAddress;

/** What such a thread is told when it starts. */
export interface AcceptorStart extends WorkerStart {
  readonly handler: HandlerLocation;
  /** Where to listen, as the server was told. */
  readonly address: AcceptorAddress;
  /** The address of the server. */
  readonly addr: Deno.NetAddr;
  readonly options: AcceptorOptions;
  /** The configuration of its handlers, packed, if there is any. */
  readonly config: ArrayBuffer | undefined;
  /** How many requests it may have at once. */
  readonly limit: number;
  /** After how many requests it says that it is spent. */
  readonly requests: number;
  readonly places: PlacesMemory;
  /** What says who is let in, if anything does. */
  readonly admission: AdmissionMemory | undefined;
  /** As `allocateCounters` makes it. */
  readonly counters: SharedArrayBuffer;
  /** The number of its first request. */
  readonly firstId: number;
  /** By how much the number of the next is larger. */
  readonly idStep: number;
  /** The number under which it takes places. */
  readonly owner: number;
  /** Which of the threads it is, from 0. */
  readonly thread: number;
}
