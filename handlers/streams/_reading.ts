import {
  markLeftBehind,
  requestOverError,
  type StreamOwner,
} from "./_left_behind.ts";
import { countIn, type Traffic } from "../_traffic.ts";
import { LARGEST_BUFFER, ReadBuffer } from "./_read_buffer.ts";
import { checkRead } from "./_read_size.ts";
import { afterTurn, FRUITLESS_IN_A_ROW } from "./_turns.ts";
import { type Attempt, MORE, WaitingRead } from "./_waiting_read.ts";
import { ChunkSource } from "./_chunk_source.ts";
import { WholeSource } from "./_whole_source.ts";
import {
  checkReadOptions,
  type PieceOptions,
  READ_OPTIONS,
  watchOptions,
} from "./read_options.ts";

/** What bytes come from. */
interface Source {
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

const ignore = () => {};

/**
 * One read after the other from a source: what has come, what waits for more, and
 * how that ends.
 *
 * A read is an attempt, which is made again whenever more has come. The source is
 * asked into a buffer that belongs to no read: so one may be given up, and the
 * next gets what the source has been asked for.
 */
export class Reading {
  /** What has come. */
  readonly held: ReadBuffer = new ReadBuffer();
  /** Why nothing more comes, if so. */
  end: "peer" | "cancel" | undefined = undefined;
  /** Where what comes is counted, if anybody counts. */
  traffic: Traffic | undefined = undefined;
  readonly #source: Source;
  /** The same, where it gives memory of its own. */
  readonly #chunks: ChunkSource | undefined;
  readonly #onError: ((error: unknown) => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Whether the request is over that the stream belongs to. */
  #over = false;
  /** Whether the source is reading. */
  #filling = false;
  /** Whether that is into a buffer of the caller's. */
  #direct = false;
  /** How much is read ahead, in bytes. */
  #ahead = 0;
  /** The read that waits. */
  #waiting: WaitingRead | undefined;
  /** How many reads have got nothing since the bytes began where they do. */
  #fruitless = 0;
  #fruitlessAt = 0;
  #owner: StreamOwner | undefined;
  #onRead: ((n: number | null) => void) | undefined;
  #onChunk:
    | ((chunk: Uint8Array<ArrayBuffer> | null) => void)
    | undefined;
  #onFailed: ((error: unknown) => void) | undefined;

  constructor(source: Source, onError: ((error: unknown) => void) | undefined) {
    this.#source = source;
    this.#chunks = source instanceof ChunkSource ? source : undefined;
    this.#onError = onError;
    if (source instanceof WholeSource) {
      this.held.share(source.bytes);
      this.end = "peer";
    }
  }

  /** Whether nothing more comes. */
  get isOver(): boolean {
    return this.#over || this.end !== undefined || this.#failure !== undefined;
  }

  /**
   * Reads into the caller's buffer, without a copy.
   *
   * @param attempt Takes what has come already.
   */
  readInto(
    buffer: Uint8Array<ArrayBuffer>,
    attempt: Attempt<number | null>,
  ): Promise<number | null> {
    if (
      this.#filling || this.#waiting !== undefined || this.held.length > 0 ||
      this.isOver || buffer.length === 0 || this.#chunks !== undefined
    ) return this.read(attempt, undefined, buffer.length);
    const waiting = new WaitingRead(attempt, buffer.length);
    this.#waiting = waiting as WaitingRead;
    this.#direct = true;
    this.#readInto(buffer);
    return waiting.promise;
  }

  /** Whether the source is being read from. */
  get isFilling(): boolean {
    return this.#filling;
  }

  /** Reads ahead from now on, up to so many bytes. */
  watch(most: number): void {
    this.#ahead = most;
    this.#readAhead();
  }

  /** Nothing more comes for the read that waits, and for later ones. */
  cancel(): void {
    if (this.isOver) return;
    this.end = "cancel";
    this.#advance();
  }

  /** Says that it belongs to a request. */
  belongToRequest(owner: StreamOwner): void {
    this.#owner = owner;
  }

