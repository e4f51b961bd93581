import { inspectBounded } from "../_inspect_bounded.ts";
import { checkFewKeys } from "../_known_keys.ts";
import { COUNT, type Traffic } from "../_traffic.ts";
import {
  BUFFERED,
  ENDED,
  FILLING,
  HAND_ON,
  LEAVE,
  OWN,
  WATCH,
} from "./_owned.ts";
import type { StreamOwner } from "./_left_behind.ts";
import { LARGEST_BUFFER } from "./_read_buffer.ts";
import { Reading } from "./_reading.ts";
import { MORE } from "./_waiting_read.ts";
import {
  FRAME_READ_OPTIONS,
  type FrameReadOptions,
  layoutOf,
  lengthFrom,
} from "./frame_options.ts";
import {
  PIECE_OPTIONS,
  type PieceOptions,
  type ReadOptions,
} from "./read_options.ts";
import { IncompleteReadError, LimitOverrunError } from "./stream_errors.ts";

/** What a {@linkcode StreamReader} reads from: a `Deno.Conn`, a file, a test. */
export interface ReadSource {
  /**
   * Reads up to `buffer.length` bytes into `buffer`.
   *
   * @param buffer Where the bytes go.
   * @returns How many bytes were read, or `null` at the end of the stream.
   */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/** Options of a {@linkcode StreamReader}. */
export interface StreamReaderOptions {
  /**
   * The most bytes that one read may hold.
   *
   * @default {65536}
   */
  readonly limit?: number;
  /**
   * Called once with the error when reading from the source fails. The read
   * that met it, and every later one, rejects with the same error.
   */
  readonly onError?: (error: unknown) => void;
}

/** What a reader reads from whose connection another one reads. */
const HANDED_ON: ReadSource = {
  read: () =>
    Promise.reject(
      new Deno.errors.BadResource(
        "Cannot read: the connection goes on in TLS, take rfile anew",
      ),
    ),
};

const OPTIONS: readonly (keyof StreamReaderOptions)[] = ["limit", "onError"];

const DEFAULT_LIMIT = 64 * 1024;

const encoder = new TextEncoder();

/**
 * Buffered reading from a connection, with the names of Python's
 * `asyncio.StreamReader`.
 *
 * The buffer starts at 512 bytes, grows with the traffic and shrinks back, so an
 * idle connection costs little. What a read returns is the caller's to keep.
 * One read at a time: a second one while the first waits is refused. What a read
 * that nobody awaits fails with is never an unhandled rejection.
 *
 * @example Reading lines
 * ```ts
 * import { StreamReader } from "@wire/socketserver";
 * import { deepStrictEqual } from "node:assert";
 *
 * const bytes = new TextEncoder().encode("one\r\ntwo");
 * let sent = false;
 * const rfile = new StreamReader({
 *   read(buffer) {
 *     if (sent) return Promise.resolve(null);
 *     sent = true;
 *     buffer.set(bytes);
 *     return Promise.resolve(bytes.length);
 *   },
 * });
 * deepStrictEqual(await Array.fromAsync(rfile), ["one", "two"]);
 * ```
 */
export class StreamReader implements AsyncIterable<string> {
  #reading: Reading;
  #limit: number;
  #watching = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  /**
   * Constructs a new instance.
   *
   * @param source What to read from.
   * @param options The limit and the error callback.
   * @throws {RangeError} If `limit` is not a positive integer.
   * @throws {TypeError} If an option has an unknown name.
   */
  constructor(source: ReadSource, options?: StreamReaderOptions) {
    if (options !== undefined) {
      checkFewKeys(options, OPTIONS, "make a StreamReader");
    }
    this.#limit = checkLimit(options?.limit ?? DEFAULT_LIMIT);
    this.#reading = new Reading(source, options?.onError);
  }

  /**
   * The most bytes that one read may hold: a line without its ending, what
   * `readExactly` or `peek` asks for, what `read` gives, all that `readAll`
   * collects.
   *
   * @returns The limit in bytes, 65,536 by default.
   */
  get limit(): number {
    return this.#limit;
  }

