import { setTimeout } from "node:timers/promises";
import { isGranted } from "../handlers/_granted.ts";
import { checkKeys } from "../handlers/_known_keys.ts";
import { checkTime } from "./_core/options.ts";
import type { Recyclable } from "./recyclable.ts";
import { sdNotify } from "./sd_notify.ts";
import { type SdWatchdog, sdWatchdog } from "./sd_watchdog.ts";
import type { ShutdownOptions } from "./server_options.ts";

/** A server that can be run: every one of this module, and of others like it. */
export interface RunnableServer {
  /**
   * Serves until it is shut down.
   *
   * @returns A promise that resolves when no request is in progress any more.
   */
  serveForever(): Promise<void>;
  /**
   * Accepts nothing more, and lets what runs finish.
   *
   * @param options How long that may take.
   * @returns A promise that resolves when no request is in progress, or nothing:
   * `serveForever` tells that too.
   */
  shutdown(options?: ShutdownOptions): Promise<void> | void;
}

/** Options of {@linkcode run}. */
export interface RunOptions extends ShutdownOptions {
  /**
   * The signals that end the servers. SIGHUP among them recycles nothing.
   *
   * @default {["SIGINT", "SIGTERM"]}, on Windows `["SIGINT", "SIGBREAK"]`
   */
  readonly signals?: readonly Deno.Signal[];
  /**
   * Told of each signal, and of what is done because of it: `"drain"` for the first
   * that ends the servers, `"end"` for those that follow, `"recycle"` for SIGHUP.
   */
  readonly onSignal?: (
    signal: Deno.Signal,
    action: "drain" | "end" | "recycle",
  ) => void;
}

const ACTION = "run";

/**
 * How long the signal that has ended the servers is taken for the same one when it
 * comes again, in milliseconds. A terminal sends it to all of its programs, and
 * `deno task` passes it on to its own, which gets it twice within some milliseconds.
 */
const ECHO = 100;

/**
 * Serves until a signal ends it, as programs do that others look after.
 *
 * The first SIGINT or SIGTERM drains: nothing more is accepted, and requests in
 * progress have the grace period. The second aborts them at once; the same signal
 * within 100 milliseconds is none, as one of a terminal comes twice under `deno task`.
 * A handler that ignores its signal is given up one second later, and what it waits for
 * may keep the process alive behind `run`: `Deno.exit()` there ends it all the same, and
 * so does one more signal. SIGHUP replaces the threads or processes of servers that
 * have some (`recycle()`); without such a server, and in a terminal, which sends it when
 * it is closed, it has its usual effect. A service manager that has set `NOTIFY_SOCKET`,
 * systemd mostly, is told when the servers are ready and when they stop, and its
 * watchdog that the event loop turns. What goes wrong with that, with recycling, in
 * `onSignal` and in a `shutdown()` is printed to stderr, and the servers go on, or end.
 *
 * Needs no permission beside those of the servers, and under a service manager those of
 * {@linkcode sdNotify} and {@linkcode sdWatchdog}. Without `--allow-env=NOTIFY_SOCKET`
 * it tells the manager nothing, and does not say so where it sees no manager: neither
 * `LISTEN_PID` nor `WATCHDOG_USEC` shows that there is one. systemd then takes a unit of
 * `Type=notify` for one that does not start. Any other flag that is missing is printed.
 *
 * @param servers The server, or several. Where one of them fails, the others are shut
 * down.
 * @param options Which signals, and how long requests may take.
 * @returns The signal that ended the servers, or `undefined` if none did: when no
 * request is in progress, and signals have their usual effect again, 100 milliseconds
 * after that signal at the earliest.
 * @throws What `serveForever` rejects with.
 * @throws {RangeError} If `gracePeriod` is not a non-negative number.
 * @throws {TypeError} If there is no server, an option has an unknown name or is of
 * another type, or nobody can hear one of the signals.
 *
 * @example A server that Ctrl-C drains
 * ```ts
 * import { run, TCPServer } from "@wire/socketserver";
 *
 * export async function main(): Promise<void> {
 *   const server = new TCPServer(
 *     { port: 1234 },
 *     async ({ wfile }) => await wfile.write("Thank you for connecting"),
 *   );
 *   await run(server);
 * }
 * ```
 */
