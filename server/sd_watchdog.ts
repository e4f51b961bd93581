import { checkKeys } from "../handlers/_known_keys.ts";
import { LONGEST_DELAY } from "../handlers/_time_limit.ts";
import { isSuccessor } from "./_node_sockets/handover.ts";
import { readVariable } from "./_node_sockets/variable.ts";
import { sdNotify } from "./sd_notify.ts";

/** Options of {@linkcode sdWatchdog}. */
export interface SdWatchdogOptions {
  /**
   * Whether all is well. Where it answers `false`, throws or rejects, nothing is
   * told, and the service manager ends the service if that goes on.
   *
   * @default {() => true}
   */
  readonly check?: () => boolean | Promise<boolean>;
  /**
   * Takes what `check` has thrown, and why a message could not be sent.
   *
   * @default {console.error}
   */
  readonly onError?: (error: unknown) => void;
}

/** Tells the service manager again and again that all is well, until disposed of. */
export interface SdWatchdog extends Disposable {
  /**
   * How often, in milliseconds: half of what the unit's `WatchdogSec=` allows. It is
   * `undefined` where nobody wants to know.
   */
  readonly interval: number | undefined;
}

/**
 * Tells the service manager `"WATCHDOG=1"` twice in the time that the unit has as
 * `WatchdogSec=`, as sd_watchdog_enabled(3) advises: for as long as the event loop
 * turns. A process that computes without end, or hangs, is then started anew. It does
 * nothing where `WATCHDOG_USEC` is not set, or is another process's (`WATCHDOG_PID`),
 * and keeps no process from ending.
 *
 * Needs the permissions of {@linkcode sdNotify}, and
 * `--allow-env=WATCHDOG_USEC,WATCHDOG_PID`.
 *
 * @param options What is asked first, and who hears of failures.
 * @returns What ends it, when the first message has been taken.
 * @throws {Deno.errors.InvalidData} If `WATCHDOG_USEC` is no time.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Deno.errors.NotSupported} If `--unstable-net` is missing.
 * @throws {Deno.errors.TimedOut} If the first message is not taken within 5 seconds.
 * @throws {TypeError} If an option has an unknown name or another type.
 *
 * @example A service that is started anew if it hangs
 * ```ts
 * import { sdNotify, sdWatchdog, TCPServer } from "@wire/socketserver";
 *
 * export async function serve(server: TCPServer): Promise<void> {
 *   const served = server.serveForever();
 *   await sdNotify("READY=1");
 *   using _watchdog = await sdWatchdog();
 *   await served;
 * }
 * ```
 */
export async function sdWatchdog(
  options: SdWatchdogOptions = {},
): Promise<SdWatchdog> {
  const action = "watch over the service";
  checkKeys("option", options, ["check", "onError"], undefined, action);
  const { check = () => true, onError = console.error } = options;
  for (const [name, given] of Object.entries({ check, onError })) {
    if (typeof given === "function") continue;
    throw new TypeError(
      `Cannot ${action}: ${name} must be a function, received ${
        Deno.inspect(given)
      }`,
    );
  }
  const interval = watchdogInterval(action);
  if (interval === undefined) return { interval, [Symbol.dispose]() {} };
  if (!await sdNotify("WATCHDOG=1")) {
    return { interval: undefined, [Symbol.dispose]() {} };
  }
  let isTelling = false;
  const timer = setInterval(async () => {
    // One that is not taken at once is not followed by others.
    if (isTelling) return;
    isTelling = true;
    try {
      if (await check()) await sdNotify("WATCHDOG=1");
    } catch (error) {
      onError(error);
    } finally {
      isTelling = false;
    }
  }, interval);
  Deno.unrefTimer(timer);
  return { interval, [Symbol.dispose]: () => clearInterval(timer) };
}

/** How often the manager wants to be told, in milliseconds, if it does. */
function watchdogInterval(action: string): number | undefined {
  const said = readVariable("WATCHDOG_USEC", action, ["WATCHDOG_PID"]);
  if (said === undefined || said === "") return undefined;
  const pid = readVariable("WATCHDOG_PID", action);
  const isOurs = pid === undefined || pid === String(Deno.pid) ||
    isSuccessor(pid);
  if (!isOurs) return undefined;
  const microseconds = /^\d{1,16}$/.test(said) ? Number(said) : 0;
  if (microseconds === 0) {
    throw new Deno.errors.InvalidData(
      `Cannot ${action}: WATCHDOG_USEC must be a number of microseconds, received ${
        Deno.inspect(said, { strAbbreviateSize: 40 })
      }`,
    );
  }
  return Math.min(Math.max(microseconds / 2_000, 1), LONGEST_DELAY);
}
