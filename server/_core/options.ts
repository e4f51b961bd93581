import { checkRuns } from "../../handlers/_generators.ts";
import type { ServerOptions } from "../server_options.ts";
import { checkKeys } from "../../handlers/_known_keys.ts";
import { OF_PROCESSES, OF_THREADS } from "./options_of_runners.ts";

/** How many requests may be in progress where a server does not say. */
export const DEFAULT_MAX_CONNECTIONS = 16_384;
/** How long requests may take once they should end, in milliseconds. */
export const DEFAULT_GRACE_PERIOD = 15_000;

const OPTION_NAMES = [
  ...["maxConnections", "timeout", "requestTimeout", "gracePeriod", "signal"],
  ...["onListen", "verify", "onError", "config", "onMessage"],
];

/** Keys of addresses, which `Deno.serve` has among its options. */
const OF_ADDRESSES = {
  keys: ["hostname", "port", "path", "cert", "key", "ca", "clientAuth"],
  where: "address, the first argument",
};

const ELSEWHERE = [OF_ADDRESSES, OF_THREADS, OF_PROCESSES];

const CALLBACKS = ["onListen", "verify", "onError", "onMessage"] as const;

/** The times and counts that every server has. */
interface Limits {
  readonly maxConnections: number;
  readonly timeout: number;
  readonly requestTimeout: number;
  readonly gracePeriod: number;
}

/**
 * Checks the options that every server has, and fills in the defaults.
 *
 * @param options The options.
 * @param more The names of those that this kind of server has beside them.
 * @throws {RangeError} If a count or time is out of range.
 * @throws {TypeError} If a signal or a function is none, or a name unknown.
 */
export function checkServerOptions<Address extends Deno.Addr, Request>(
  options: ServerOptions<Address, Request>,
  more: readonly string[] = [],
): Limits {
  checkKeys("option", options, [...OPTION_NAMES, ...more], ELSEWHERE);
  const {
    maxConnections = DEFAULT_MAX_CONNECTIONS,
    timeout = Infinity,
    requestTimeout = Infinity,
    gracePeriod = DEFAULT_GRACE_PERIOD,
  } = options;
  checkCount("maxConnections", maxConnections, 1);
  checkTime("timeout", timeout);
  checkTime("requestTimeout", requestTimeout);
  checkTime("gracePeriod", gracePeriod);
  checkSignal(options.signal);
  for (const name of CALLBACKS) {
    const value: unknown = options[name];
    // What a generator function makes would be taken for an answer: verify would
    // let everybody in.
    if (value !== undefined) checkRuns(name, value, "create server");
  }
  return { maxConnections, timeout, requestTimeout, gracePeriod };
}

/**
 * Checks a count given as an option.
 *
 * @param action What fails otherwise.
 * @throws {RangeError} If it is not an integer of at least `least`.
 */
export function checkCount(
  name: string,
  value: number,
  least: number,
  action = "create server",
): void {
  if (value === Infinity || (Number.isInteger(value) && value >= least)) return;
  throw new RangeError(
    `Cannot ${action}: ${name} must be an integer of at least ${least}, received ${
      Deno.inspect(value)
    }`,
  );
}

/**
 * Checks a time given in milliseconds as an option.
 *
 * @throws {RangeError} If it is not a number, or negative.
 */
export function checkTime(name: string, value: number): void {
  if (typeof value === "number" && value >= 0) return;
  throw new RangeError(
    `Cannot use ${name}: it must be a non-negative number of milliseconds, received ${
      Deno.inspect(value)
    }`,
  );
}

/**
 * Checks a signal given as an option.
 *
 * @throws {TypeError} If there is one, and it is not an `AbortSignal`.
 */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(
    `Cannot shut down on signal: it must be an AbortSignal, received ${
      Deno.inspect(signal)
    }`,
  );
}

/**
 * The backlog option in the form of `Deno.listen`.
 *
 * @throws {RangeError} If it is not a positive integer.
 */
export function listenBacklog(
  backlog: number | undefined,
): { tcpBacklog?: number } {
  if (backlog === undefined) return {};
  checkCount("backlog", backlog, 1);
  // listen(2) takes an int and cuts it to the system's own limit.
  return { tcpBacklog: Math.min(backlog, 2 ** 31 - 1) };
}

/** The largest id of a user or a group: setuid(2) takes all bits set as none. */
const LARGEST_ID = 2 ** 32 - 2;

/**
 * Checks the id of a user or a group.
 *
 * @throws {RangeError} If there is one, and it is not an integer from 0 to
 * 2^32 - 2.
 */
export function checkId(name: string, id: number | undefined): void {
  if (id === undefined) return;
  if (Number.isInteger(id) && id >= 0 && id <= LARGEST_ID) return;
  throw new RangeError(
    `Cannot create server: ${name} must be an integer from 0 to ${LARGEST_ID}, received ${
      Deno.inspect(id)
    }`,
  );
}

/**
 * Checks that all values of an option are text.
 *
 * @throws {TypeError} If one is not, or `values` is no object.
 */
export function checkTexts(
  name: string,
  values: Readonly<Record<string, string>> | readonly string[],
): void {
  if (typeof values !== "object" || values === null) {
    throw new TypeError(
      `Cannot create server: ${name} must be an object, received ${
        Deno.inspect(values)
      }`,
    );
  }
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === "string") continue;
    throw new TypeError(
      `Cannot create server: ${name}[${
        JSON.stringify(key)
      }] must be text, received ${Deno.inspect(value)}`,
    );
  }
}
