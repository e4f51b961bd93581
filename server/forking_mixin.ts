import type {
  ConcreteServerClass,
  MixedIn,
  MixinArguments,
  ServerClass,
} from "./_bridge/remote_mixin.ts";
import { RECYCLE } from "./_core/seam.ts";
import { inProcesses } from "./_processes/in_processes.ts";
import type { ForkingOptions } from "./forking_options.ts";
import type { Recyclable, RecycleOptions } from "./recyclable.ts";

/** A server class whose handlers run in processes. */
export type Forking<Base extends ServerClass> = MixedIn<Base, ForkingOptions>;

/**
 * Runs the handlers of a server in processes of their own, which hold no
 * permission but those they are given. Mix it into any server class.
 *
 * The handler class must say where it lives: `static override readonly
 * moduleUrl: string = import.meta.url`, and its module must export it. Each
 * process imports that module, so what it does beside defining classes belongs
 * behind `if (import.meta.main)`.
 *
 * Sockets and hooks stay in the server's process; bytes travel through stdin and stdout
 * of the others, with a window of 512 KiB for each connection and direction, and of up
 * to 2 MiB to 16 handlers of a process that take at once what comes. In a handler,
 * `server` is `addr`, `config`, `post()` and `shutdown()`, `request` is like a
 * `Deno.TcpConn`, and `Deno.args` is as in the server's process. What a handler prints
 * goes to the server's stderr, and so does what a `Deno.Command` of its prints to an
 * inherited stdout: as text without control characters but line feeds and tabs (`\x1b`
 * and the like), so that no terminal obeys what a client sent, and without colours.
 * What it writes to descriptor 1 in another way ends its process: through `node:fs`, an
 * inherited stdout of `node:child_process`, or `console` in a `Worker` of its own.
 *
 * Needs, beside what the server needs, `--allow-run=deno`. A process without
 * permissions cannot import what is not in Deno's cache either. It and its
 * workers have none of what Deno keeps on disk without asking for a permission,
 * `localStorage`, `caches` and `Deno.openKv` with their classes, nor
 * `navigator.gpu`; and workers of `node:worker_threads` only where it may write
 * everywhere. What it imports from a `data:` or `blob:` URL stays in Deno's cache
 * on disk, which no permission forbids. It can use memory:
 * `denoArgs` can limit its heap, which typed arrays are not a part of. It can use
 * processor time, limited by `requestTimeout`. Unless
 * `allowShutdown` is false, it can shut the server down. It can
 * send datagrams from a datagram server's socket, to IP addresses and to hosts
 * that `permissions.net` names.
 *
 * Where no descriptor is left to start a process, the server tries again until
 * one is, and accepts nobody meanwhile whom no process can take.
 *
 * A process that ends takes its own requests with it: each is closed, and told
 * to `handleError` as a {@linkcode HandlerLostError} that says how the process
 * ended and what it wrote to stderr last; where it had none, that is told once,
 * without a request. Its printed form has what the process wrote only where that
 * has not been printed, and a start that fails is told in full once. A process
 * whose bytes are no frames, or more than it may send, is ended like this. A
 * process whose aborted request, by
 * `requestTimeout` or a shutdown, still goes on after a second is killed, unless
 * it has others. A process ends when the server's does. One in an endless loop,
 * in `Atomics.wait` or stopped by a signal cannot notice that.
 *
 * @example A server of processes
 * ```ts
 * import { ForkingMixIn, StreamRequestHandler, TCPServer } from "@wire/socketserver";
 *
 * export class Echo extends StreamRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   override async handle() {
 *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
 *   }
 * }
 *
 * export class Server extends ForkingMixIn(TCPServer) {}
 *
 * if (import.meta.main) {
 *   const server = new Server({ hostname: "127.0.0.1", port: 1234 }, Echo, {
 *     denoArgs: ["--v8-flags=--max-old-space-size=64"],
 *   });
 *   await server.serveForever();
 * }
 * ```
 *
 * @param Base The server class.
 * @returns A subclass of it. Its constructor also takes
 * {@linkcode ForkingOptions}, starts a process once to see that it can, for
 * which it waits, and also throws: `TypeError` if the handler is a function or
 * does not say where it lives, if an option is not of its type, or if this
 * process is not run by Deno's own program; `Error` with what the process wrote
 * to stderr if it did not start or its module does not export the handler;
 * `Deno.errors.TimedOut` if it took longer than `startTimeout`;
 * `Deno.errors.NotCapable` if deno must not be run; `Deno.errors.Busy` if too few
 * descriptors are left to start a process; `RangeError` if an option is out of
 * range.
 */
export function ForkingMixIn<Base extends ServerClass>(
  Base: Base,
): Forking<Base> {
  return forking(
    Base as unknown as ConcreteServerClass,
  ) as unknown as Forking<Base>;
}

function forking(Base: ConcreteServerClass): ConcreteServerClass {
  class ForkingServer extends Base implements Recyclable {
    // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
    constructor(...args: any[]) {
      const [address, handler, options = {}] = args as MixinArguments<
        ForkingOptions
      >;
      super(address, handler, inProcesses(handler, options));
    }

    recycle(options: RecycleOptions = {}): Promise<void> {
      return this[RECYCLE](options);
    }
  }
  return ForkingServer;
}