export async function run(
  servers: RunnableServer | readonly RunnableServer[],
  options: RunOptions = {},
): Promise<Deno.Signal | undefined> {
  const all: readonly RunnableServer[] = Array.isArray(servers)
    ? servers
    : [servers];
  const { signals, gracePeriod, onSignal } = checkOptions(all, options);
  let ended: Deno.Signal | undefined;
  let endedAt = -Infinity;
  /** Whether there is a service manager that knows that the servers are ready. */
  let told = Promise.resolve(false);
  const echoLasts = () => endedAt + ECHO - performance.now();
  // One that fails to end must not keep the others from it.
  const shutdown = (grace: ShutdownOptions) => {
    for (const server of all) {
      attempt(() => server.shutdown(grace)).catch(complain);
    }
  };
  const tell: typeof onSignal = (signal, action) => {
    attempt(() => onSignal?.(signal, action)).catch(complain);
  };
  const listeners = new Map<Deno.Signal, () => void>();
  for (const signal of signals) {
    listeners.set(signal, () => {
      if (signal === ended && echoLasts() > 0) return;
      tell(signal, ended === undefined ? "drain" : "end");
      if (ended !== undefined) return shutdown({ gracePeriod: 0 });
      ended = signal;
      endedAt = performance.now();
      // One that could not be told of the beginning cannot be told of the end.
      void told.then((isTold) => isTold && notify("STOPPING=1"));
      shutdown(gracePeriod === undefined ? {} : { gracePeriod });
    });
  }
  const recyclable = all.filter(isRecyclable);
  // In a terminal it says that the terminal is gone.
  const mayRecycle = Deno.build.os !== "windows" && !Deno.stdin.isTerminal();
  if (recyclable.length > 0 && mayRecycle && !listeners.has("SIGHUP")) {
    listeners.set("SIGHUP", () => {
      tell("SIGHUP", "recycle");
      for (const server of recyclable) server.recycle().catch(complain);
    });
  }
  const added: (readonly [Deno.Signal, () => void])[] = [];
  let watchdog: SdWatchdog | undefined;
  try {
    for (const [signal, listener] of listeners) {
      // Throws where nobody can hear the signal, as SIGKILL.
      Deno.addSignalListener(signal, listener);
      added.push([signal, listener]);
    }
    const served = all.map((server) => attempt(() => server.serveForever()));
    // The first that fails takes the others with it.
    for (const each of served) each.catch(() => shutdown({}));
    // The successor of a process that systemd has started is another one.
    told = notify(`READY=1\nMAINPID=${Deno.pid}`);
    const ready = told.then(async (isTold) => {
      watchdog = isTold ? await watch() : undefined;
    });
    const outcomes = await Promise.allSettled(served);
    await ready;
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
  } finally {
    watchdog?.[Symbol.dispose]();
    // Its usual effect would end the program before it has done what follows.
    if (echoLasts() > 0) await setTimeout(echoLasts());
    for (const [signal, listener] of added) {
      Deno.removeSignalListener(signal, listener);
    }
  }
  return ended;
}

function checkOptions(
  servers: readonly unknown[],
  options: RunOptions,
): RunOptions & { readonly signals: readonly Deno.Signal[] } {
  const names = ["signals", "gracePeriod", "onSignal"];
  checkKeys("option", options, names, undefined, ACTION);
  const {
    signals = Deno.build.os === "windows"
      ? ["SIGINT", "SIGBREAK"]
      : ["SIGINT", "SIGTERM"],
    gracePeriod,
    onSignal,
  } = options;
  if (gracePeriod !== undefined) checkTime("gracePeriod", gracePeriod);
  const isServer = (server: unknown) => {
    const { serveForever, shutdown } = (server ?? {}) as Partial<
      RunnableServer
    >;
    return typeof serveForever === "function" && typeof shutdown === "function";
  };
  const wrong = servers.length === 0 || !servers.every(isServer)
    ? ["the first argument must be a server, or several", servers]
    : !Array.isArray(signals)
    ? ["signals must be an array of signals", signals]
    : onSignal !== undefined && typeof onSignal !== "function"
    ? ["onSignal must be a function", onSignal]
    : undefined;
  if (wrong === undefined) return { ...options, signals };
  throw new TypeError(
    `Cannot ${ACTION}: ${wrong[0]}, received ${Deno.inspect(wrong[1])}`,
  );
}

function isRecyclable(
  server: RunnableServer,
): server is RunnableServer & Recyclable {
  return typeof (server as Partial<Recyclable>).recycle === "function";
}

/** Tells the service manager. Returns whether there is one that has been told. */
async function notify(state: string): Promise<boolean> {
  const isVisible = isGranted({ name: "env", variable: "NOTIFY_SOCKET" });
  if (!isVisible && !isManaged()) return false;
  try {
    return await sdNotify(state);
  } catch (error) {
    complain(error);
    return false;
  }
}

/**
 * Whether a service manager has started this process, as far as it may see. Where it
 * sees none, a variable that it may not read is most likely not there, and to ask for
 * it would disturb everybody who has no service manager.
 */
function isManaged(): boolean {
  const see = (variable: string) =>
    isGranted({ name: "env", variable }) ? Deno.env.get(variable) : undefined;
  return see("LISTEN_PID") === String(Deno.pid) ||
    see("WATCHDOG_USEC") !== undefined;
}

async function watch(): Promise<SdWatchdog | undefined> {
  try {
    return await sdWatchdog({ onError: complain });
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** Calls something, which may throw at once or reject. */
async function attempt<Result>(
  call: () => Result | Promise<Result>,
): Promise<Result> {
  return await call();
}

function complain(error: unknown): void {
  console.error(error);
}
