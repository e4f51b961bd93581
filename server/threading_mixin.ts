import type {
  BaseServer,
  RequestHandlerClass,
  ServerOptions,
} from "./base_server.ts";
import type { DatagramRequest } from "../handlers/datagram_request_handler.ts";
import type { HandlerFunction } from "./_handler_class.ts";
import type {
  BaseRequestHandler,
  RequestServer,
  Unsent,
} from "../handlers/base_request_handler.ts";
import { checkCount } from "./_options.ts";
import { handlerLocation } from "./_remote/handler_location.ts";
import type { NearSide } from "./_remote/near_side.ts";
import type { ShutdownRequest } from "./_remote/payloads.ts";
import { ThreadPool } from "./_thread_pool.ts";

/** Options that {@linkcode ThreadingMixIn} adds to a server's. */
export interface ThreadingOptions {
  /**
   * How many threads there are at most. The first starts with the server, the
   * others when all are busy.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly workers?: number;
  /**
   * How many requests one thread takes at once. When all threads are full, the
   * server stops accepting.
   *
   * @default {Infinity}
   */
  readonly connectionsPerWorker?: number;
}

/** A server class that {@linkcode ThreadingMixIn} can be mixed into. */
export type ServerClass = new (
  address: never,
  handler: never,
  options?: never,
) => RequestServer & AsyncDisposable;

/** A server class whose handlers run in threads. */
export type Threading<Base extends ServerClass> = Base extends new (
  address: infer Address,
  handler: infer Handler,
  options?: infer Options,
) => infer Server ? new (
    address: Address,
    handler: Exclude<Handler, HandlerFunction<never>>,
    options?: Options & ThreadingOptions,
  ) => Server
  : never;

const DEFAULT_MAX_CONNECTIONS = 16_384;

/**
 * Runs the handlers of a server in threads: workers of this process. Mix it
 * into any server class.
 *
 * The handler class must say where it lives, since a class cannot travel to
 * another thread and a module can: `static override readonly moduleUrl: string =
 * import.meta.url`, and its module must export it. The threads import that
 * module, so what it does beside defining classes belongs behind
 * `if (import.meta.main)`.
 *
 * Sockets and hooks stay in the main thread; bytes travel through a ring of
 * shared memory, with a window of 256 KiB for each connection and direction.
 * In a handler, `server` is `addr` and `shutdown()`, and `request` is like a
 * `Deno.TcpConn`.
 *
 * Needs, beside what the server needs, `--allow-read` of the files that the
 * threads import: this module's and the handler's.
 *
 * A thread that dies takes its own requests with it: each is closed, and told to
 * `handleError` as a {@linkcode HandlerLostError}. It is replaced, after a pause
 * from 100 ms to 10 s if it died before it had served any request. A thread whose event
 * loop does not answer for a second after one of its requests was aborted, by
 * `requestTimeout` or a shutdown, is ended like this. Running out of memory is
 * the exception: V8 then ends the whole process.
 *
 * @example A server of threads
 * ```ts
 * import { StreamRequestHandler, TCPServer, ThreadingMixIn } from "@wire/socketserver";
 *
 * export class Echo extends StreamRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
 *   }
 * }
 *
 * export class Server extends ThreadingMixIn(TCPServer) {}
 *
 * if (import.meta.main) {
 *   const server = new Server({ hostname: "127.0.0.1", port: 1234 }, Echo);
 *   await server.serveForever();
 * }
 * ```
 *
 * @param Base The server class.
 * @returns A subclass of it. Its constructor also takes
 * {@linkcode ThreadingOptions}, and also throws: `TypeError` if the handler is a
 * function, does not say where it lives or is not exported; what importing its
 * module throws; `Deno.errors.NotCapable` if a file must not be read;
 * `Deno.errors.TimedOut` if the import takes longer than 30 seconds, for which
 * the constructor waits; `RangeError` if an option is out of range.
 */
export function ThreadingMixIn<Base extends ServerClass>(
  Base: Base,
): Threading<Base> {
  return threading(
    Base as unknown as ConcreteServerClass,
  ) as unknown as Threading<Base>;
}

type AnyRequest = Deno.Conn | DatagramRequest;

/** What TypeScript needs to know of the base of a mixin. */
type ConcreteServerClass = new (
  // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
  ...args: any[]
) => BaseServer<AnyRequest, Deno.Addr>;

function threading(Base: ConcreteServerClass): ConcreteServerClass {
  abstract class ThreadingServer extends Base {
    readonly #pool: ThreadPool;

    // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
    constructor(...args: any[]) {
      const [address, handler, options = {}] = args as [
        unknown,
        | RequestHandlerClass<AnyRequest, Deno.Addr>
        | HandlerFunction<BaseRequestHandler>,
        (ServerOptions & ThreadingOptions)?,
      ];
      const {
        workers = navigator.hardwareConcurrency,
        connectionsPerWorker = Infinity,
        maxConnections = DEFAULT_MAX_CONNECTIONS,
      } = options;
      checkCount("workers", workers, 1);
      checkCount("connectionsPerWorker", connectionsPerWorker, 1);
      checkCount("maxConnections", maxConnections, 1);
      const location = handlerLocation(handler);
      super(address, handler, {
        ...options,
        maxConnections: Math.min(
          maxConnections,
          workers * connectionsPerWorker,
        ),
      });
      try {
        this.#pool = new ThreadPool(
          workers,
          connectionsPerWorker,
          location,
          this.addr,
          (options) => void this.shutdown(options),
        );
      } catch (error) {
        this.close();
        throw error;
      }
    }

    override async runRequest(
      request: AnyRequest,
      clientAddress: Deno.Addr,
    ): Promise<void> {
      const pool = this.#pool;
      let abort: (reason: unknown) => void;
      this.whenAborted(request, (reason) => abort(reason));
      const owner = {
        settling: (unsent: Unsent) => this.settling(request, unsent),
        shutdown: (options: ShutdownRequest) =>
          this.shutdownFrom(request, options),
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
      try {
        await channel.ended;
      } finally {
        release();
      }
    }

    override async releaseResources(): Promise<void> {
      await this.#pool?.close();
      await super.releaseResources();
    }
  }
  return ThreadingServer as unknown as ConcreteServerClass;
}

function isDatagram(request: AnyRequest): request is DatagramRequest {
  return Array.isArray(request);
}
