import { ChildCommand, denoProgram } from "./_processes/child_command.ts";
import { ChildPool } from "./_processes/child_pool.ts";
import { type Runner, withSeam } from "./_core/seam.ts";
import { checkCount, checkTime } from "./_core/options.ts";
import {
  type ConcreteServerClass,
  type MixedIn,
  type MixinArguments,
  RemoteRunner,
  type ServerClass,
} from "./_bridge/remote_mixin.ts";
import { handlerLocation } from "./_bridge/handler_location.ts";
import { recycle } from "./_bridge/recycle.ts";
import type { Recyclable, RecycleOptions } from "./recyclable.ts";
import type { ServerOptions } from "./server_options.ts";

/** Options that {@linkcode ForkingMixIn} adds to a server's. */
export interface ForkingOptions {
  /**
   * How many processes there are at most, those that start or end among them.
   * When all are busy, the server stops accepting.
   *
   * @default {40}
   */
  readonly maxChildren?: number;
  /**
   * How many processes are started ahead and kept ready, within `maxChildren`.
   * A client that finds one does not wait for a start.
   *
   * @default {1}
   */
  readonly spareChildren?: number;
  /**
   * How many requests a process handles before it is replaced. 1 gives each
   * request a process of its own; `Infinity` keeps processes for good.
   *
   * @default {1}
   */
  readonly requestsPerChild?: number;
  /**
   * How many requests a process handles at once, where `requestsPerChild` lets
   * it.
   *
   * @default {1}
   */
  readonly connectionsPerChild?: number;
  /**
   * What the processes may do: for each permission `true` or a list, as in
   * `Deno.test`. `"inherit"` is not possible.
   *
   * @default {{}}
   */
  readonly permissions?: Deno.PermissionOptionsObject;
  /**
   * Further flags of `deno run`, such as
   * `--v8-flags=--max-old-space-size=64`, which limits a process's heap to 64
   * MiB. They are not checked: a flag that grants a permission grants it. Without
   * `--config` the processes use the `deno.json` or `deno.jsonc` that Deno finds
   * for the handler's module, if this process may read it.
   *
   * @default {[]}
   */
  readonly denoArgs?: readonly string[];
  /**
   * Environment variables of the processes. They get no others but `NO_COLOR`,
   * and those that tell Deno where its caches are, if this process may read them:
   * `DENO_DIR`, `HOME`, `XDG_CACHE_HOME`, and on Windows `LOCALAPPDATA`,
   * `USERPROFILE`, `SystemRoot`.
   *
   * @default {{}}
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The user that the processes run as, an integer from 0 to 2^32 - 2. It must be
   * able to read Deno's program, the modules and Deno's cache. Not on Windows.
   */
  readonly uid?: number;
  /**
   * The group that the processes run as, an integer from 0 to 2^32 - 2. Not on
   * Windows.
   */
  readonly gid?: number;
  /**
   * How long a process may take to import its handler, in milliseconds. Then it
   * is killed.
   *
   * @default {30000}
   */
  readonly startTimeout?: number;
  /**
   * How long a process that is to end may take, in milliseconds. Then it is
   * killed.
   *
   * @default {5000}
   */
  readonly killTimeout?: number;
  /**
   * The program that runs the processes, where it is not the one that runs this
   * process.
   *
   * @default {Deno.execPath()}
   */
  readonly denoPath?: string | URL;
}

const OPTION_NAMES = Object.keys(
  {
    maxChildren: true,
    spareChildren: true,
    requestsPerChild: true,
    connectionsPerChild: true,
    permissions: true,
    denoArgs: true,
    env: true,
    uid: true,
    gid: true,
    startTimeout: true,
    killTimeout: true,
    denoPath: true,
  } satisfies Record<keyof ForkingOptions, true>,
);

/** A server class whose handlers run in processes. */
export type Forking<Base extends ServerClass> = MixedIn<Base, ForkingOptions>;

const DEFAULT_MAX_CHILDREN = 40;
const DEFAULT_START_TIMEOUT = 30_000;
const DEFAULT_KILL_TIMEOUT = 5_000;

