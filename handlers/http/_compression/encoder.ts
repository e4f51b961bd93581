import {
  type BrotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  type Gzip,
  gzipSync,
} from "node:zlib";
import type {
  CompleteCompression,
  ContentCoding,
} from "../http_compression.ts";
import { nextTurn } from "../_connection/turns.ts";

/**
 * The window of Brotli, as a power of two: 256 KiB. With the 4 MiB that it would
 * take by itself, an encoder has 6.4 MiB instead of 1.3.
 */
const BROTLI_WINDOW = 18;

/**
 * What is up to this size is compressed at once, and has a length, in bytes: it
 * takes about a millisecond, and half of what a stream would take.
 */
export const AT_ONCE: number = 32 * 1024;

type Levels = Pick<CompleteCompression, "brotliQuality" | "gzipLevel">;

/** Compresses something at once, which holds the event loop up for as long. */
export function encodeAtOnce(
  bytes: Uint8Array,
  coding: ContentCoding,
  levels: Levels,
): Uint8Array<ArrayBuffer> {
  const encoded = coding === "gzip"
    ? gzipSync(bytes, { level: levels.gzipLevel })
    : brotliCompressSync(bytes, brotliOptions(levels, bytes.length));
  return encoded as Uint8Array<ArrayBuffer>;
}

/**
 * Compresses a stream by `node:zlib`, which can be told to give all that it has
 * been given so far: `CompressionStream` cannot, and takes a tenth more of the
 * processor.
 */
export class Encoder {
  readonly #zlib: Gzip | BrotliCompress;
  #parts: Uint8Array[] = [];
  #failed: ((error: unknown) => void) | undefined;
  #error: unknown;

  constructor(coding: ContentCoding, levels: Levels) {
    this.#zlib = coding === "gzip"
      ? createGzip({ level: levels.gzipLevel })
      : createBrotliCompress(brotliOptions(levels, 0));
    this.#zlib.on("data", (part: Uint8Array) => this.#parts.push(part));
    this.#zlib.on("error", (error) => {
      this.#error = error;
      this.#failed?.(error);
    });
  }

  /** Takes bytes. Resolves when they are compressed, or kept for what follows. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#step((done) => this.#zlib.write(bytes, done));
  }

  /** Has all that was written be readable for who decompresses it. */
  async flush(): Promise<void> {
    await this.#step((done) => this.#zlib.flush(done));
    await this.#given();
  }

  /** Ends what is compressed. */
  async end(): Promise<void> {
    await this.#step((done) => {
      this.#zlib.once("end", done);
      this.#zlib.end();
    });
  }

  /** Takes what was compressed since the last time, if it is anything. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const parts = this.#parts;
    if (parts.length === 0) return undefined;
    this.#parts = [];
    const bytes = new Uint8Array(
      parts.reduce((length, part) => length + part.length, 0),
    );
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Gives its memory back. */
  close(): void {
    this.#zlib.destroy();
  }

  #step(start: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#failed = reject;
      start((error) => {
        this.#failed = undefined;
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** What a stream of Node has got it may give away a little later. */
  async #given(): Promise<void> {
    while (this.#zlib.readableLength > 0) await nextTurn();
  }
}

function brotliOptions(
  { brotliQuality }: Levels,
  size: number,
): { params: Record<number, number> } {
  return {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
      [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW,
      [constants.BROTLI_PARAM_SIZE_HINT]: size,
    },
  };
}
