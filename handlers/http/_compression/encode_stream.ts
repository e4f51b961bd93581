import { nextTurn } from "../../_next_turn.ts";
import { discard } from "../_connection/discard.ts";
import type {
  CompleteCompression,
  ContentCoding,
} from "../http_compression.ts";
import { Encoder } from "./encoder.ts";

/** Where bytes come from that are to be compressed. */
export interface ChunkSource {
  /**
   * Takes the next bytes.
   *
   * @returns `undefined` behind the last.
   */
  read(): Promise<Uint8Array | undefined>;
  /** No more is wanted. */
  cancel(reason?: unknown): void | Promise<void>;
}

/**
 * How much is compressed before others have their turn of the event loop, in
 * bytes: a millisecond or three.
 */
const MOST_AT_ONCE = 64 * 1024;
/** After how many microtasks a chunk that is there has come. */
const TURNS_OF_CHUNK = 16;

/** How many streams are being compressed, in this thread. */
let encoding = 0;

/** Whether one more stream may be compressed. */
export function hasRoom({ maxStreams }: CompleteCompression): boolean {
  return encoding < maxStreams;
}

/**
 * Compresses a stream. It takes from its source when more is wanted of it, and no
 * sooner. Where the source lets it wait, all that has come is given: a stream of
 * events is held back by nothing.
 *
 * One that is neither read to its end nor cancelled keeps its room.
 *
 * @param source Where it takes bytes from; cancelled when this stream is.
 * @param isLive Whether somebody may wait for what has come of the source.
 */
export function encodeStream(
  source: ChunkSource,
  coding: ContentCoding,
  settings: CompleteCompression,
  isLive = true,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  encoding++;
  const stream = new EncodedStream(source, coding, settings, isLive);
  return new ReadableStream({
    async pull(controller) {
      try {
        const chunk = await stream.next();
        if (chunk !== undefined) controller.enqueue(chunk);
        else if (!stream.closed) {
          stream.close();
          controller.close();
        }
      } catch (error) {
        stream.close();
        discard(source, error);
        throw error;
      }
    },
    async cancel(reason) {
      stream.close();
      await source.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

class EncodedStream {
  closed = false;
  readonly #source: ChunkSource;
  readonly #make: () => Encoder;
  readonly #isLive: boolean;
  /** Made when something is wanted: of a response to HEAD, nothing is. */
  #encoder: Encoder | undefined;
  #reading: Promise<Uint8Array | undefined> | undefined;
  /** What has been taken from the source, and not compressed yet. */
  #left: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(
    source: ChunkSource,
    coding: ContentCoding,
    settings: CompleteCompression,
    isLive: boolean,
  ) {
    this.#source = source;
    this.#make = () => new Encoder(coding, settings);
    this.#isLive = isLive;
  }

  /** The next bytes; `undefined` behind the last, and when it is closed. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const encoder = this.#encoder ??= this.#make();
    while (!this.#ended) {
      const chunk = await this.#take();
      if (this.closed) return undefined;
      if (chunk === undefined) {
        this.#ended = true;
        await encoder.end();
      } else if (chunk.length === 0) {
        // Nothing was compressed that could be waited for.
        await nextTurn();
      } else {
        await encoder.write(chunk);
        if (this.#left.length > 0) await nextTurn();
        else if (this.#isLive && !await this.#hasCome()) await encoder.flush();
      }
      if (this.closed) return undefined;
      const encoded = encoder.take();
      if (encoded !== undefined) return encoded;
    }
    return undefined;
  }

  /** The next bytes of the source, and no more than are compressed at once. */
  async #take(): Promise<Uint8Array | undefined> {
    if (this.#left.length === 0) {
      const chunk = await (this.#reading ?? this.#source.read());
      this.#reading = undefined;
      if (chunk === undefined) return undefined;
      this.#left = chunk;
    }
    const slice = this.#left.subarray(0, MOST_AT_ONCE);
    this.#left = this.#left.subarray(slice.length);
    return slice;
  }

  /** Whether the source has more at once. It is asked for it. */
  async #hasCome(): Promise<boolean> {
    let come = false;
    const note = () => {
      come = true;
    };
    this.#reading = this.#source.read();
    this.#reading.then(note, note);
    for (let turn = 0; turn < TURNS_OF_CHUNK && !come; turn++) await null;
    return come;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#encoder?.close();
    encoding--;
  }
}
