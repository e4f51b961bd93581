import { type Runner, withSeam } from "./_core/seam.ts";
import { checkCount } from "./_core/options.ts";
import {
  type ConcreteServerClass,
  type MixedIn,
  type MixinArguments,
  RemoteRunner,
  type ServerClass,
} from "./_bridge/remote_mixin.ts";
import {
  acceptError,
  type AcceptMode,
  checkAcceptMode,
  hookOf,
  objection,
  refuseHooks,
} from "./_acceptors/accept_mode.ts";
import {
  type AcceptorAddress,
  acceptorOptions,
} from "./_acceptors/acceptor_start.ts";
import { AcceptRunner } from "./_acceptors/accept_runner.ts";
import { recycle } from "./_bridge/recycle.ts";
import type { Recyclable, RecycleOptions } from "./recyclable.ts";
import type { ServerOptions } from "./server_options.ts";
import { handlerLocation } from "./_bridge/handler_location.ts";
import { threadsOf } from "./_acceptors/places.ts";
import { ThreadPool } from "./_threads/thread_pool.ts";

export type { MixedIn, ServerClass };

/** Options that {@linkcode ThreadingMixIn} adds to a server's. */
export interface ThreadingOptions {
  /**
   * How many threads there are at most. The first starts with the server, the
   * others when all are busy. Of threads that accept for themselves there are at
   * most 1,024.
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
  /**
   * After how many requests a thread is replaced by a new one, so that what its
   * handlers leak does not grow for ever: up to a tenth earlier, by chance, so that
   * not all are replaced at once. One is replaced at a time, so that under load a
   * thread may have more. The new one is ready first; the old one ends when
   * the requests that it has have ended, whose handlers are told by `onShutdown`.
   * Where no new one can be started, that is told to `handleError`, and the old one
   * goes on for as many again.
   *
   * @default {Infinity}
   */
  readonly requestsPerWorker?: number;
  /**
   * Who accepts connections. `"threads"`: each thread accepts for itself from the
   * one listening socket, and no byte passes through the main thread. `"main"`:
   * the main thread accepts, and carries the bytes to the threads and back.
   * `"auto"` takes `"threads"` for a server of TCP or TLS that overrides no hook but
   * `handleError` and `handleTimeout`, and `"main"` otherwise.
   *
   * @default {"auto"}
   */
  readonly accept?: AcceptMode;
}

export type { AcceptMode };

/** How many threads accept for themselves at most. */
const MOST_ACCEPTORS = 1_024;

const OPTION_NAMES = Object.keys(
  {
    workers: true,
    connectionsPerWorker: true,
    requestsPerWorker: true,
    accept: true,
  } satisfies Record<keyof ThreadingOptions, true>,
);

/** A server class whose handlers run in threads. */
export type Threading<Base extends ServerClass> = MixedIn<
  Base,
  ThreadingOptions
