import { HTTPError } from "../http_error.ts";
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
 * @returns The body, or `undefined` where the request has none.
 * @throws {HTTPError} If there is more to be collected.
 */
export async function requestBody(
  headers: Headers,
  rfile: StreamReader,
  mostCollected: number,
): Promise<RequestBody | undefined> {
  const read = () => rfile.read(CHUNK_SIZE);
  const length = headers.get("content-length");
  if (length !== null) return { length: Number(length), read };
  if (!headers.has("transfer-encoding")) return undefined;
  const chunks: Uint8Array[] = [];
  let collected = 0;
  for (let chunk; (chunk = await read()) !== null;) {
    collected += chunk.length;
    if (collected > mostCollected) {
      throw new HTTPError(
        411,
        `A body of more than ${mostCollected} bytes needs a Content-Length here`,
      );
    }
    chunks.push(chunk);
  }
  return {
    length: collected,
    read: () => Promise.resolve(chunks.shift() ?? null),
  };
}
