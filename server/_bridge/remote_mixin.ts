import type { DatagramRequest } from "../../handlers/datagram_request_handler.ts";
import type { RequestServer } from "../../handlers/base_request_handler.ts";
import type { BaseServer, ServerOptions } from "../base_server.ts";
import { checkCount } from "../_core/options.ts";
import type { RequestOwner } from "./near_channel.ts";
import type { NearSide } from "./near_side.ts";
import type { RemotePool } from "./remote_pool.ts";

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
    handler: Exclude<Handler, (...parameters: never[]) => unknown>,
    options?: Options & Added,
  ) => Server
  : never;

/** What a server accepts. */
export type AnyRequest = Deno.Conn | DatagramRequest;

/** A server whose every step can be called by a subclass. */
interface ConcreteServer extends BaseServer<AnyRequest, Deno.Addr> {
  getRequest(): Promise<[AnyRequest, Deno.Addr]>;
}

/** What TypeScript needs to know of the base of a mixin. */
export type ConcreteServerClass = new (
  // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
  ...args: any[]
) => ConcreteServer;

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

/** Runs the handler of a server's request somewhere else. */
export async function runRemotely(
  server: BaseServer<AnyRequest, Deno.Addr>,
  pool: RemotePool,
  request: AnyRequest,
  clientAddress: Deno.Addr,
): Promise<void> {
  let abort: (reason: unknown) => void;
  let shuttingDown = false;
  let tellShuttingDown = () => {
    shuttingDown = true;
  };
  server.listenTo(request, {
    aborted: (reason) => abort(reason),
    shuttingDown: () => tellShuttingDown(),
  });
  const owner: RequestOwner = {
    settling: (unsent) => server.settling(request, unsent),
    shutdown: (options) => server.shutdownFrom(request, options),
  };
  const open = (side: NearSide) =>
    isDatagram(request)
      ? side.openDatagram(request, clientAddress, owner)
      : side.openStream(request, owner);
  let assignment = pool.assign(open);
  if (assignment === undefined) {
    const waiting = pool.wait(open);
    abort = (reason) => pool.cancel(waiting, reason);
    assignment = await waiting.assigned.promise;
  }
  const { channel, release } = assignment;
  abort = assignment.abort;
  tellShuttingDown = () => channel.shuttingDown();
  if (shuttingDown) tellShuttingDown();
  try {
    await channel.ended;
  } finally {
    release();
  }
}

function isDatagram(request: AnyRequest): request is DatagramRequest {
  return Array.isArray(request);
}
