import { checkFewKeys } from "../_known_keys.ts";
import { limitTime } from "../_time_limit.ts";

/** Options of every read of a {@linkcode StreamReader}. */
export interface ReadOptions {
  /**
   * Ends the wait when it is aborted: the read rejects with the signal's reason.
   * Nothing is lost: what comes later is there for the next read.
   */
  readonly signal?: AbortSignal;
  /**
   * How long the read may wait, in milliseconds. Then it rejects with a
   * `DOMException` whose name is `"TimeoutError"`. Nothing is lost: what came in
   * time, and what comes later, is there for the next read.
   *
   * @default {Infinity}
   */
  readonly timeout?: number;
}

/** Options of reads that ask for a whole piece: so many bytes, or a separator. */
export interface PieceOptions extends ReadOptions {
  /**
   * Whether the read gives `null` where the stream ends before the piece's first
   * byte: between two messages, and not within one. Otherwise that is an
   * {@linkcode IncompleteReadError} too.
   *
   * @default {false}
   */
  readonly nullAtEnd?: boolean;
}

/** The names of the options of every read. */
export const READ_OPTIONS: readonly (keyof ReadOptions)[] = [
  "signal",
  "timeout",
];
/** The names of the options of reads that ask for a whole piece. */
export const PIECE_OPTIONS: readonly (keyof PieceOptions)[] = [
  ...READ_OPTIONS,
  "nullAtEnd",
];

/**
 * Checks that a read with these options can begin.
 *
 * @param options As the caller gave them.
 * @param names Those that such a read has.
 * @throws {RangeError} If the timeout is none.
 * @throws {TypeError} If another option is none, or has an unknown name.
 */
export function checkReadOptions(
  options: PieceOptions,
  names: readonly string[],
): void {
  checkFewKeys(options, names, "read");
  const { signal, timeout = Infinity, nullAtEnd } = options;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(
      `Cannot read with a timeout of ${
        Deno.inspect(timeout)
      }: it must be a non-negative number of milliseconds`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(
      `Cannot read with the signal ${
        Deno.inspect(signal)
      }: it must be an AbortSignal`,
    );
  }
  if (nullAtEnd !== undefined && typeof nullAtEnd !== "boolean") {
    throw new TypeError(
      `Cannot read with nullAtEnd ${
        Deno.inspect(nullAtEnd)
      }: it must be true or false`,
    );
  }
}

/**
 * Watches for the time and the signal of a read that waits.
 *
 * @param options They are right.
 * @param interrupt Called once, with why the read shall wait no longer.
 * @returns What ends the watch: the timer and the listener are gone then.
 */
export function watchOptions(
  { signal, timeout = Infinity }: ReadOptions,
  interrupt: (reason: unknown) => void,
): () => void {
  const timer = limitTime(
    timeout,
    `The read has waited for its timeout, ${timeout} ms`,
    interrupt,
  );
  const onAbort = () => interrupt(signal!.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
}