>;

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
 * In a handler, `server` is `addr`, `config`, `post()` and `shutdown()`.
 *
 * Who accepts: threads of a server of TCP or TLS do so themselves, where its class
 * overrides no hook but `handleError` and `handleTimeout`, the options hold no
 * `verify`, the address no `resolveContext`, its port is not shared by `reusePort`, its socket neither inherited nor
 * `inheritable`, and this process may
 * listen on the port that was chosen. Each thread then runs a server of its own on
 * the one socket, and no byte passes through the main thread, where errors are
 * handled all the same. Handshakes of TLS are spread over the threads; a session can
 * be resumed with the thread that began it. `handleError` is told of the client's address and no
 * request. `maxConnections` counts over all threads; a thread that waits for a
 * connection holds a place for it. The port is free when `finished` resolves.
 * The option `accept: "threads"` insists on it, and says what stands against it. A
 * hook that is set on the server while they accept is refused with a `TypeError`.
 *
 * Otherwise, and for all other servers, sockets and hooks stay in the main thread;
 * bytes travel through shared memory, with a window of 512 KiB for each connection
 * and direction, and of up to 2 MiB to 16 handlers of a thread that take at once
 * what comes. `request` is then like a `Deno.TcpConn`. `accept: "main"` has it so.
 *
 * Needs, beside what the server needs, `--allow-read` of the files that the
 * threads import: this module's and the handler's.
 *
 * A thread that dies takes its own requests with it: each is closed, and told to
 * `handleError` as a {@linkcode HandlerLostError}; where it had none, that is
 * told once, without a request. It is replaced, after a pause from 100 ms to 10 s
 * if it died before it had served any request. A thread whose event loop does not
 * answer for a second after one of its requests was aborted, by
 * `requestTimeout` or a shutdown, is given up like this; Deno 2.9.6 cannot stop
 * an endless loop, which runs until the process ends. If that thread accepted for
 * itself, its connections and its hold on the port stay as long. A thread may use as much
 * memory as the main thread may (`--v8-flags=--max-old-space-size=MIB`); memory
 * outside of V8's heap, an `ArrayBuffer`'s, is not counted, and a loop that fills
 * memory and never waits may not be stopped at the limit: run handlers that cannot
 * be trusted with memory in processes.
 *
 * 24 descriptors are kept open, so that a thread can be replaced when no other is
 * left. While no thread is there, and these are all that is left, nobody is
 * accepted until one has started. Another thread beside the first starts only
 * where as many again are left.
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
 * function, does not say where it lives or is not exported, or threads cannot
 * accept as `accept` insists; `Deno.errors.NotSupported` if they could not share
 * the socket; what importing its
 * module throws; `Deno.errors.NotCapable` if a file must not be read;
 * `Deno.errors.Busy` if too few descriptors are left to start a thread, to
 * replace it, and to accept a client;
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

function threading(Base: ConcreteServerClass): ConcreteServerClass {
  class ThreadingServer extends Base implements Recyclable {
    readonly #runner: Pick<Runner, "recycle">;
    readonly #options: ServerOptions;

    // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
    constructor(...args: any[]) {
      const [address, handler, options = {}] = args as MixinArguments<
        ThreadingOptions
      >;
      const {
        workers = navigator.hardwareConcurrency,
        connectionsPerWorker = Infinity,
        requestsPerWorker = Infinity,
        accept = "auto",
      } = options;
      checkAcceptMode(accept);
      checkCount("workers", workers, 1);
      checkCount("connectionsPerWorker", connectionsPerWorker, 1);
      checkCount("requestsPerWorker", requestsPerWorker, 1);
      const capacity = workers * connectionsPerWorker;
      const location = handlerLocation(handler);
      const makePool = () =>
        new RemoteRunner(({ addr, shutdown, report, messages }) =>
          new ThreadPool(
            workers,
            connectionsPerWorker,
            requestsPerWorker,
            location,
            addr,
            shutdown,
            report,
            messages,
          )
        );
      const optionNames = OPTION_NAMES;
      const reason = accept === "main"
        ? "it is not wanted"
        : objection(new.target, address, options);
      if (reason !== undefined) {
        if (accept === "threads") throw acceptError(reason);
        const runner = makePool();
        super(
          address,
          handler,
          withSeam(options, { runner, optionNames, capacity }),
        );
        this.#runner = runner;
        this.#options = options;
        return;
      }
      const runner = new AcceptRunner({
        insists: accept === "threads",
        makeOther: makePool,
        supervised: (port) => ({
          ...{ requestsPerWorker, handler: location },
          workers: Math.min(workers, MOST_ACCEPTORS),
          perWorker: connectionsPerWorker,
          address: { ...address as AcceptorAddress, port },
          options: acceptorOptions(options),
        }),
        objection: () => hookOf(this),
        refuseHooks: () => refuseHooks(this),
      });
      super(
        address,
        handler,
        withSeam(options, {
          ...{ runner, optionNames, capacity, listen: runner.listen },
          admissionThreads: threadsOf(Math.min(workers, MOST_ACCEPTORS)),
        }),
      );
      this.#runner = runner;
      this.#options = options;
    }

    recycle(options: RecycleOptions = {}): Promise<void> {
      return recycle(this.#runner, options, this.#options);
    }
  }
  return ThreadingServer;
}
