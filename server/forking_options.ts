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
   * for the handler's module, if this process may read it, and those that would
   * come first from that module's folder outwards.
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
   * Whether handlers may shut the server down. Where they may not,
   * `server.shutdown()` rejects with `Deno.errors.NotCapable` in them, and a process
   * that asks for it all the same is ended. Set it to `false` where what runs in the
   * processes is not trusted.
   *
   * @default {true}
   */
  readonly allowShutdown?: boolean;
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
