import type { PieceOptions, ReadOptions } from "../../streams/read_options.ts";
import { StreamReader } from "../../streams/stream_reader.ts";

/**
 * Reads the body of a request. What bounds the whole of it is the `maxBodySize`
 * of its handler, past which it is refused: reading everything, or so many bytes
 * as were announced, has no other limit. Lines and what `readUntil` and `peek`
 * hold keep the reader's own, since a handler that reads in such pieces wants to
 * hold no more.
 */
export class BodyReader extends StreamReader {
  /** How many reads without a limit have not ended. */
  #unlimited = 0;
  /** The limit of the others. */
  #ownLimit = 0;

  override readAll(options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#withoutLimit(() => super.readAll(options));
  }

  override readExactly(
    n: number,
    options?: PieceOptions & { readonly nullAtEnd?: false },
  ): Promise<Uint8Array<ArrayBuffer>>;
  override readExactly(
    n: number,
    options: PieceOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null>;
  override readExactly(
    n: number,
    options?: PieceOptions,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#withoutLimit(() => super.readExactly(n, options!));
  }

  /** No other read has a turn meanwhile: it would be refused as busy. */
  #withoutLimit<T>(read: () => Promise<T>): Promise<T> {
    if (this.#unlimited++ === 0) {
      this.#ownLimit = this.limit;
      this.limit = Number.MAX_SAFE_INTEGER;
    }
    const reading = read();
    const restore = () => {
      if (--this.#unlimited === 0) this.limit = this.#ownLimit;
    };
    reading.then(restore, restore);
    return reading;
  }
}
