import { isGranted } from "../../handlers/_granted.ts";
import { fileURLToPath } from "node:url";
import { escapeControls } from "../../handlers/_escape_controls.ts";
import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import { isWantOfDescriptors } from "../_core/accept_errors.ts";
import { allowedNames } from "./allowed_names.ts";
import { configFlags, findRemedy } from "./handler_config.ts";
import { checkId, checkTexts } from "../_core/options.ts";
import { type Ended, outputWithin } from "./output_within.ts";
import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { MayResolve } from "../_bridge/near_datagram.ts";
import { permissionRemedy } from "./permission_remedy.ts";
import { CHECKED, type ProcessStart } from "./process_start.ts";

/** What decides how the processes of a server are started. */
export interface ChildCommandOptions {
  readonly permissions?: Deno.PermissionOptionsObject;
  readonly denoArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  readonly allowShutdown?: boolean;
  readonly denoPath?: string | URL;
}

const GUARD_URL = new URL("./process_stdio.ts", import.meta.url);
const ENTRY_URL = new URL("./process_main.ts", import.meta.url);

/**
 * Never called: Deno downloads with a program what its modules name in an `import()`.
 * So these two are there where this module comes from a registry, and a process, which
 * downloads nothing, finds them.
 */
export const downloaded = () => [
  import("./process_stdio.ts"),
  import("./process_main.ts"),
];

/**
 * Where Deno keeps its caches and what Windows needs to start a program. A child
 * gets those that this process may read.
 */
const NEEDED_VARIABLES = [
  "DENO_DIR",
  "HOME",
  "XDG_CACHE_HOME",
  "LOCALAPPDATA",
  "USERPROFILE",
  "SystemRoot",
];

/** What Deno says of an import that no configuration maps to a module. */
const NOT_MAPPED = /^error: Import ".*" not a dependency/m;

/** What Deno says of a module that is not in its cache. */
const NOT_CACHED = /--cached-only is specified/;

/** The command that starts a process for a handler. */
export class ChildCommand {
  /** Which names of hosts its processes may have looked up. */
  readonly mayResolve: MayResolve;
  readonly #path: string;
  /** The arguments up to the module that is run. */
  readonly #program: readonly string[];
  readonly #start: Omit<ProcessStart, "check">;
  readonly #options: Deno.CommandOptions;

  /**
   * @throws {TypeError} If an option is not what it has to be.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(
    handler: HandlerLocation,
    addr: Deno.Addr,
    path: string,
    options: ChildCommandOptions,
  ) {
    const { denoArgs = [], env = {}, uid, gid, permissions = {} } = options;
    const { allowShutdown = true } = options;
    if (typeof allowShutdown !== "boolean") {
      throw new TypeError(
        `Cannot create server: allowShutdown must be true or false, received ${
          Deno.inspect(allowShutdown)
        }`,
      );
    }
    if (!Array.isArray(denoArgs)) {
      throw new TypeError(
        `Cannot create server: denoArgs must be a list of flags, received ${
          Deno.inspect(denoArgs)
        }`,
      );
    }
    checkTexts("denoArgs", denoArgs);
    checkTexts("env", env);
    checkId("uid", uid);
    checkId("gid", gid);
    const flags = permissionFlags(permissions);
    this.mayResolve = allowedNames(permissions.net);
    this.#path = path;
    this.#start = { handler, addr, allowShutdown };
    this.#program = [
      "run",
      "--quiet",
      "--no-prompt",
      ...flags,
      // What is not cached would be fetched without any permission.
      ...(granted(permissions.import) ? [] : ["--cached-only"]),
      ...configFlags(handler.moduleUrl, denoArgs),
      ...denoArgs,
      mainModule(handler.moduleUrl),
    ];
    this.#options = {
      clearEnv: true,
      // What it writes to stderr becomes part of messages.
      env: { NO_COLOR: "1", ...neededEnvironment(), ...env },
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      // Its end tells the process that this one is gone.
      stdin: "piped",
      stderr: "piped",
      // A signal from the terminal is for the server, which then drains.
      detached: true,
    };
  }

  /**
   * Starts a process that ends when it has imported its handler, and waits for
   * it.
   *
   * @param startTimeout How long that may take, in milliseconds.
   * @throws {Error} If it cannot, with what it wrote to stderr.
   * @throws {Deno.errors.TimedOut} If it took longer.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   */
  checkSync(startTimeout: number): void {
    const timeout = Math.min(startTimeout, LONGEST_DELAY);
    const ended = this.#outputWithin(timeout);
    if (ended.code === CHECKED) return;
    const refuse = (why: string) =>
      `Cannot create server: its processes do not start: ${why}`;
    if (ended.late) {
      throw new Deno.errors.TimedOut(
        refuse(withStderr(describeLateness(timeout), ended.stderr)),
      );
    }
    const how = ended.code === 0
      ? withStderr(
        "it ended with exit code 0 without having imported its handler",
        ended.stderr,
      )
      : describeEnd(ended, ended.stderr);
    const remedy = NOT_MAPPED.test(ended.stderr)
      ? `; name the configuration that has it by the option denoArgs: ["--config=PATH"]${
        findRemedy(this.#start.handler.moduleUrl)
      }`
      : NOT_CACHED.test(ended.stderr)
      ? cacheRemedy()
      : "";
    throw new Error(refuse(how + remedy));
  }

