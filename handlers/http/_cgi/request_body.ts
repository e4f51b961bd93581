import type { Share } from "../../_capacity.ts";
import { GrowingBytes } from "../../_growing_bytes.ts";
import { HTTPError } from "../http_error.ts";
import { busy } from "./script_room.ts";
import type { StreamReader } from "../../streams/stream_reader.ts";

/** How much of a body is read at once, in bytes: the capacity of a pipe, pipe(7). */
const CHUNK_SIZE = 64 * 1024;

/** The body of a request, of a length that is known. */
export interface RequestBody {
  /** How long it is, in bytes. */
  readonly length: number;
  /** Gives its next bytes, or `null` at the end. */
  readonly read: () => Promise<Uint8Array | null>;
}

/**
 * The body of a request as a script can have it. A script must be told how
 * long it is (RFC 3875, section 4.1.2), and a chunked one does not say: that is
 * collected first.
 *
 * @param headers The request's headers.
 * @param rfile Reads the body.
 * @param mostCollected How much is collected, in bytes.
 * @param spool What is collected for all scripts together has its room there.
 * @returns The body, or `undefined` where the request has none.
 * @throws {HTTPError} If there is more to be collected.
 */
export async function requestBody(
  headers: Headers,
  rfile: StreamReader,
  mostCollected: number,
  spool: Share,
): Promise<RequestBody | undefined> {
  const read = () => rfile.read(CHUNK_SIZE);
  const length = headers.get("content-length");
  if (length !== null) return { length: Number(length), read };
  if (!headers.has("transfer-encoding")) return undefined;
  const collected = new GrowingBytes();
  for (let chunk; (chunk = await read()) !== null;) {
    const size = collected.length + chunk.length;
    if (size > mostCollected) {
      throw new HTTPError(
        411,
        `A body of more than ${mostCollected} bytes needs a Content-Length here`,
      );
    }
    if (!spool.tryResize(size)) throw busy();
    collected.add(chunk);
  }
  const body = collected.bytes();
  let at = 0;
  return {
    length: body.length,
    read: () => {
      if (at === body.length) return Promise.resolve(null);
      const chunk = body.subarray(at, at + CHUNK_SIZE);
      at += chunk.length;
      return Promise.resolve(chunk);
    },
  };
}
