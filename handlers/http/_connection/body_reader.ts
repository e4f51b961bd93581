import { StreamReader } from "../../streams/stream_reader.ts";

/** How much of a body is taken at once, in bytes. */
const CHUNK = 64 * 1024;

/**
 * Reads the body of a request. What bounds the whole of it is the `maxBodySize`
 * of its handler, past which it is refused: reading everything, or a length that
 * the request itself has announced, has no other limit. Lines keep the
 * reader's own, since a handler that reads lines wants to hold no more.
 */
export class BodyReader extends StreamReader {
  /** Reads everything until the body ends. */
  override async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (let chunk; (chunk = await super.read(CHUNK)) !== null;) {
      chunks.push(chunk);
      size += chunk.length;
    }
    if (chunks.length === 1) return chunks[0]!;
    const all = new Uint8Array(size);
    let offset = 0;
    for (const chunk of chunks) {
      all.set(chunk, offset);
      offset += chunk.length;
    }
    return all;
  }
}
