import { fileURLToPath } from "node:url";
import { LONGEST_DELAY } from "./_deadlines.ts";
import { outputWithin } from "./_output_within.ts";
import type { HandlerLocation } from "./_remote/handler_location.ts";
import type { ProcessStart } from "./_remote/process.ts";

/** What decides how the processes of a server are started. */
export interface ChildCommandOptions {
  readonly permissions?: Deno.PermissionOptionsObject;
  readonly denoArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  readonly denoPath?: string | URL;
}

const GUARD_URL = new URL("./_remote/process_stdio.ts", import.meta.url);
const ENTRY_URL = new URL("./_remote/process.ts", import.meta.url);

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

/** The command that starts a process for a handler. */
export class ChildCommand {
  readonly #path: string;
  readonly #options: Deno.CommandOptions;

  constructor(
    handler: HandlerLocation,
    addr: Deno.Addr,
    path: string | URL,
    options: ChildCommandOptions,
  ) {
    const { denoArgs = [], env, uid, gid, permissions = {} } = options;
    const start: ProcessStart = { handler, addr };
    this.#path = pathOf(path);
    this.#options = {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        ...permissionFlags(permissions),
        // What is not cached would be fetched without any permission.
        ...(granted(permissions.import) ? [] : ["--cached-only"]),
        ...denoArgs,
        "--preload",
        GUARD_URL.href,
        "--preload",
        handler.moduleUrl,
        ENTRY_URL.href,
        JSON.stringify(start),
        ...Deno.args,
      ],
      clearEnv: true,
      // What it writes to stderr becomes part of messages.
      env: { NO_COLOR: "1", ...neededEnvironment(), ...env },
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      stdout: "piped",
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
   */
  checkSync(startTimeout: number): void {
    const timeout = Math.min(startTimeout, LONGEST_DELAY);
    const ended = outputWithin(
      this.#path,
      { ...this.#options, stdin: "null", stdout: "null" },
      timeout,
    );
    if (ended.code === 0) return;
    const refuse = (why: string) =>
      `Cannot create server: its processes do not start: ${why}`;
    if (ended.late) {
      throw new Deno.errors.TimedOut(
        refuse(withStderr(describeLateness(timeout), ended.stderr)),
      );
    }
    throw new Error(refuse(describeEnd(ended, ended.stderr)));
  }

  /** Starts a process. */
  spawn(): Deno.ChildProcess {
    return new Deno.Command(this.#path, { ...this.#options, stdin: "piped" })
      .spawn();
  }
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
  const text = stderr.trim();
  return text === "" ? how : `${how} and wrote to stderr: ${text}`;
}

/**
 * The program that runs the children.
 *
 * @throws {TypeError} If this process is not run by Deno's own program.
 * @throws {Deno.errors.NotCapable} If it must not be run.
 */
export function denoProgram(given: string | URL | undefined): string | URL {
  if (given !== undefined) {
    if (mayRun(given)) return given;
    throw new Deno.errors.NotCapable(
      `Cannot create server: its processes run "${given}", which requires run access; run again with --allow-run=${
        pathOf(given)
      }`,
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

function mayRun(command: string | URL): boolean {
  const { state } = Deno.permissions.querySync({ name: "run", command });
  return state === "granted";
}

function neededEnvironment(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const variable of NEEDED_VARIABLES) {
    const { state } = Deno.permissions.querySync({ name: "env", variable });
    const value = state === "granted" ? Deno.env.get(variable) : undefined;
    if (value !== undefined) found[variable] = value;
  }
  return found;
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
      const list = value.map((item) => pathOf(item).replaceAll(",", ",,"));
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

function pathOf(item: unknown): string {
  return item instanceof URL ? fileURLToPath(item) : String(item);
}
