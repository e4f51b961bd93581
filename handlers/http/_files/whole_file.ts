import { cutShort } from "./cut_short.ts";

/** How much is read at once, in bytes. */
const CHUNK = 64 * 1024;

/** A file that is read from its beginning to where it ended when it was opened. */
export interface WholeFile {
  /**
   * Takes the next bytes, which are there until the next call.
   *
   * @returns `undefined` behind the last.
   * @throws {Error} If the file has become shorter.
   * @throws What reading throws.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Takes all of it. It throws what `read` does. */
  readAll(): Promise<Uint8Array<ArrayBuffer>>;
  /** Does nothing: whoever opened the file closes it. */
  cancel(): void;
}

/**
 * Reads a file whole.
 *
 * @param file The file.
 * @param size How much of it is read, in bytes.
 */
export function wholeFile(file: Deno.FsFile, size: number): WholeFile {
  let buffer: Uint8Array<ArrayBuffer> | undefined;
  let at = 0;
  const readInto = async (target: Uint8Array<ArrayBuffer>): Promise<number> => {
    const n = await file.read(target);
    if (n !== null) return n;
    throw cutShort(size, at);
  };
  return {
    async read() {
      if (at === size) return undefined;
      buffer ??= new Uint8Array(Math.min(size, CHUNK));
      const n = await readInto(buffer.subarray(0, size - at));
      at += n;
      return buffer.subarray(0, n);
    },
    async readAll() {
      const all = new Uint8Array(size);
      while (at < size) at += await readInto(all.subarray(at));
      return all;
    },
    cancel() {},
  };
}
