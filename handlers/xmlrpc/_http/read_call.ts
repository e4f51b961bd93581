import { GrowingBytes } from "../../_growing_bytes.ts";
import type { Share } from "../../_capacity.ts";
import { HTTPError } from "../../http/http_error.ts";
import type { StreamReader } from "../../streams/stream_reader.ts";
import { nextTurn } from "../../_next_turn.ts";
import { busy, type CallRoom, LARGE } from "./call_room.ts";
import { decompress, tryDecompress } from "./gzip.ts";

/** How much is read at once, in bytes. */
const CHUNK_SIZE = 64 * 1024;

/** Up to how many bytes a call may be decompressed whatever it came as. */
const ANY_RATIO = 1024 * 1024;

/** A request whose body is a call. */
export interface CallRequest {
  readonly headers: Headers;
  readonly rfile: StreamReader;
  readonly signal: AbortSignal;
}

/** A call that has arrived, and what it holds. */
export interface ArrivedCall {
  readonly data: Uint8Array;
  /** To be given back when the call is answered. */
  readonly share: Share;
}

/**
 * Reads a call and decompresses it.
 *
 * @param request Whose body it is.
 * @param maxBodySize How long it may be, in bytes, and also decompressed.
 * @param room What large calls may hold.
 * @throws {HTTPError} What to answer instead.
 * @throws What reading throws.
 */
export async function readCallBody(
  request: CallRequest,
  maxBodySize: number,
  room: CallRoom,
): Promise<ArrivedCall> {
  const { headers } = request;
  const encoding = (headers.get("Content-Encoding") ?? "identity")
    .toLowerCase();
  if (!["identity", "gzip", "x-gzip"].includes(encoding)) {
    throw new HTTPError(501, `The encoding "${encoding}" is not supported`);
  }
  if (Number(headers.get("Content-Length") ?? 0) > maxBodySize) {
    throw tooLong(maxBodySize);
  }
  using arriving = room.arriving.share();
  const body = await collect(request.rfile, maxBodySize, arriving);
  if (encoding === "identity") {
    return { data: body, share: await take(body.length, request, room) };
  }
  const small = await tryDecompress(body, Math.min(LARGE, maxBodySize));
  if (small !== undefined) {
    return { data: small, share: room.answering.share() };
  }
  const limit = Math.min(
    maxBodySize,
    Math.max(ANY_RATIO, room.limits.maxInflation * body.length),
  );
  const share = await take(limit, request, room);
  try {
    const data = await decompress(body, limit);
    share.tryResize(data.length);
    return { data, share };
  } catch (error) {
    share[Symbol.dispose]();
    throw error;
  }
}

async function collect(
  rfile: StreamReader,
  maxBodySize: number,
  arriving: Share,
): Promise<Uint8Array> {
  const body = new GrowingBytes();
  for (let chunk; (chunk = await rfile.read(CHUNK_SIZE)) !== null;) {
    const length = body.length + chunk.length;
    if (length > maxBodySize) throw tooLong(maxBodySize);
    if (length >= LARGE && !arriving.tryResize(length)) throw busy();
    body.add(chunk);
  }
  return body.bytes();
}

/** Waits until a call may be answered, if it is a large one. */
async function take(
  length: number,
  request: CallRequest,
  { answering, limits }: CallRoom,
): Promise<Share> {
  if (length < LARGE) return answering.share();
  try {
    const share = await answering.take(length, {
      timeout: limits.maxWait,
      signal: () => request.signal,
    });
    // Reading it takes a while: whatever else waits comes first.
    await nextTurn();
    return share;
  } catch (error) {
    if ((error as Error | null)?.name === "TimeoutError") throw busy(error);
    throw error;
  }
}

function tooLong(maxBodySize: number): HTTPError {
  return new HTTPError(413, `The request is longer than ${maxBodySize} bytes`);
}