/**
 * Runs the handlers of a server in processes of their own, which hold no
 * permission but those they are given. Mix it into any server class.
 *
 * The handler class must say where it lives: `static override readonly
 * moduleUrl: string = import.meta.url`, and its module must export it. Each
 * process imports that module, so what it does beside defining classes belongs
 * behind `if (import.meta.main)`.
 *
 * Sockets and hooks stay in the server's process; bytes travel through stdin and
 * stdout of the others, with a window of 512 KiB for each connection and
 * direction, and of up to 2 MiB to 16 handlers of a process that take at once
 * what comes. In a handler, `server` is `addr`, `config`, `post()` and
 * `shutdown()`, `request` is like a `Deno.TcpConn`, and `Deno.args` is as in the server's process. What a
 * handler prints goes to the server's stderr, and so does what a `Deno.Command`
 * of its prints to an inherited stdout: as text without control characters but
 * line feeds and tabs (`\x1b` and the like), so that no terminal obeys what a
 * client sent, and without colours. What it writes to descriptor 1 in another
 * way ends its process: through `node:fs`, an inherited stdout of
 * `node:child_process`, or `console` in a `Worker` of its own.
 *
 * Needs, beside what the server needs, `--allow-run=deno`. A process without
 * permissions cannot import what is not in Deno's cache either. It and its
 * workers have none of what Deno keeps on disk without asking for a permission,
 * `localStorage`, `caches` and `Deno.openKv` with their classes, nor
 * `navigator.gpu`; and workers of `node:worker_threads` only where it may write
 * everywhere. What it imports from a `data:` or `blob:` URL stays in Deno's cache
 * on disk, which no permission forbids. It can use memory:
 * `denoArgs` can limit its heap, which typed arrays are not a part of. It can use
 * processor time, limited by `requestTimeout`. It can shut the server down, and
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
    readonly #runner: Pick<Runner, "recycle">;
    readonly #options: ServerOptions;

    // deno-lint-ignore no-explicit-any -- the form that a mixin must have.
    constructor(...args: any[]) {
      const [address, handler, options = {}] = args as MixinArguments<
        ForkingOptions
      >;
      const {
        maxChildren = DEFAULT_MAX_CHILDREN,
        spareChildren = Math.min(1, maxChildren),
        requestsPerChild = 1,
        connectionsPerChild = 1,
        startTimeout = DEFAULT_START_TIMEOUT,
        killTimeout = DEFAULT_KILL_TIMEOUT,
      } = options;
      checkCount("maxChildren", maxChildren, 1);
      checkCount("spareChildren", spareChildren, 0);
      checkCount("requestsPerChild", requestsPerChild, 1);
      checkCount("connectionsPerChild", connectionsPerChild, 1);
      checkTime("startTimeout", startTimeout);
      checkTime("killTimeout", killTimeout);
      if (spareChildren > maxChildren || spareChildren === Infinity) {
        throw new RangeError(
          `Cannot create server: spareChildren must be finite and at most maxChildren, ${maxChildren}, received ${spareChildren}`,
        );
      }
      const capacity = maxChildren *
        Math.min(connectionsPerChild, requestsPerChild);
      const location = handlerLocation(handler);
      const program = denoProgram(options.denoPath);
      const limits = {
        maxChildren,
        spareChildren,
        requestsPerChild,
        connectionsPerChild,
        startTimeout,
        killTimeout,
      };
      const runner = new RemoteRunner(
        ({ addr, shutdown, report, messages }) => {
          const command = new ChildCommand(location, addr, program, options);
          command.checkSync(startTimeout);
          return new ChildPool(command, limits, shutdown, report, messages);
        },
      );
      super(
        address,
        handler,
        withSeam(options, { runner, optionNames: OPTION_NAMES, capacity }),
      );
      this.#runner = runner;
      this.#options = options;
    }

    recycle(options: RecycleOptions = {}): Promise<void> {
      return recycle(this.#runner, options, this.#options);
    }
  }
  return ForkingServer;
}
