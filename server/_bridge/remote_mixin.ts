import { ABORT, CLOSING, type Closing, UNSENT } from "../../handlers/_host.ts";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import type { DatagramRequest } from "../../handlers/datagram_request_handler.ts";
import type { RequestServer } from "../../handlers/base_request_handler.ts";
import type { ServerOptions } from "../server_options.ts";
import type {
  InProgress,
  RECYCLE,
  Runner,
  RunnerHost,
  RunnerNumbers,
} from "../_core/seam.ts";
import type { NearSide } from "./near_side.ts";
import { watchLiveness } from "./liveness.ts";
import type { Recyclable, RecycleOptions } from "../recyclable.ts";
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
 * A server class with a mixin: its handlers are classes, its options are more, and
 * what runs them can be replaced.
 */
export type MixedIn<Base extends ServerClass, Added> = Base extends new (
  address: infer Address,
  handler: infer Handler,
  options?: infer Options,
) => infer Server ? new (
    address: Address,
    handler: Exclude<Handler, (...parameters: never[]) => unknown>,
    options?: Options & Added,
  ) => Server & Recyclable
  : never;

/** What TypeScript needs to know of the base of a mixin. */
export type ConcreteServerClass = new (
  // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
  ...args: any[]
) => RequestServer & AsyncDisposable & {
  [RECYCLE](options: RecycleOptions): Promise<void>;
};

/** What a server's constructor was given, the mixin's options among the rest. */
export type MixinArguments<Added> = [
  address: unknown,
  handler: unknown,
  options?: ServerOptions & Added,
];

/** Runs the handlers of a server in the threads or processes of a pool. */
export class RemoteRunner implements Runner {
  readonly #makePool: (host: RunnerHost) => RemotePool;
  #pool: RemotePool | undefined;

  /** @param makePool Starts the pool, when the server's socket is open. */
  constructor(makePool: (host: RunnerHost) => RemotePool) {
    this.#makePool = makePool;
  }

  start(host: RunnerHost): void {
    this.#pool = this.#makePool(host);
  }

  congestion(): Promise<void> | undefined {
    return this.#pool!.drained?.();
  }

  async run(
    served: InProgress<unknown, Deno.Addr>,
    request: unknown,
    clientAddress: Deno.Addr,
  ): Promise<void> {
    const pool = this.#pool!;
    let abort: (reason: unknown) => void;
    let shuttingDown: number | undefined;
    let tellShuttingDown = (gracePeriod: number): void => {
      shuttingDown = gracePeriod;
    };
    let closing = (): Closing => "linger";
    let unsent = (): Unsent | undefined => undefined;
    served.handledBy({
      [ABORT]: (reason) => abort(reason),
      onShutdown: (gracePeriod) => {
        pool.shuttingDown?.();
        tellShuttingDown(gracePeriod);
      },
      [CLOSING]: () => closing(),
      get [UNSENT]() {
        return unsent();
      },
      isElsewhere: true,
    });
    let endWatch: (() => void) | undefined;
    const open = (side: NearSide) => {
      if (served.requestTimeout !== Infinity) {
        endWatch = watchLiveness(
          side,
          served.requestTimeout,
          () =>
            served.abort(
              stuckError(served.requestTimeout),
              "requestTimeout",
            ),
        );
      }
      return isDatagram(request)
        ? side.openDatagram(request, clientAddress, served)
        : side.openStream(request as Deno.Conn, served, clientAddress);
    };
    let assignment = pool.assign(open);
    if (assignment === undefined) {
      const waiting = pool.wait(open);
      abort = (reason) => pool.cancel(waiting, reason);
      assignment = await waiting.assigned.promise;
    }
    const { channel, release } = assignment;
    abort = assignment.abort;
    tellShuttingDown = (gracePeriod) => channel.shuttingDown(gracePeriod);
    closing = () => channel.closing();
    unsent = () => channel.unsent;
    if (shuttingDown !== undefined) tellShuttingDown(shuttingDown);
    served.handedOver();
    try {
      await channel.ended;
    } finally {
      endWatch?.();
      release();
    }
  }

  async recycle(gracePeriod: number): Promise<void> {
    await this.#pool!.recycle(gracePeriod);
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }

  trace(settings: TraceSettings | undefined): boolean {
    return this.#pool!.trace?.(settings) === true;
  }

  numbers(): RunnerNumbers {
    return this.#pool!.numbers();
  }
}

function stuckError(requestTimeout: number): DOMException {
  return new DOMException(
    `A request took longer than requestTimeout, ${requestTimeout} ms, and its event loop does not answer`,
    "TimeoutError",
  );
}

function isDatagram(request: unknown): request is DatagramRequest {
  return Array.isArray(request);
}
