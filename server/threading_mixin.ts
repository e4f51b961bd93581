import type {
  ConcreteServerClass,
  MixedIn,
  MixinArguments,
  ServerClass,
} from "./_bridge/remote_mixin.ts";
import { RECYCLE } from "./_core/seam.ts";
import { inThreads } from "./_threads/in_threads.ts";
import type { Recyclable, RecycleOptions } from "./recyclable.ts";
import type { ThreadingOptions } from "./threading_options.ts";

export type { MixedIn, ServerClass };

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
 * `verify`, the address no `resolveContext`, its port is not shared by `reusePort`, its
 * socket neither inherited nor `inheritable`, and this process may listen on the port
 * that was chosen. Each thread then runs a server of its own on the one socket, and no
 * byte passes through the main thread, where errors are handled all the same.
 * Handshakes of TLS are spread over the threads; a session can be resumed with the
 * thread that began it. `handleError` is told of the client's address and no request.
 * `maxConnections` counts over all threads; a thread that waits for a connection holds
 * a place for it. The port is free when `finished` resolves. The option `accept:
 * "threads"` insists on it, and says what stands against it. A hook that is set on the
 * server while they accept is refused with a `TypeError`.
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
    // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
    constructor(...args: any[]) {
      const [address, handler, options = {}] = args as MixinArguments<
        ThreadingOptions
      >;
      super(
        address,
        handler,
        inThreads(new.target, address, handler, options),
      );
    }

    recycle(options: RecycleOptions = {}): Promise<void> {
      return this[RECYCLE](options);
    }
  }
  return ThreadingServer;
}
