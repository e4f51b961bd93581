import { describe } from "./_check.ts";

/** Options that are misspelt or belong elsewhere are refused: they would do nothing. */

/** How a promised call may be ended early. */
export interface WaitOptions {
  /** Ends the wait; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * The signal of a promised call. Not by `checkOptions`: every wait comes here.
 *
 * @throws {TypeError} If there is another option, or the signal is none.
 */
export function checkWaitOptions(
  options: WaitOptions | undefined,
): AbortSignal | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null) {
    checkOptions(options, SIGNAL, "wait");
  }
  for (const name in options) {
    if (name !== "signal") checkOptions(options, SIGNAL, "wait");
  }
  return checkSignal(options.signal, "wait");
}

const SIGNAL = ["signal"];

/** @throws {TypeError} If it is no signal. */
export function checkSignal(
  signal: AbortSignal | undefined,
  action: string,
): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new TypeError(
    `Cannot ${action} with ${
      describe(signal)
    } as the option "signal": it must be an AbortSignal`,
  );
}

/**
 * @throws {TypeError} If options are no object, or have one that is not among
 * `names`.
 */
export function checkOptions(
  options: unknown,
  names: readonly string[],
  action: string,
): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot ${action} with ${
        describe(options)
      } as options: they must be an object with ${list(names)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new TypeError(
      `Cannot ${action} with the option ${describe(name)}: there is none of ` +
        `that name, ${suggest(name, names)}`,
    );
  }
}

/** @throws {TypeError} If an option is neither true nor false nor left out. */
export function checkBoolean(
  value: boolean | undefined,
  name: string,
  action: string,
): boolean {
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw new TypeError(
    `Cannot ${action} with ${
      describe(value)
    } as the option "${name}": it must be true or false`,
  );
}

/** What a name was meant to be, or what there is. */
export function suggest(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === undefined
    ? `use ${list(names)}`
    : `did you mean ${describe(near)}?`;
}

/** The name that is meant by one with at most two typing errors, or cut short. */
export function nearest(
  name: string,
  names: readonly string[],
): string | undefined {
  const longer = names.find((known) =>
    name.length >= 3 && known.startsWith(name)
  );
  if (longer !== undefined) return longer;
  const distances = names.map((known) =>
    distance(name.toLowerCase(), known.toLowerCase())
  );
  const least = Math.min(...distances);
  // Of a short name two letters are too much of it.
  return least <= Math.min(2, Math.ceil(name.length / 3))
    ? names[distances.indexOf(least)]
    : undefined;
}

function list(names: readonly string[]): string {
  const quoted = names.map(describe);
  const last = quoted.pop()!;
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

/** Levenshtein's distance; names are short, and longer ones are not near. */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 2) return Infinity;
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = one[i - 1] === other[j - 1] ? 0 : 1;
      next.push(
        Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + change),
      );
    }
    row = next;
  }
  return row[other.length]!;
}
