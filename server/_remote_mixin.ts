import type { DatagramRequest } from "../handlers/datagram_request_handler.ts";
import type {
  RequestServer,
  Unsent,
} from "../handlers/base_request_handler.ts";
import type { BaseServer, ServerOptions } from "./base_server.ts";
import type { HandlerFunction } from "./_handler_class.ts";
import { checkCount } from "./_options.ts";
import type { NearChannel, RequestOwner } from "./_remote/near_channel.ts";
import type { NearSide } from "./_remote/near_side.ts";

/**
 * A server class that `ThreadingMixIn` or `ForkingMixIn` can be mixed into.
 */
export type ServerClass = new (
  address: never,
  handler: never,
  options?: never,
) => RequestServer & AsyncDisposable;

/**
 * A server class with a mixin: its handlers are classes, and its options are
 * more.
 */
export type MixedIn<Base extends ServerClass, Added> = Base extends new (
  address: infer Address,
  handler: infer Handler,
  options?: infer Options,
) => infer Server ? new (
    address: Address,
    handler: Exclude<Handler, HandlerFunction<never>>,
    options?: Options & Added,
  ) => Server
  : never;

/** What a server accepts. */
export type AnyRequest = Deno.Conn | DatagramRequest;

/** What TypeScript needs to know of the base of a mixin. */
export type ConcreteServerClass = new (
  // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
  ...args: any[]
) => BaseServer<AnyRequest, Deno.Addr>;

/** What a server's constructor was given, the mixin's options among the rest. */
export type MixinArguments<Added> = [
  address: unknown,
  handler: unknown,
  options?: ServerOptions & Added,
];

const DEFAULT_MAX_CONNECTIONS = 16_384;

/**
 * How many requests may be in progress where those that run them take only so
 * many.
 *
 * @throws {RangeError} If the server's own limit is out of range.
 */
export function limitedConnections(
  { maxConnections = DEFAULT_MAX_CONNECTIONS }: ServerOptions,
  capacity: number,
): number {
  checkCount("maxConnections", maxConnections, 1);
  return Math.min(maxConnections, capacity);
}

/** A request, and where it is handled. */
export interface Assignment {
  readonly channel: NearChannel;
}

/** Threads or processes that handle requests. */
export interface RemotePool<Given extends Assignment> {
  /** Gives a request to one of them. Waits while none can take it. */
  assign(open: (side: NearSide) => NearChannel): Promise<Given> | Given;
  /** Called when a request was aborted: what handles it may be stuck. */
  check(given: Given): Promise<void>;
  /** Called when a request has ended. */
  release(given: Given): void;
}

/** Runs the handler of a server's request somewhere else. */
export async function runRemotely<Given extends Assignment>(
  server: BaseServer<AnyRequest, Deno.Addr>,
  pool: RemotePool<Given>,
  request: AnyRequest,
  clientAddress: Deno.Addr,
): Promise<void> {
  let aborted: { readonly reason: unknown } | undefined;
  let abort = (reason: unknown) => {
    aborted = { reason };
  };
  server.whenAborted(request, (reason) => abort(reason));
  const owner: RequestOwner = {
    settling: (unsent: Unsent) => server.settling(request, unsent),
    shutdown: (options) => server.shutdownFrom(request, options),
  };
  const given = await pool.assign((side) =>
    isDatagram(request)
      ? side.openDatagram(request, clientAddress, owner)
      : side.openStream(request, owner)
  );
  abort = (reason) => {
    given.channel.abort(reason);
    void pool.check(given);
  };
  if (aborted !== undefined) abort(aborted.reason);
  try {
    await given.channel.ended;
  } finally {
    pool.release(given);
  }
}

function isDatagram(request: AnyRequest): request is DatagramRequest {
  return Array.isArray(request);
}
