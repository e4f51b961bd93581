import { checkFewKeys } from "../_known_keys.ts";
import { COUNT, countOut, type Traffic } from "../_traffic.ts";
import { CUT_SHORT, END, LEND_TEXTS, OWN, TAKE_TEXT } from "./_owned.ts";
import {
  markLeftBehind,
  requestOverError,
  type StreamOwner,
} from "./_left_behind.ts";
import { refuse } from "./_refusal.ts";
import { frameHead, type FrameOptions } from "./frame_options.ts";
import { giveBuffer, SMALL_BUFFER, takeBuffer } from "./_small_buffers.ts";
import { LimitOverrunError } from "./stream_errors.ts";
import { afterTurn, FRUITLESS_IN_A_ROW } from "./_turns.ts";
import { writeCountError } from "./_write_count.ts";

/** What a {@linkcode StreamWriter} writes to: a `Deno.Conn`, a file, a test. */
export interface WriteSink {
  /**
   * Writes from the start of `data`.
   *
   * @param data The bytes.
   * @returns How many bytes were taken, at least 1.
   */
  write(data: Uint8Array): Promise<number>;
  /**
   * Ends the writing side; a sink without it has nothing to end.
   *
   * @returns A promise that resolves when it has ended.
   */
  closeWrite?(): Promise<void>;
  /**
   * Disables Nagle's algorithm; a sink without it has none.
   *
   * @param noDelay Whether to disable it; true where it is left out.
   */
  setNoDelay?(noDelay?: boolean): void;
}

/**
 * What a {@linkcode StreamWriter} writes to where each write is taken at once. One
 * that also has `write`, such as `Deno.stdout`, is a {@linkcode WriteSink}.
 */
export interface SyncWriteSink {
  /**
   * Takes all of `data`, at once.
   *
   * @param data The bytes.
   * @returns Nothing, or a promise that resolves when there is room for more.
   */
  writeSync(data: Uint8Array): void | Promise<void>;
}

/** A sink that may take a text as it is. */
interface TextSink {
  [TAKE_TEXT](text: string): boolean;
}

/** Options of a {@linkcode StreamWriter}. */
export interface StreamWriterOptions {
  /**
   * How many bytes may wait to be written before another write is refused, which
   * is then missing from what is sent. A single write may be larger. A handler
   * that awaits its writes never comes near.
   *
   * @default {16777216}
   */
  readonly limit?: number;
  /**
   * Whether the sink's `setNoDelay` is called before its second `write`: the
   * first that could be held back until the peer has acknowledged what was sent
   * before (`TCP_NODELAY`, tcp(7)), which it may take 40 ms and more for.
   *
   * @default {true}
   */
  readonly noDelay?: boolean;
  /** Called once with the error when writing to the sink fails. */
  readonly onError?: (error: unknown) => void;
}

const OPTIONS: readonly (keyof StreamWriterOptions)[] = [
  "limit",
  "noDelay",
  "onError",
];

const DEFAULT_LIMIT = 16 * 1024 * 1024;
/** Writes of one tick are joined into calls of up to this size, in bytes. */
const JOIN_UP_TO = 64 * 1024;

/** What one UTF-16 unit of a text takes at most, in bytes of UTF-8. */
const BYTES_PER_UNIT = 3;
const LAST_ASCII = 0x7f;

const encoder = new TextEncoder();
const ignore = () => {};
const DONE = Promise.resolve();

/**
 * Ordered writing to a connection.
 *
 * Writes keep their order. Those made in one tick go out in one call. Awaiting
 * a write waits until the sink has taken its bytes, which is the backpressure;
 * a write that is not awaited is still sent, and its failure is never an
 * unhandled rejection: the next write, `flush` and the end of the request see
 * it. A write that is refused is not sent at all; if nobody looks at its promise,
 * the end of the request fails with what it rejects with.
 *
 * Bytes given to `write` are not copied: leave them unchanged until it resolves.
 *
 * @example Three writes, one call
 * ```ts
 * import { StreamWriter } from "@wire/socketserver";
 * import { deepStrictEqual } from "node:assert";
 *
 * const calls: string[] = [];
 * const wfile = new StreamWriter({
 *   write(data) {
 *     calls.push(new TextDecoder().decode(data));
 *     return Promise.resolve(data.length);
 *   },
 * });
 * wfile.write("Thank you ");
 * wfile.write("for ");
 * await wfile.write("connecting");
 * deepStrictEqual(calls, ["Thank you for connecting"]);
 * ```
 */