  /**
   * Sets the limit for the reads that start from now on.
   *
   * @param bytes The new limit, a positive integer.
   * @throws {RangeError} If `bytes` is not a positive integer.
   */
  set limit(bytes: number) {
    this.#limit = checkLimit(bytes);
    if (this.#watching) this.#reading.watch(bytes);
  }

  /**
   * Whether the peer has ended its side, or reading was cancelled, and all that
   * had come has been read.
   *
   * @returns `true` once no read can return another byte.
   */
  get atEof(): boolean {
    return this.#reading.end !== undefined && this.#reading.held.length === 0;
  }

  /**
   * Reads what is there, as soon as there is anything.
   *
   * @param n The most bytes to return, the limit unless given; 0 returns none at
   * once.
   * @param options How long to wait.
   * @returns Between 1 and `n` bytes, at most `limit`, or `null` at the end of
   * the stream.
   * @throws {RangeError} If `n` is not a non-negative integer.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  read(
    n: number = this.#limit,
    options?: ReadOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const wrong = countError("read", n);
    if (wrong !== undefined) return this.#reading.refuse(wrong);
    const most = Math.min(n, this.#limit);
    return this.#reading.read(
      () => {
        const there = Math.min(most, this.#reading.held.length);
        if (there > 0 || most === 0) return this.#reading.held.take(there);
        return this.#reading.end === undefined ? MORE : null;
      },
      options,
      // No more than is asked for, so that it need not be copied.
      most,
    );
  }

  /**
   * Reads up to `buffer.length` bytes into the caller's buffer, as soon as there
   * are any. Copies nothing unless bytes are buffered already, or `options` are
   * given.
   *
   * @param buffer Where the bytes go. Leave it alone until the promise settles,
   * and for good where that is since reading was cancelled.
   * @param options How long to wait.
   * @returns How many bytes were read, 1 to `buffer.length`, 0 only for an empty
   * buffer, or `null` at the end of the stream.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readInto(
    buffer: Uint8Array<ArrayBuffer>,
    options?: ReadOptions,
  ): Promise<number | null> {
    const attempt = () => {
      if (this.#reading.held.length > 0 || buffer.length === 0) {
        return this.#reading.held.takeInto(buffer);
      }
      return this.#reading.end === undefined ? MORE : null;
    };
    return options === undefined
      ? this.#reading.readInto(buffer, attempt)
      : this.#reading.read(attempt, options, buffer.length);
  }

  /**
   * Reads everything until the peer ends its side.
   *
   * @param options How long to wait.
   * @returns All remaining bytes, none of them if the stream has ended.
   * @throws {LimitOverrunError} If there are more than `limit` bytes, which are
   * left to be read.
   * @throws {IncompleteReadError} If reading is cancelled first.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readAll(options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#reading.read(() => {
      const { length } = this.#reading.held;
      if (length > this.#limit) {
        throw this.#overrun(
          `Cannot read to the end of the stream: it is longer than ${this.#limit} bytes`,
        );
      }
      if (this.#reading.end === undefined) return MORE;
      if (this.#reading.end === "peer") return this.#reading.held.take(length);
      throw this.#incomplete("Cannot read to the end of the stream");
    }, options);
  }

  /**
   * Reads one line, ended by `\n` or `\r\n`.
   *
   * @param options How long to wait.
   * @returns The line without its ending, decoded as UTF-8 (what is not UTF-8
   * becomes U+FFFD; `readUntil("\n")` gives the bytes), or `null` at the end of
   * the stream. What follows the last line ending is a line too.
   * @throws {LimitOverrunError} If the line is longer than `limit` bytes, which are
   * left to be read: another `readLine` would throw again, `read` takes them.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readLine(options?: ReadOptions): Promise<string | null> {
    const held = this.#reading.held;
    let scanned = 0;
    return this.#reading.read(() => {
      const lf = held.newline(scanned);
      if (lf >= 0) {
        const ending = held.endingAt(lf);
        const length = lf + 1 - ending;
        if (length > this.#limit) throw this.#lineOverrun();
        return held.takeText(length, ending);
      }
      scanned = held.length;
      // One byte more, for the \r that may belong to the ending.
      if (scanned > this.#limit + 1) throw this.#lineOverrun();
      if (this.#reading.end === undefined) return MORE;
      // Where reading was cancelled, the rest of the line may be on its way.
      if (scanned === 0 || this.#reading.end === "cancel") return null;
      if (scanned > this.#limit) throw this.#lineOverrun();
      return held.takeText(scanned, 0);
    }, options);
  }

  /**
   * Reads exactly `n` bytes.
   *
   * @param n How many bytes, at most `limit`.
   * @param options How long to wait, and what the end of the stream is.
   * @returns `n` bytes; `null` at the end of the stream with `nullAtEnd`.
   * @throws {IncompleteReadError} If the stream ends first; its `partial` holds
   * what there was.
   * @throws {LimitOverrunError} If `n` is greater than `limit`, before anything
   * is read: a length that came from a peer allocates no more than that.
   * @throws {RangeError} If `n` is not a non-negative integer.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readExactly(
    n: number,
    options?: PieceOptions & { readonly nullAtEnd?: false },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads exactly `n` bytes.
   *
   * @param n How many bytes, at most `limit`.
   * @param options How long to wait, and what the end of the stream is.
   * @returns `n` bytes, or `null` at the end of the stream.
   */
  readExactly(
    n: number,
    options: PieceOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null>;
  readExactly(
    n: number,
    options?: PieceOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const wrong = this.#pieceError("read", n);
    if (wrong !== undefined) return this.#reading.refuse(wrong);
    return this.#reading.read(
      () => {
        if (this.#reading.held.length >= n) return this.#reading.held.take(n);
        if (this.#reading.end === undefined) return MORE;
        if (this.#isQuietEnd(options)) return null;
        throw this.#incomplete(`Cannot read exactly ${n} bytes`, n);
      },
      options,
      undefined,
      PIECE_OPTIONS,
    );
  }

  /**
   * Reads up to and including a separator.
   *
   * @param separator Text (as UTF-8) or bytes, not empty.
   * @param options How long to wait, and what the end of the stream is.
   * @returns The bytes, the separator being the last of them; `null` at the end
   * of the stream with `nullAtEnd`.
   * @throws {IncompleteReadError} If the stream ends first.
   * @throws {LimitOverrunError} If more than `limit` bytes come before it.
   * @throws {TypeError} If `separator` is empty.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readUntil(
    separator: string | Uint8Array,
    options?: PieceOptions & { readonly nullAtEnd?: false },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads up to and including a separator.
   *
   * @param separator Text (as UTF-8) or bytes, not empty.
   * @param options How long to wait, and what the end of the stream is.
   * @returns The bytes, the separator being the last of them, or `null` at the
   * end of the stream.
   */
  readUntil(
    separator: string | Uint8Array,
    options: PieceOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null>;
  readUntil(
    separator: string | Uint8Array,
    options?: PieceOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const mark = typeof separator === "string"
      ? encoder.encode(separator)
      : separator;
    if (mark.length === 0) {
      return this.#reading.refuse(
        new TypeError("Cannot read until a separator: it is empty"),
      );
    }
    let scanned = 0;
    return this.#reading.read(
      () => {
        const at = this.#reading.held.find(mark, scanned);
        const before = at < 0 ? this.#reading.held.length : at;
        // Without a match, the last bytes may be the separator's first.
        if (before > this.#limit + (at < 0 ? mark.length - 1 : 0)) {
          throw this.#overrun(
            `Cannot read until the separator: more than ${this.#limit} bytes come before it`,
          );
        }
        if (at >= 0) return this.#reading.held.take(before + mark.length);
        scanned = Math.max(0, before - mark.length + 1);
        if (this.#reading.end === undefined) return MORE;
        if (this.#isQuietEnd(options)) return null;
        throw this.#incomplete("Cannot read until the separator");
      },
      options,
      undefined,
      PIECE_OPTIONS,
    );
  }

  /**
   * Reads one frame: bytes that come behind their length, as `writeFrame` of
   * {@linkcode StreamWriter} sends them.
   *
   * @param options How the length is written, and how long to wait.
   * @returns The bytes without their length, none of them where that is 0, or
   * `null` where the stream ends between two frames.
   * @throws {IncompleteReadError} If the stream ends within a frame; its `partial`
   * begins with the length.
   * @throws {LimitOverrunError} If the length is greater than `limit`, as soon as it
   * has come: a length that came from a peer allocates no more than that.
   * @throws {RangeError} If `lengthBytes` is none of 1, 2, 4 and 8.
   * @throws {Deno.errors.Busy} If another read is waiting.
   *
   * @example Messages that begin with their length
   * ```ts
   * import { StreamRequestHandler } from "@wire/socketserver";
   *
   * class Messages extends StreamRequestHandler {
   *   override async handle() {
   *     for (let message; (message = await this.rfile.readFrame()) !== null;) {
   *       await this.wfile.writeFrame(message);
   *     }
   *   }
   * }
   * ```
   */
  readFrame(
    options?: FrameReadOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    let layout: ReturnType<typeof layoutOf>;
    try {
      layout = layoutOf("read a frame", options, FRAME_READ_OPTIONS);
    } catch (error) {
      return this.#reading.refuse(error as Error);
    }
    const { held } = this.#reading;
    const { lengthBytes } = layout;
    let size = -1;
    return this.#reading.read(
      () => {
        if (size < 0 && held.length >= lengthBytes) {
          size = lengthFrom(held.peek(lengthBytes), layout);
          if (size > this.#limit) {
            throw this.#overrun(
              `Cannot read a frame of ${size} bytes: the reader's limit is ${this.#limit} bytes`,
            );
          }
        }
        if (size >= 0 && held.length >= lengthBytes + size) {
          held.take(lengthBytes);
          return held.take(size);
        }
        if (this.#reading.end === undefined) return MORE;
        if (held.length === 0 || this.#reading.end === "cancel") return null;
        throw this.#incomplete(
          "Cannot read a frame",
          size < 0 ? undefined : lengthBytes + size,
        );
      },
      options,
      undefined,
      FRAME_READ_OPTIONS,
    );
  }

  /**
   * Looks at the next bytes and leaves them to be read.
   *
   * @param n How many bytes, 1 by default, at most `limit`.
   * @param options How long to wait.
   * @returns A copy of the next `n` bytes, fewer only before the end of the
   * stream, `null` at it.
   * @throws {LimitOverrunError} If `n` is greater than `limit`.
   * @throws {RangeError} If `n` is not a non-negative integer.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  peek(
    n = 1,
    options?: ReadOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const wrong = this.#pieceError("peek", n);
    if (wrong !== undefined) return this.#reading.refuse(wrong);
    return this.#reading.read(() => {
      const { length } = this.#reading.held;
      if (length < n && this.#reading.end === undefined) return MORE;
      return length === 0 && n > 0
        ? null
        : this.#reading.held.peek(Math.min(n, length));
    }, options);
  }

  /**
   * What remains of the stream, chunk by chunk, with backpressure: nothing is
   * read before it is asked for. Cancelling stops reading and closes nothing:
   * what comes for a chunk that was asked for is left to the next read.
   *
   * @returns The same stream each time.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let cancelled = false;
    return this.#readable ??= new ReadableStream({
      pull: (controller) =>
        this.#reading.read(() => {
          const { length } = this.#reading.held;
          if (length === 0 && this.#reading.end === undefined) return MORE;
          if (cancelled) return;
          if (length === 0) controller.close();
          else {
            controller.enqueue(
              this.#reading.held.take(Math.min(length, LARGEST_BUFFER)),
            );
          }
        }, undefined),
      cancel() {
        cancelled = true;
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Iterates over the lines that remain, as `readLine` gives them.
   *
   * @param options How long to wait for each line.
   * @returns An iterator that ends where the stream does. Where a line does not
   * come in time, the error ends the loop, and no byte is lost.
   */
  lines(options?: ReadOptions): AsyncIterableIterator<string> {
    const iterator: AsyncIterableIterator<string> = {
      next: async () => {
        const line = await this.readLine(options);
        return line === null
          ? { done: true, value: undefined }
          : { done: false, value: line };
      },
      return: () => Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Iterates over the lines that remain, as `readLine` gives them.
   *
   * @returns An iterator that ends where the stream does.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string> {
    return this.lines();
  }

  /**
   * Ends reading, in quiet: for the read that waits, and for those to come, the
   * stream ends behind what has come. Nothing is sent, and `wfile` goes on.
   * Calling it again changes nothing.
   *
   * Lines and pieces that have come as a whole are still read. A part of one is
   * not, since its rest may be on its way: `readLine`, and `readExactly` and
   * `readUntil` with `nullAtEnd`, give `null` there. `readAll` and the latter
   * without it reject with {@linkcode IncompleteReadError}.
   *
   * @example A handler that ends when its server shuts down
   * ```ts
   * import { StreamRequestHandler } from "@wire/socketserver";
   *
   * class Echo extends StreamRequestHandler {
   *   override async handle() {
   *     for await (const line of this.rfile) await this.wfile.write(line + "\n");
   *     await this.wfile.write("Goodbye\n");
   *   }
   *
   *   override onShutdown() {
   *     this.rfile.cancel();
   *   }
   * }
   * ```
   */
  cancel(): void {
    this.#reading.cancel();
  }

  /**
   * Reads ahead into the buffer from now on, so that a reset is seen even
   * while the handler reads nothing. It stops at `limit` bytes, and at the end
   * of the stream: past either, only a write can tell that the peer is gone.
   *
   * @ignore
   */
  [WATCH](): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#reading.watch(this.#limit);
  }

  /**
   * Whether the source has been asked for bytes, and has not answered yet.
   *
   * @returns Whether it would be read from twice by whoever reads it now.
   * @ignore
   */
  get [FILLING](): boolean {
    return this.#reading.isFilling;
  }

  /**
   * Whether the peer has ended its side and all was read. That reading was cancelled
   * says nothing of the peer, unlike in `atEof`.
   *
   * @returns Whether nothing can come any more.
   * @ignore
   */
  get [ENDED](): boolean {
    return this.#reading.end === "peer" && this.#reading.held.length === 0;
  }

  /**
   * How much has come that was not read.
   *
   * @returns The number of bytes.
   * @ignore
   */
  get [BUFFERED](): number {
    return this.#reading.held.length;
  }

  /**
   * Says that the stream belongs to a request, whose handler may leave behind
   * what it does not await.
   *
   * @param owner The request, by its handler.
   * @ignore
   */
  [OWN](owner: StreamOwner): void {
    this.#reading.belongToRequest(owner);
  }

  /**
   * Says where what comes is counted.
   *
   * @param traffic The counters, if anybody counts.
   * @ignore
   */
  [COUNT](traffic: Traffic | undefined): void {
    this.#reading.traffic = traffic;
  }

  /**
   * Gives what it reads from, and what has come, to another reader. What is read by
   * this one from now on is refused, by its iterators and its stream too: lines of
   * before a handshake must not go on behind it.
   *
   * @param owner The request, by its handler, if it is one's.
   * @returns The reader that goes on.
   * @ignore
   */
  [HAND_ON](owner?: StreamOwner): StreamReader {
    const next = new StreamReader(HANDED_ON, { limit: this.#limit });
    [this.#reading, next.#reading] = [next.#reading, this.#reading];
    next.#watching = this.#watching;
    this.#watching = false;
    if (owner !== undefined) this[OWN](owner);
    return next;
  }

  /**
   * The request is over: the read that waits fails, as every later one does.
   *
   * @ignore
   */
  [LEAVE](): void {
    this.#reading.leave();
  }

  /** Whether the end of the stream comes between two pieces. */
  #isQuietEnd(options: PieceOptions | undefined): boolean {
    return options?.nullAtEnd === true &&
      (this.#reading.held.length === 0 || this.#reading.end === "cancel");
  }

  #pieceError(action: string, n: number): Error | undefined {
    const wrong = countError(action, n);
    if (wrong !== undefined || n <= this.#limit) return wrong;
    return this.#overrun(
      `Cannot ${action} ${n} bytes: the reader's limit is ${this.#limit} bytes`,
    );
  }

  #incomplete(what: string, expected?: number): IncompleteReadError {
    const partial = this.#reading.held.take(this.#reading.held.length);
    const end = this.#reading.end === "peer"
      ? "the stream ended"
      : "reading was cancelled";
    return new IncompleteReadError(
      `${what}: ${end} after ${partial.length} bytes`,
      partial,
      expected,
    );
  }

  #lineOverrun(): LimitOverrunError {
    return this.#overrun(
      `Cannot read a line: it is longer than ${this.#limit} bytes`,
    );
  }

  #overrun(message: string): LimitOverrunError {
    return new LimitOverrunError(
      `${message}; raise the reader's limit to allow it, or take what has come by read()`,
      this.#limit,
    );
  }
}

function countError(action: string, n: unknown): Error | undefined {
  if (typeof n !== "number") {
    return new TypeError(
      `Cannot ${action}: the number of bytes must be a number, received ${
        inspectBounded(n)
      }; the options come behind it`,
    );
  }
  if (Number.isInteger(n) && n >= 0) return undefined;
  return new RangeError(
    `Cannot ${action} ${n} bytes: the count must be a non-negative integer`,
  );
}

function checkLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RangeError(
      `Cannot limit a reader to ${limit} bytes: the limit must be a positive integer`,
    );
  }
  return limit;
}
