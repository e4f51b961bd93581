import { isBorrower } from "./_lending.ts";
import { checkRead, ReadSize } from "./_read_size.ts";
import { afterTurn, FRUITLESS_IN_A_ROW } from "./_turns.ts";
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

const DEFAULT_LIMIT = 64 * 1024;
/** What a connection holds that waits, where many others hold more. */
const WAITING_BUFFER = 4 * 1024;
/** Beyond this, larger reads no longer save time on loopback. */
const LARGEST_BUFFER = 64 * 1024;
/** Below this a copy is cheaper than giving the buffer away. */
const COPY_BELOW = 16 * 1024;

const EMPTY = new Uint8Array(0);
const LF = 0x0a;
const CR = 0x0d;
const encoder = new TextEncoder();
// A byte order mark is the peer's data like any other, so it is kept.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const ignore = () => {};

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
  readonly #source: ReadSource;
  readonly #onError: ((error: unknown) => void) | undefined;
  #limit: number;
  #buffer: Uint8Array<ArrayBuffer> = EMPTY;
  #start = 0;
  #end = 0;
  /** How large the next fresh buffer is. */
  readonly #size = new ReadSize(WAITING_BUFFER, LARGEST_BUFFER);
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #filling: Promise<boolean> | undefined;
  #watching = false;
  #reading = false;
  /** Whether a read waits for the source itself, and not for a fill. */
  #direct = false;
  /** Whether a read has been refused, maybe the one that is being called. */
  #refused = false;
  /** The read that waits. */
  #waiting: Promise<unknown> | undefined;
  /** How many reads have got nothing since `#start` was this. */
  #fruitless = 0;
  #fruitlessAt = 0;
  /** Whether the source is known to read as it should; asked for once. */
  #trusts: boolean | undefined;
  /** What `readInto` does when the source has read, once it was called. */
  #noteRead: ((n: number | null) => void) | undefined;
  #noteFailure: ((error: unknown) => void) | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;

  /**
   * Constructs a new instance.
   *
   * @param source What to read from.
   * @param options The limit and the error callback.
   * @throws {RangeError} If `limit` is not a positive integer.
   */
  constructor(source: ReadSource, options: StreamReaderOptions = {}) {
    this.#source = source;
    this.#onError = options.onError;
    this.#limit = checkLimit(options.limit ?? DEFAULT_LIMIT);
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
  }

  /**
   * Whether the peer has ended its side and everything it sent has been read.
   *
   * @returns `true` once no read can return another byte.
   */
  get atEof(): boolean {
    return this.#ended && this.#start === this.#end;
  }

  /**
   * Reads what is there, as soon as there is anything.
   *
   * @param n The most bytes to return, the limit unless given; 0 returns none at
   * once.
   * @returns Between 1 and `n` bytes, at most `limit`, or `null` at the end of
   * the stream.
   * @throws {RangeError} If `n` is not a non-negative integer.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  read(n: number = this.#limit): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#unfailing(this.#readUpTo(n));
  }

  /**
   * Reads everything until the peer ends its side.
   *
   * @returns All remaining bytes, none of them if the stream has ended.
   * @throws {LimitOverrunError} If there are more than `limit` bytes, which are
   * left to be read.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#unfailing(this.#readToEnd());
  }

  async #readUpTo(n: number): Promise<Uint8Array<ArrayBuffer> | null> {
    checkCount("read", n);
    if (n === 0) return new Uint8Array(0);
    n = Math.min(n, this.#limit);
    if (this.#start === this.#end) {
      this.#begin();
      try {
        if (this.#filling !== undefined) await this.#filling;
        else if (!this.#ended) {
          this.#checkOpen();
          // No more than is asked for, so that it need not be copied.
          this.#makeRoom(n);
          this.#direct = true;
          this.#filled(await this.#source.read(this.#buffer));
        }
        return this.#start === this.#end ? null : this.#takeUpTo(n);
      } catch (error) {
        throw this.#fail(error);
      } finally {
        this.#release();
      }
    }
    if (this.#reading) throw this.#busy();
    return this.#takeUpTo(n);
  }

  /**
   * Reads up to `buffer.length` bytes into the caller's buffer, as soon as there
   * are any. Copies nothing unless bytes are buffered already.
   *
   * @param buffer Where the bytes go. Leave it alone until the promise settles.
   * @returns How many bytes were read, 1 to `buffer.length`, 0 only for an empty
   * buffer, or `null` at the end of the stream.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readInto(buffer: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (
      this.#start < this.#end || this.#filling !== undefined || this.#reading ||
      this.#ended || this.#failure !== undefined || buffer.length === 0
    ) return this.#unfailing(this.#readBuffered(buffer));
    this.#trusts ??= isBorrower(this.#source);
    if (!this.#trusts) return this.#unfailing(this.#readChecked(buffer));
    this.#reading = this.#direct = true;
    // The caller gets the source's own promise: another would cost as much as
    // all the rest. What is noted here is noted before the caller is told.
    const read = this.#source.read(buffer);
    read.then(
      this.#noteRead ??= (n) => {
        this.#ended = n === null;
        this.#release();
      },
      this.#noteFailure ??= (error) => {
        try {
          this.#fail(error);
        } finally {
          this.#release();
        }
      },
    );
    return read;
  }

  /** Reads from a source of the caller's own. */
  async #readChecked(buffer: Uint8Array<ArrayBuffer>): Promise<number | null> {
    this.#begin();
    this.#direct = true;
    try {
      const n = await this.#source.read(buffer);
      if (n === null) this.#ended = true;
      else checkRead(n, buffer.length);
      return n;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#release();
    }
  }

  async #readBuffered(
    buffer: Uint8Array<ArrayBuffer>,
  ): Promise<number | null> {
    if (this.#start === this.#end && buffer.length > 0) {
      this.#begin();
      try {
        this.#checkOpen();
        if (this.#ended || !await this.#fill()) return null;
      } finally {
        this.#release();
      }
    } else if (this.#reading) throw this.#busy();
    const n = Math.min(buffer.length, this.#end - this.#start);
    buffer.set(this.#buffer.subarray(this.#start, this.#start + n));
    this.#start += n;
    this.#readAhead();
    return n;
  }

  /**
   * Reads one line, ended by `\n` or `\r\n`.
   *
   * @returns The line without its ending, decoded as UTF-8 (what is not UTF-8
   * becomes U+FFFD; `readUntil("\n")` gives the bytes), or `null` at the end of
   * the stream. What follows the last line ending is a line too.
   * @throws {LimitOverrunError} If the line is longer than `limit` bytes.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readLine(): Promise<string | null> {
    return this.#unfailing(this.#readLine());
  }

  async #readLine(): Promise<string | null> {
    const lf = this.#newline(this.#start);
    if (lf >= 0 && !this.#reading) return this.#line(lf);
    this.#begin();
    try {
      let scanned = 0;
      while (true) {
        const at = this.#newline(this.#start + scanned);
        if (at >= 0) return this.#line(at);
        scanned = this.#end - this.#start;
        // One byte more, for the \r that may belong to the ending.
        if (scanned > this.#limit + 1) throw this.#lineOverrun();
        if (!await this.#fill()) {
          if (scanned === 0) return null;
          if (scanned > this.#limit) throw this.#lineOverrun();
          return this.#text(this.#end, this.#end);
        }
      }
    } finally {
      this.#stopWaiting();
    }
  }

  /**
   * Reads exactly `n` bytes.
   *
   * @param n How many bytes, at most `limit`.
   * @returns `n` bytes.
   * @throws {IncompleteReadError} If the stream ends first; its `partial` holds
   * what there was.
   * @throws {LimitOverrunError} If `n` is greater than `limit`, before anything
   * is read: a length that came from a peer allocates no more than that.
   * @throws {RangeError} If `n` is not a non-negative integer.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readExactly(n: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#hold("readExactly", n, (held) => {
      const bytes = this.#take(held);
      if (held === n) return bytes;
      this.#expectFailure();
      throw new IncompleteReadError(
        `Cannot read exactly ${n} bytes: the stream ended after ${held}`,
        bytes,
        n,
      );
    });
  }

  /**
   * Reads up to and including a separator.
   *
   * @param separator Text (as UTF-8) or bytes, not empty.
   * @returns The bytes, the separator being the last of them.
   * @throws {IncompleteReadError} If the stream ends first.
   * @throws {LimitOverrunError} If more than `limit` bytes come before it.
   * @throws {TypeError} If `separator` is empty.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  readUntil(
    separator: string | Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#unfailing(this.#readUntil(separator));
  }

  async #readUntil(
    separator: string | Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const mark = typeof separator === "string"
      ? encoder.encode(separator)
      : separator;
    if (mark.length === 0) {
      throw new TypeError("Cannot read until a separator: it is empty");
    }
    this.#begin();
    try {
      let scanned = 0;
      while (true) {
        const at = this.#find(mark, this.#start + scanned);
        const before = at < 0 ? this.#end - this.#start : at - this.#start;
        // Without a match, the last bytes may be the separator's first.
        if (before > this.#limit + (at < 0 ? mark.length - 1 : 0)) {
          throw this.#overrun(
            `Cannot read until the separator: more than ${this.#limit} bytes come before it`,
          );
        }
        if (at >= 0) return this.#take(before + mark.length);
        scanned = Math.max(0, before - mark.length + 1);
        if (!await this.#fill()) {
          const partial = this.#take(this.#end - this.#start);
          this.#expectFailure();
          throw new IncompleteReadError(
            `Cannot read until the separator: the stream ended after ${partial.length} bytes`,
            partial,
          );
        }
      }
    } finally {
      this.#stopWaiting();
    }
  }

  /**
   * Looks at the next bytes and leaves them to be read.
   *
   * @param n How many bytes, 1 by default, at most `limit`.
   * @returns A copy of the next `n` bytes, fewer only before the end of the
   * stream, `null` at it.
   * @throws {LimitOverrunError} If `n` is greater than `limit`.
   * @throws {RangeError} If `n` is not a non-negative integer.
   * @throws {Deno.errors.Busy} If another read is waiting.
   */
  peek(n = 1): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#hold(
      "peek",
      n,
      (held) =>
        held === 0 && n > 0
          ? null
          : this.#buffer.slice(this.#start, this.#start + held),
    );
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
        this.#hold("read", 1, (held) => {
          if (cancelled) return;
          if (held === 0) controller.close();
          else controller.enqueue(this.#takeUpTo(LARGEST_BUFFER));
        }),
      cancel() {
        cancelled = true;
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Iterates over the lines that remain, as `readLine` gives them.
   *
   * @returns An iterator that ends where the stream does.
   */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<string> {
    let line: string | null;
    while ((line = await this.readLine()) !== null) yield line;
  }

  /**
   * Reads ahead into the buffer from now on, so that a reset is seen even
   * while the handler reads nothing. It stops at `limit` bytes, and at the end
   * of the stream: past either, only a write can tell that the peer is gone.
   *
   * @ignore
   */
  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#readAhead();
  }

  #readAhead(): void {
    if (!this.#watching || this.#ended) return;
    if (this.#filling !== undefined || this.#direct) return;
    if (this.#end - this.#start >= this.#limit) return;
    // A failure is stored by the fill and told by onError.
    this.#fill().then((more) => more && this.#readAhead(), () => {});
  }

  /**
   * Collects `n` bytes and calls `take` with how many there are: fewer only at
   * the end of the stream. No other read may start before that.
   */
  #hold<T>(
    action: string,
    n: number,
    take: (held: number) => T,
  ): Promise<T> {
    return this.#unfailing(this.#holdBack(action, n, take));
  }

  async #holdBack<T>(
    action: string,
    n: number,
    take: (held: number) => T,
  ): Promise<T> {
    checkCount(action, n);
    if (n > this.#limit) {
      throw this.#overrun(
        `Cannot ${action} ${n} bytes: the reader's limit is ${this.#limit} bytes`,
      );
    }
    this.#begin();
    try {
      while (this.#end - this.#start < n) {
        if (!await this.#fill()) break;
      }
      return take(Math.min(n, this.#end - this.#start));
    } finally {
      this.#stopWaiting();
    }
  }

  async #readToEnd(): Promise<Uint8Array<ArrayBuffer>> {
    this.#begin();
    try {
      while (this.#end - this.#start <= this.#limit) {
        if (!await this.#fill()) return this.#take(this.#end - this.#start);
      }
    } finally {
      this.#stopWaiting();
    }
    throw this.#overrun(
      `Cannot read to the end of the stream: it is longer than ${this.#limit} bytes`,
    );
  }

  /**
   * Lets a read fail although nobody awaits it, or not yet: a handler may begin
   * one and then throw, and a client can make any fail.
   */
  #unfailing<T>(read: Promise<T>): Promise<T> {
    if (this.#refused) {
      this.#refused = false;
      read.catch(ignore);
      return this.#paced(read);
    }
    if (this.#reading) this.#waiting = read;
    return this.#ended || this.#failure !== undefined
      ? this.#paced(read)
      : read;
  }

  /**
   * Gives the event loop a turn now and then where reads are called that get
   * nothing: a loop around them would keep everybody else from running.
   */
  #paced<T>(read: Promise<T>): Promise<T> {
    if (this.#start !== this.#fruitlessAt) {
      this.#fruitlessAt = this.#start;
      this.#fruitless = 0;
    }
    return ++this.#fruitless % FRUITLESS_IN_A_ROW === 0
      ? afterTurn(read)
      : read;
  }

  /** Has no read fail unseen: neither the one that waits, nor one just called. */
  #expectFailure(): void {
    this.#refused = true;
    // Not sooner: it would cost each read another promise.
    this.#waiting?.catch(ignore);
  }

  #begin(): void {
    if (this.#reading) throw this.#busy();
    this.#reading = true;
  }

  #busy(): Error {
    this.#expectFailure();
    return new Deno.errors.Busy(
      "Cannot read: another read is waiting on this stream; await it first",
    );
  }

  #stopWaiting(): void {
    this.#reading = false;
    this.#waiting = undefined;
  }

  /** Ends a read that has read from the source itself. */
  #release(): void {
    this.#direct = false;
    this.#stopWaiting();
    this.#readAhead();
  }

  #takeUpTo(n: number): Uint8Array<ArrayBuffer> {
    return this.#take(Math.min(n, this.#end - this.#start));
  }

  /** Adds bytes from the source. Resolves to `false` at the stream's end. */
  #fill(): Promise<boolean> {
    return this.#filling ??= this.#fillOnce();
  }

  async #fillOnce(): Promise<boolean> {
    try {
      if (this.#ended) return false;
      this.#checkOpen();
      this.#makeRoom(LARGEST_BUFFER);
      return this.#filled(
        await this.#source.read(
          this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end),
        ),
      );
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#filling = undefined;
    }
  }

  /**
   * Takes note of what the source has put into the buffer, and chooses how
   * large the next one is. Returns `false` at the stream's end.
   */
  #filled(n: number | null): boolean {
    if (n === null) {
      this.#size.fail();
      this.#ended = true;
      return false;
    }
    this.#size.end(n, this.#buffer.length - this.#end);
    this.#end += n;
    return true;
  }

  #checkOpen(): void {
    if (this.#failure === undefined) return;
    this.#expectFailure();
    throw this.#failure.error;
  }

  /** Stores the source's error: every later read gets it too. */
  #fail(error: unknown): unknown {
    this.#size.fail();
    this.#expectFailure();
    if (this.#failure === undefined) {
      this.#failure = { error };
      this.#onError?.(error);
    }
    return error;
  }

  #makeRoom(most: number): void {
    const held = this.#end - this.#start;
    if (held === 0) {
      this.#start = this.#end = 0;
      const size = this.#size.begin(most);
      if (this.#buffer.length !== size) this.#buffer = new Uint8Array(size);
    } else if (this.#end === this.#buffer.length) {
      const from = this.#buffer;
      if (held > from.length / 2) this.#buffer = new Uint8Array(held * 2);
      this.#buffer.set(from.subarray(this.#start, this.#end));
      this.#start = 0;
      this.#end = held;
    }
  }

  #take(n: number): Uint8Array<ArrayBuffer> {
    const start = this.#start;
    const end = this.#start = start + n;
    if (n >= COPY_BELOW && end === this.#end && this.#filling === undefined) {
      // The caller gets the buffer itself, and the next fill a fresh one.
      const given = this.#buffer.subarray(start, end);
      this.#buffer = EMPTY;
      this.#start = this.#end = 0;
      this.#readAhead();
      return given;
    }
    const copy = this.#buffer.slice(start, end);
    this.#readAhead();
    return copy;
  }

  #newline(from: number): number {
    const at = this.#buffer.indexOf(LF, from);
    // What lies past the end is left over from earlier reads.
    return at < this.#end ? at : -1;
  }

  #line(lf: number): string {
    const ending = lf > this.#start && this.#buffer[lf - 1] === CR ? 2 : 1;
    const end = lf + 1 - ending;
    if (end - this.#start > this.#limit) throw this.#lineOverrun();
    return this.#text(end, lf + 1);
  }

  #text(end: number, next: number): string {
    const text = decoder.decode(this.#buffer.subarray(this.#start, end));
    this.#start = next;
    this.#readAhead();
    return text;
  }

  /** The index of `mark` at or after `from`, or -1. */
  #find(mark: Uint8Array, from: number): number {
    const last = this.#end - mark.length;
    let at = this.#buffer.indexOf(mark[0]!, from);
    while (at >= 0 && at <= last) {
      let i = 1;
      while (i < mark.length && this.#buffer[at + i] === mark[i]) i++;
      if (i === mark.length) return at;
      at = this.#buffer.indexOf(mark[0]!, at + 1);
    }
    return -1;
  }

  #lineOverrun(): LimitOverrunError {
    return this.#overrun(
      `Cannot read a line: it is longer than ${this.#limit} bytes`,
    );
  }

  #overrun(message: string): LimitOverrunError {
    this.#expectFailure();
    return new LimitOverrunError(
      `${message}; raise the reader's limit to allow it`,
      this.#limit,
    );
  }
}

function checkCount(action: string, n: number): void {
  if (!Number.isInteger(n) || n < 0) {
    throw new RangeError(
      `Cannot ${action} ${n} bytes: the count must be a non-negative integer`,
    );
  }
}

function checkLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RangeError(
      `Cannot limit a reader to ${limit} bytes: the limit must be a positive integer`,
    );
  }
  return limit;
}
