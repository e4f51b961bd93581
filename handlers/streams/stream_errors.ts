/**
 * The errors that {@linkcode StreamReader} and {@linkcode StreamWriter} add to
 * Deno's own. The names are those of Python's `asyncio` streams.
 *
 * @module
 */

/**
 * Thrown when a peer sends more than a read may hold, or when a handler queues
 * more than a writer may hold.
 *
 * After a refused read the bytes are still buffered: the next read sees them.
 */
export class LimitOverrunError extends Error {
  /** The limit that would have been passed, in bytes. */
  readonly limit: number;

  /**
   * Constructs a new instance.
   *
   * @param message What was refused and how to allow it.
   * @param limit The limit in bytes.
   */
  constructor(message: string, limit: number) {
    super(message);
    this.name = "LimitOverrunError";
    this.limit = limit;
  }
}

/** Thrown when the stream ends before a read has what it was asked for. */
export class IncompleteReadError extends Error {
  /** What arrived before the end of the stream. It counts as read. */
  readonly partial: Uint8Array<ArrayBuffer>;
  /** How many bytes were asked for; `undefined` for a separator. */
  readonly expected: number | undefined;

  /**
   * Constructs a new instance.
   *
   * @param message What was being read.
   * @param partial The bytes that arrived before the end.
   * @param expected How many bytes were asked for, if that is known.
   */
  constructor(
    message: string,
    partial: Uint8Array<ArrayBuffer>,
    expected?: number,
  ) {
    super(message);
    this.name = "IncompleteReadError";
    this.partial = partial;
    this.expected = expected;
  }
}