  /** The request is over. */
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#waiting !== undefined) {
      this.#settle(this.#waiting).leave(this.#note(requestOverError("read")));
    }
  }

  /**
   * Starts a read: it has what it needs at once, or waits.
   *
   * @param optionNames The options that such a read has.
   */
  read<T>(
    attempt: Attempt<T>,
    options: PieceOptions | undefined,
    most: number = LARGEST_BUFFER,
    optionNames: readonly string[] = READ_OPTIONS,
  ): Promise<T> {
    if (this.#over) return this.refuse(requestOverError("read"));
    if (this.#waiting !== undefined) return this.refuse(busy());
    if (options !== undefined) {
      try {
        checkReadOptions(options, optionNames);
      } catch (error) {
        return this.refuse(error);
      }
      if (options.signal?.aborted) return this.refuse(options.signal.reason);
    }
    let result: T | typeof MORE;
    try {
      result = attempt();
    } catch (error) {
      return this.refuse(error);
    }
    if (result !== MORE) {
      this.#readAhead();
      return this.isOver
        ? this.#paced(Promise.resolve(result))
        : Promise.resolve(result);
    }
    if (this.#failure !== undefined) return this.refuse(this.#failure.error);
    const waiting = new WaitingRead<T>(attempt, most);
    this.#waiting = waiting as WaitingRead;
    if (options !== undefined) {
      waiting.unwatch = watchOptions(
        options,
        (reason) => this.#settle(waiting).reject(this.#note(reason)),
      );
    }
    if (!this.#filling) this.#fill(most);
    return waiting.promise;
  }

  /** Refuses a read that gets nothing, however often it is called. */
  refuse(error: unknown): Promise<never> {
    const refused = Promise.reject(this.#note(error));
    refused.catch(ignore);
    return this.#paced(refused);
  }

  /**
   * Gives the event loop a turn now and then where reads are called that get
   * nothing: a loop around them would keep everybody else from running.
   */
  #paced<T>(read: Promise<T>): Promise<T> {
    if (this.held.start !== this.#fruitlessAt) {
      this.#fruitlessAt = this.held.start;
      this.#fruitless = 0;
    }
    return ++this.#fruitless % FRUITLESS_IN_A_ROW === 0
      ? afterTurn(read)
      : read;
  }

  /** Has the source read into the buffer, or give what it has read. */
  #fill(most: number): void {
    if (this.#chunks !== undefined) {
      this.#filling = true;
      this.#chunks.next().then(
        this.#onChunk ??= (chunk) => this.#given(chunk),
        this.#onFailed ??= (error) => this.#failed(error),
      );
      return;
    }
    let room: Uint8Array<ArrayBuffer>;
    try {
      room = this.held.room(most);
    } catch (error) {
      // There is no memory left for it.
      return this.#failed(error);
    }
    this.#readInto(room);
  }

  #readInto(buffer: Uint8Array<ArrayBuffer>): void {
    this.#filling = true;
    try {
      const read: unknown = this.#source.read(buffer);
      // A source of the caller's own may give the number itself.
      (read instanceof Promise ? read : Promise.resolve(read)).then(
        this.#onRead ??= (n) => this.#arrived(n),
        this.#onFailed ??= (error) => this.#failed(error),
      );
    } catch (error) {
      queueMicrotask(() => this.#failed(error));
    }
  }

  /** The source has read. */
  #arrived(n: number | null): void {
    const direct = this.#direct;
    this.#filling = this.#direct = false;
    try {
      if (n === null || this.#over || this.end !== undefined) {
        this.held.unfilled();
        this.end ??= "peer";
      } else if (!direct) {
        this.held.filled(n);
        if (this.traffic !== undefined) countIn(this.traffic, n);
      } else {
        // It was interrupted, or else it waits for this.
        const waiting = this.#waiting!;
        checkRead(n, waiting.most);
        if (this.traffic !== undefined) countIn(this.traffic, n);
        this.#settle(waiting).resolve(n);
        return this.#readAhead();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#advance();
  }

  /** The source has given a chunk, or has come to its end. */
  #given(chunk: Uint8Array<ArrayBuffer> | null): void {
    this.#filling = false;
    if (chunk === null || this.#over || this.end !== undefined) {
      this.end ??= "peer";
    } else {
      this.held.add(chunk);
      if (this.traffic !== undefined) countIn(this.traffic, chunk.length);
    }
    this.#advance();
  }

  #failed(error: unknown): void {
    this.#filling = this.#direct = false;
    this.held.unfilled();
    this.#fail(error);
    this.#advance();
  }

  /** Stores the source's error: every later read gets it too. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined || this.#over) return;
    this.#failure = { error };
    this.#onError?.(error);
  }

  /** Lets the read that waits look again. */
  #advance(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return this.#readAhead();
    let result: unknown;
    try {
      result = waiting.attempt();
    } catch (error) {
      this.#settle(waiting).reject(this.#note(error));
      return this.#readAhead();
    }
    if (result !== MORE) {
      this.#settle(waiting).resolve(result);
      this.#readAhead();
    } else if (this.#failure !== undefined) {
      this.#settle(waiting).reject(this.#note(this.#failure.error));
    } else this.#fill(waiting.most);
  }

  /** Takes a read that need not wait any longer out of the way of the next. */
  #settle<T>(waiting: WaitingRead<T>): WaitingRead<T> {
    this.#waiting = undefined;
    return waiting;
  }

  #readAhead(): void {
    if (this.held.length >= this.#ahead || this.#filling) return;
    if (!this.isOver) this.#fill(LARGEST_BUFFER);
  }

  /** What a read of a request rejects with must not end the process. */
  #note(error: unknown): unknown {
    if (this.#owner !== undefined) markLeftBehind(error, this.#owner);
    return error;
  }
}

function busy(): Error {
  return new Deno.errors.Busy(
    "Cannot read: another read is waiting on this stream; await it first",
  );
}