  #outputWithin(timeout: number): Ended {
    try {
      return outputWithin(
        this.#path,
        { ...this.#options, args: this.#args(true), stdout: "null" },
        timeout,
      );
    } catch (error) {
      if (!isWantOfDescriptors(error)) throw error;
      throw new Deno.errors.Busy(
        "Cannot create server: too few descriptors are left to start a process; raise the limit (ulimit -n)",
        { cause: error },
      );
    }
  }

  /** Whether its processes may shut the server down. */
  get allowShutdown(): boolean {
    return this.#start.allowShutdown;
  }

  /** Starts a process. */
  spawn(): Deno.ChildProcess {
    return new Deno.Command(this.#path, {
      ...this.#options,
      args: this.#args(false),
      stdout: "piped",
    }).spawn();
  }

  #args(check: boolean): string[] {
    const start: ProcessStart = { ...this.#start, check };
    return [...this.#program, JSON.stringify(start), ...Deno.args];
  }
}

/**
 * The URL of what a process runs. What it imports is part of the program, and
 * needs no permission; the guard comes first.
 */
function mainModule(handlerUrl: string): string {
  const source = `
import ${JSON.stringify(GUARD_URL.href)};
import * as exported from ${JSON.stringify(handlerUrl)};
import { run } from ${JSON.stringify(ENTRY_URL.href)};
await run(exported);`;
  return `data:application/javascript,${encodeURIComponent(source)}`;
}

/** Says how a process ended, with the last that it wrote to stderr. */
export function describeEnd(
  { code, signal }: {
    readonly code: number;
    readonly signal: Deno.Signal | null;
  },
  stderr: string,
): string {
  const how = signal === null
    ? `it ended with exit code ${code}`
    : `it was ended by ${signal}`;
  return withStderr(how, stderr);
}

/** Says that a process was killed because it took so long to start. */
export function describeLateness(startTimeout: number): string {
  return `it did not import its handler within ${startTimeout} ms`;
}

function withStderr(how: string, stderr: string): string {
  // What clients sent may be in it, and a terminal obeys it.
  const text = escapeControls(stderr.trim());
  if (text === "") return how;
  const remedy = permissionRemedy(text);
  return `${how} and wrote to stderr: ${text}${
    remedy === undefined ? "" : `; ${remedy}`
  }`;
}

/**
 * The program that runs the children.
 *
 * @throws {TypeError} If this process is not run by Deno's own program.
 * @throws {Deno.errors.NotCapable} If it must not be run.
 */