export class StreamWriter {
  readonly #sink: WriteSink | SyncWriteSink;
  readonly #limit: number;
  readonly #onError: ((error: unknown) => void) | undefined;
  /** What the next batch will write. */
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  /** Whether the sink keeps no bytes when it has written them. */
  #lendsTexts = false;
  /** Where short texts of that batch are: the first `#textSize` bytes. */
  #text: Uint8Array<ArrayBuffer> | undefined;
  #textSize = 0;
  /** Settles when the batch being collected has been written. */
  #collecting: Promise<void> | undefined;
  /** Settles when everything written so far is out. */
  #last: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #noteFailure: ((error: unknown) => void) | undefined;
  /** How many calls have changed nothing. */
  #fruitless = 0;
  /** How many refusals nobody has looked at. */
  #unseen = 0;
  /** The first of them. */
  #firstUnseen: Error | undefined;
  /** Whether any write was refused. */
  #refused = false;
  /** Whether the handler had failed when it ended. */
  #handlerFailed = false;
  /** Whether the writing side is closed. */
  #closed = false;
  /** Whether the request is over that the stream belongs to. */
  #over = false;
  /** The request that the stream belongs to. */
  #owner: StreamOwner | undefined;
  /** Where what the sink takes is counted, if anybody counts. */
  #traffic: Traffic | undefined;
  /** Whether the sink was called. */
  #hasWritten = false;
  /** Whether it is still to be told not to delay what it is given. */
  #delays: boolean;
  #writable: WritableStream<Uint8Array> | undefined;

  /**
   * Constructs a new instance.
   *
   * @param sink What to write to. One that is synchronous gets each write as it
   * is made.
   * @param options The limit, the delay and the error callback.
   * @throws {RangeError} If `limit` is not a non-negative number.
   * @throws {TypeError} If an option has an unknown name.
   */
  constructor(
    sink: WriteSink | SyncWriteSink,
    options?: StreamWriterOptions,
  ) {
    if (options !== undefined) {
      checkFewKeys(options, OPTIONS, "make a StreamWriter");
    }
    this.#sink = sink;
    const limit = options?.limit ?? DEFAULT_LIMIT;
    if (typeof limit !== "number" || !(limit >= 0)) {
      throw new RangeError(
        `Cannot limit a writer to ${
          Deno.inspect(limit)
        } bytes: the limit must be a non-negative number`,
      );
    }
    this.#limit = limit;
    this.#delays = options?.noDelay ?? true;
    this.#onError = options?.onError;
  }

  /**
   * How many bytes wait to be taken by the sink.
   *
   * @returns The number of bytes.
   */
  get bufferedAmount(): number {
    return this.#buffered;
  }

