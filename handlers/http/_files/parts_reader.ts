import type { ByteRange } from "./byte_ranges.ts";
import { chunkSize, PartBeingSent } from "./chunk_size.ts";
import { cutShort } from "./cut_short.ts";
import type { FileParts } from "./file_answer.ts";

const encoder = new TextEncoder();

/** A part of a file, some of which may have been read. */
interface Part extends ByteRange {
  readonly read: number;
}

/** Reads parts of a file, with what goes before and behind them, in large chunks. */
export class PartsReader implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #sent = new PartBeingSent();
  /** What is still to come: texts, and what the file has. */
  readonly #pieces: (Uint8Array<ArrayBuffer> | Part)[];
  /** How much of it that is, in bytes. */
  #left: number;
  /** A chunk that was given back. */
  #free: Uint8Array<ArrayBuffer> | undefined;

  /**
   * @param file The file.
   * @param parts What is read of it.
   */
  constructor(file: Deno.FsFile, { parts, end, length }: FileParts) {
    this.#file = file;
    this.#left = length;
    this.#pieces = [
      ...parts.flatMap(({ before, range }) => [
        encoder.encode(before),
        { ...range, read: 0 },
      ]),
      encoder.encode(end),
    ];
  }

  /**
   * Takes the next bytes, which belong to the caller.
   *
   * @returns `undefined` behind the last.
   * @throws {Error} If the file has become shorter.
   * @throws What reading throws.
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#left === 0) return undefined;
    const size = chunkSize(this.#left);
    const free = this.#free;
    this.#free = undefined;
    const chunk = free?.length === size ? free : new Uint8Array(size);
    let filled = 0;
    while (filled < chunk.length) {
      filled += await this.#next(chunk.subarray(filled));
    }
    this.#left -= filled;
    return chunk;
  }

  /** Takes a chunk back that `read` has given, to fill it anew. */
  takeBack(chunk: Uint8Array<ArrayBuffer>): void {
    this.#free = chunk;
  }

  [Symbol.dispose](): void {
    this.#sent[Symbol.dispose]();
  }

  /**
   * Takes some of the first piece.
   *
   * @returns How many bytes it has written to `target`.
   */
  async #next(target: Uint8Array<ArrayBuffer>): Promise<number> {
    const piece = this.#pieces.shift()!;
    if (piece instanceof Uint8Array) {
      const taken = piece.subarray(0, target.length);
      target.set(taken);
      if (taken.length < piece.length) {
        this.#pieces.unshift(piece.subarray(taken.length));
      }
      return taken.length;
    }
    const { from, length, read } = piece;
    // This waits for nothing: it only sets a number.
    this.#file.seekSync(from + read, Deno.SeekMode.Start);
    const n = await this.#file.read(target.subarray(0, length - read));
    if (n === null) throw cutShort(length, read);
    if (read + n < length) this.#pieces.unshift({ ...piece, read: read + n });
    return n;
  }
}