export function denoProgram(given: string | URL | undefined): string {
  if (given !== undefined) {
    const path = pathOf("denoPath", given);
    if (mayRun(path)) return path;
    throw new Deno.errors.NotCapable(
      `Cannot create server: its processes run "${path}", which requires run access; run again with --allow-run=${path}`,
    );
  }
  const path = Deno.execPath();
  if (Deno.build.standalone || !/[/\\]deno[^/\\]*$/i.test(path)) {
    throw new TypeError(
      `Cannot create server: its processes need the program deno and this one is run by "${path}"; pass the path of deno as denoPath`,
    );
  }
  for (const program of [path, "deno"]) if (mayRun(program)) return program;
  throw new Deno.errors.NotCapable(
    "Cannot create server: its processes run deno, which requires run access; run again with --allow-run=deno",
  );
}

function mayRun(command: string): boolean {
  return isGranted({ name: "run", command });
}

function neededEnvironment(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const variable of NEEDED_VARIABLES) {
    const value = isGranted({ name: "env", variable })
      ? Deno.env.get(variable)
      : undefined;
    if (value !== undefined) found[variable] = value;
  }
  return found;
}

/** What to do where a process misses what this one has, or would have to fetch. */
function cacheRemedy(): string {
  const hidden = ["DENO_DIR", "XDG_CACHE_HOME"]
    .filter((variable) => !isGranted({ name: "env", variable }));
  return "; processes download nothing: " +
    (hidden.length === 0
      ? "download it first, by deno cache"
      : `if the cache of Deno is not where it is by default, let this process tell them: run again with --allow-env=${hidden}`);
}

const PERMISSIONS = [
  "env",
  "ffi",
  "import",
  "net",
  "read",
  "run",
  "sys",
  "write",
] as const;

type Permission = Deno.PermissionOptionsObject[typeof PERMISSIONS[number]];

/**
 * The flags that grant permissions.
 *
 * @throws {TypeError} If there is no such permission, or it is not `true`,
 * `false` or a list.
 */
export function permissionFlags(
  permissions: Deno.PermissionOptionsObject,
): string[] {
  const flags: string[] = [];
  if (
    typeof permissions !== "object" || permissions === null ||
    Array.isArray(permissions)
  ) {
    throw new TypeError(
      `Cannot create server: permissions must be an object such as { read: ["/srv"] }, received ${
        Deno.inspect(permissions)
      }; processes inherit no permission`,
    );
  }
  for (const [name, value] of Object.entries(permissions)) {
    if (!(PERMISSIONS as readonly string[]).includes(name)) {
      throw new TypeError(
        `Cannot create server: there is no permission "${name}"; permissions are ${
          PERMISSIONS.join(", ")
        }`,
      );
    }
    if (value === true) flags.push(`--allow-${name}`);
    else if (Array.isArray(value)) {
      if (value.length === 0) continue;
      // Deno takes two commas for one that is not between values.
      const list = value.map((item) =>
        pathOf(`permissions.${name}`, item).replaceAll(",", ",,")
      );
      flags.push(`--allow-${name}=${list}`);
    } else if (value !== false && value !== undefined) {
      throw new TypeError(
        `Cannot create server: permissions.${name} must be true, false or a list of what is allowed, received ${
          Deno.inspect(value)
        }; processes inherit no permission`,
      );
    }
  }
  return flags;
}

function granted(permission: Permission): boolean {
  return permission === true ||
    Array.isArray(permission) && permission.length > 0;
}

/** @throws {TypeError} If it is neither text nor the URL of a file. */
function pathOf(option: string, item: unknown): string {
  if (typeof item === "string") return item;
  if (item instanceof URL && item.protocol === "file:") {
    return fileURLToPath(item);
  }
  throw new TypeError(
    `Cannot create server: ${option} has ${
      item instanceof URL ? item.href : Deno.inspect(item)
    }, which is neither text nor the URL of a file`,
  );
}