  /**
   * Writes text (as UTF-8) or bytes, after everything written before.
   *
   * @param data What to write.
   * @returns A promise that resolves when the sink has taken `data`. It need
   * not be awaited, but a handler that awaits it cannot outrun a slow peer. It
   * rejects
   * with what the sink threw (then so does every later write);
   * with {@linkcode LimitOverrunError} if more bytes than the limit are waiting;
   * with `Deno.errors.BadResource` after `closeWrite` or the end of the request;
   * with `TypeError` if `data` is neither text nor bytes.
   */
  write(data: string | Uint8Array): Promise<void> {
    if (
      typeof data === "string" && data !== "" && TAKE_TEXT in this.#sink &&
      !this.#over && !this.#closed && this.#failure === undefined &&
      (this.#sink as TextSink)[TAKE_TEXT](data)
    ) return DONE;
    const bytes = typeof data === "string" ? this.#encode(data) : data;
    // What broke the stream explains more than why this one is refused.
    if (this.#failure !== undefined) {
      return this.#paced(rejected(this.#failure.error));
    }
    const reason = this.#reasonToRefuse(bytes);
    if (reason !== undefined) return this.#refuse(reason);
    if (bytes.length === 0) return this.flush();
    const sink = this.#sink;
    if (!("write" in sink)) return this.#writeNow(sink, bytes);
    this.#collect(bytes);
    return this.#collected(sink);
  }

  /**
   * Writes one frame: bytes behind their length, both or neither. `readFrame` of
   * {@linkcode StreamReader} reads it.
   *
   * @param data What to write, text as UTF-8.
   * @param options How the length is written.
   * @returns A promise as that of `write`, which also rejects with `RangeError` if
   * the length does not fit into `lengthBytes`, or that is none of 1, 2, 4 and 8.
   */
  writeFrame(
    data: string | Uint8Array,
    options?: FrameOptions,
  ): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    if (this.#failure !== undefined) {
      return this.#paced(rejected(this.#failure.error));
    }
    const reason = this.#reasonToRefuse(bytes);
    if (reason !== undefined) return this.#refuse(reason);
    let head: Uint8Array<ArrayBuffer>;
    try {
      head = frameHead(bytes.length, options);
    } catch (error) {
      return this.#refuse(error as Error);
    }
    const sink = this.#sink;
    if (!("write" in sink)) {
      const frame = new Uint8Array(head.length + bytes.length);
      frame.set(head);
      frame.set(bytes, head.length);
      return this.#writeNow(sink, frame);
    }
    this.#collect(head);
    if (bytes.length > 0) this.#collect(bytes);
    return this.#collected(sink);
  }

  /** Sends the batch, with what else this tick adds to it. */
  #collected(sink: WriteSink): Promise<void> {
    if (this.#collecting === undefined) {
      this.#last = this.#collecting = this.#send(sink, this.#last);
    }
    return this.#collecting;
  }

  /**
   * Waits until everything written so far has been taken by the sink.
   *
   * @returns A promise that rejects if any write has failed.
   */
  flush(): Promise<void> {
    const last = this.#last ?? DONE;
    return this.#closed || this.#over || this.#failure !== undefined
      ? this.#paced(last)
      : last;
  }

  /**
   * Ends the writing side after everything written: the peer reads the end of
   * the stream and can still send. Calling it again changes nothing.
   *
   * @returns A promise that resolves when the end has been sent.
   */
  closeWrite(): Promise<void> {
    if (!this.#closed && !this.#over) {
      this.#closed = true;
      this.#last = this.#close(this.#last);
      this.#last.catch(ignore);
    }
    return this.flush();
  }

  /**
   * The same writer as a `WritableStream` of bytes. Closing it ends the writing
   * side; aborting it writes nothing more and closes nothing.
   *
   * @returns The same stream each time.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: (chunk) => this.write(chunk),
      close: () => this.closeWrite(),
    });
  }

  /**
   * Whether the reply is known not to be whole: a write has failed, or was refused
   * and nobody looked at that, or the handler failed after one was refused. What
   * only waits to be sent is in `bufferedAmount`.
   *
   * @returns Whether its end must not look like that of a whole one.
   * @ignore
   */
  get [CUT_SHORT](): boolean {
    return this.#failure !== undefined || this.#unseen > 0 ||
      this.#refused && this.#handlerFailed;
  }

  /**
   * Says that the sink keeps no bytes when it has written them: short texts are
   * encoded into memory that is used again.
   *
   * @ignore
   */
  [LEND_TEXTS](): void {
    this.#lendsTexts = true;
  }

  /**
   * Says that the stream belongs to a request, whose handler may leave behind
   * what it does not await.
   *
   * @param owner The request, by its handler.
   * @ignore
   */
  [OWN](owner: StreamOwner): void {
    this.#owner = owner;
  }

  /**
   * Says where what the sink takes is counted.
   *
   * @param traffic The counters, if anybody counts.
   * @ignore
   */
  [COUNT](traffic: Traffic | undefined): void {
    this.#traffic = traffic;
  }

  /**
   * Flushes, then refuses every later write: the request is over.
   *
   * @param handlerFailed Whether the handler has failed.
   * @returns Nothing if there is nothing to wait for.
   * @ignore
   */
  [END](handlerFailed = false): void | Promise<void> {
    this.#over = true;
    this.#handlerFailed ||= handlerFailed;
    if (this.#unseen > 0) return this.#endWithRefusals();
    // A sink that takes each write at once may have no room for more.
    const waits = this.#last !== undefined && !("write" in this.#sink);
    const isIdle = this.#buffered === 0 && this.#failure === undefined;
    return isIdle && !waits ? undefined : this.#last ?? DONE;
  }

  /** Sends all that was not refused, then tells what was. */
  async #endWithRefusals(): Promise<never> {
    await this.#last;
    throw this.#firstUnseen;
  }

  /** Encodes text, short ones into memory that is used again if it may be. */
  #encode(text: string): Uint8Array {
    const start = this.#textSize;
    if (
      !this.#lendsTexts ||
      text.length * BYTES_PER_UNIT > SMALL_BUFFER - start
    ) return encoder.encode(text);
    const memory = this.#text ??= takeBuffer(SMALL_BUFFER);
    let end = start;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > LAST_ASCII) {
        const { written } = encoder.encodeInto(text, memory.subarray(start));
        return memory.subarray(start, start + written);
      }
      memory[end++] = unit;
    }
    return memory.subarray(start, end);
  }

  /** Adds to the batch. */
  #collect(bytes: Uint8Array): void {
    this.#buffered += bytes.length;
    const text = this.#text;
    if (text === undefined || bytes.buffer !== text.buffer) {
      return void this.#chunks.push(bytes);
    }
    this.#textSize += bytes.length;
    const last = this.#chunks.length - 1;
    const before = this.#chunks[last];
    // Texts that follow each other are one chunk already.
    if (before?.buffer !== text.buffer) this.#chunks.push(bytes);
    else this.#chunks[last] = text.subarray(before.byteOffset, this.#textSize);
  }

  #reasonToRefuse(bytes: unknown): Error | undefined {
    if (!(bytes instanceof Uint8Array)) {
      const isPromise = bytes instanceof Promise;
      return new TypeError(
        `Cannot write ${
          bytes === null ? "null" : isPromise ? "a promise" : typeof bytes
        }: data must be a string or a Uint8Array${
          isPromise ? "; await it first" : ""
        }`,
      );
    }
    const what = `write ${bytes.length} bytes`;
    if (this.#over) return requestOverError(what);
    if (this.#closed) {
      return new Deno.errors.BadResource(
        `Cannot ${what}: its writing side is closed`,
      );
    }
    if (this.#buffered > this.#limit) {
      return new LimitOverrunError(
        `Cannot write ${bytes.length} bytes: ${this.#buffered} already wait for a slow reader and the limit is ${this.#limit}; await write() to be held back instead`,
        this.#limit,
      );
    }
    return undefined;
  }

  #refuse(reason: Error): Promise<never> {
    this.#note(reason);
    // What is refused later was never part of the reply.
    if (!this.#over) this.#refused = true;
    if (this.#unseen++ === 0) this.#firstUnseen = reason;
    return refuse(
      this.#isFruitless() ? afterTurn(rejected(reason)) : rejected(reason),
      () => this.#unseen--,
    );
  }

  /** Gives the event loop a turn now and then, however little this one waits. */
  #paced<T>(promise: Promise<T>): Promise<T> {
    return this.#isFruitless() ? afterTurn(promise) : promise;
  }

  #isFruitless(): boolean {
    return ++this.#fruitless % FRUITLESS_IN_A_ROW === 0;
  }

  #writeNow(sink: SyncWriteSink, bytes: Uint8Array): Promise<void> {
    try {
      const taken = sink.writeSync(bytes);
      return taken === undefined ? DONE : this.#last = this.#taking(taken);
    } catch (error) {
      this.#fail(error);
      return this.#last = rejected(error);
    }
  }

  /** Takes note of what a sink that takes each write at once fails with later. */
  #taking(taken: Promise<void>): Promise<void> {
    const taking = Promise.resolve(taken);
    taking.then(
      undefined,
      this.#noteFailure ??= (error) => {
        if (this.#failure === undefined) this.#fail(error);
      },
    );
    return taking;
  }

  /** Writes what the current tick adds to the batch, once `previous` is out. */
  async #send(
    sink: WriteSink,
    previous: Promise<void> | undefined,
  ): Promise<void> {
    let own!: Promise<void>;
    try {
      try {
        await previous;
      } finally {
        own = this.#collecting!;
        this.#collecting = undefined;
      }
      const text = this.#text;
      this.#text = undefined;
      this.#textSize = 0;
      if (this.#chunks.length === 1) {
        const bytes = this.#chunks.pop()!;
        const done = await this.#writeTo(sink, bytes);
        if (done !== bytes.length) checkWritten(done, bytes.length);
        this.#buffered -= done;
        if (this.#traffic !== undefined) countOut(this.#traffic, done);
        if (done < bytes.length) await this.#writeRest(sink, bytes, done);
      } else {
        const chunks = this.#chunks;
        this.#chunks = [];
        for (const bytes of join(chunks)) {
          await this.#writeRest(sink, bytes, 0);
        }
      }
      if (text !== undefined) giveBuffer(text);
    } catch (error) {
      // Whoever asks is told; nobody has to.
      own.catch(ignore);
      this.#chunks = [];
      this.#text = undefined;
      this.#textSize = this.#buffered = 0;
      if (this.#failure === undefined) this.#fail(error);
      throw error;
    }
  }

  /** Writes what a sink that took `done` bytes has left over. */
  async #writeRest(
    sink: WriteSink,
    bytes: Uint8Array,
    done: number,
  ): Promise<void> {
    while (done < bytes.length) {
      const n = await this.#writeTo(sink, bytes.subarray(done));
      checkWritten(n, bytes.length - done);
      done += n;
      this.#buffered -= n;
      if (this.#traffic !== undefined) countOut(this.#traffic, n);
    }
  }

  #writeTo(sink: WriteSink, bytes: Uint8Array): Promise<number> {
    if (this.#hasWritten && this.#delays) {
      this.#delays = false;
      try {
        sink.setNoDelay?.(true);
      } catch {
        // Closed meanwhile, which the write itself will tell.
      }
    }
    this.#hasWritten = true;
    return sink.write(bytes);
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#note(error);
    this.#onError?.(error);
  }

  /** What a write of a request rejects with must not end the process. */
  #note(error: unknown): void {
    if (this.#owner !== undefined) markLeftBehind(error, this.#owner);
  }

  async #close(previous: Promise<void> | undefined): Promise<void> {
    await previous;
    if ("closeWrite" in this.#sink) await this.#sink.closeWrite?.();
  }
}

/** Joins small chunks; a large one goes out as it is, without a copy. */
function* join(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  let from = 0;
  while (from < chunks.length) {
    let size = chunks[from]!.length;
    let to = from + 1;
    while (to < chunks.length && size + chunks[to]!.length <= JOIN_UP_TO) {
      size += chunks[to++]!.length;
    }
    if (to === from + 1) yield chunks[from]!;
    else {
      const joined = new Uint8Array(size);
      let offset = 0;
      for (; from < to; from++) {
        joined.set(chunks[from]!, offset);
        offset += chunks[from]!.length;
      }
      yield joined;
    }
    from = to;
  }
}

function checkWritten(n: number, most: number): void {
  const error = writeCountError(n, most);
  if (error !== undefined) throw error;
}

function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}
