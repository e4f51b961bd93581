import { inspectBounded } from "../../_inspect_bounded.ts";
import { contentOf } from "../_connection/content.ts";
import { discard } from "../_connection/discard.ts";
import { isContentLength } from "../_connection/head.ts";
import type {
  CompleteCompression,
  ContentCoding,
} from "../http_compression.ts";
import { AcceptedCodings } from "./accept_encoding.ts";
import { chunkStream } from "./chunk_stream.ts";
import { type ChunkSource, encodeStream, hasRoom } from "./encode_stream.ts";
import { AT_ONCE, encodeAtOnce } from "./encoder.ts";
import { fieldValue } from "../_connection/field_value.ts";
import { hasTag, namesTag, varyByEncoding, weakTag } from "./variants.ts";

/** The request that is answered. */
export interface EncodedRequest {
  readonly method: string;
  readonly rawHeaders: readonly string[];
}

/** After how many microtasks the first chunk of a body that is there has come. */
const TURNS_OF_CHUNK = 16;

/** Fields that tell of bytes which are not sent then: RFC 9530, RFC 1864. */
const DIGESTS = ["content-digest", "repr-digest", "digest", "content-md5"];
/** RFC 9111, section 5.2.2.6. */
const NO_TRANSFORM = /(?:^|,)[ \t]*no-transform[ \t]*(?:,|$)/i;
/** What a 304 says of the content that it has not: RFC 9110, section 15.4.5. */
const OF_CONTENT = [
  ...["content-type", "content-encoding", "content-length"],
  ...["content-language", "accept-ranges"],
];

/**
 * Compresses a response for a client that takes it so, or leaves it as it is: one
 * without content, of a part of something, one that is encoded already, or that
 * must not be transformed.
 *
 * Nothing is waited for. Its body is then owned by the response that is returned.
 *
 * @param response What a handler has answered.
 * @param request The request that it has answered.
 * @returns The response to send; the same where nothing is to be changed.
 */
export async function encodeResponse(
  response: Response,
  request: EncodedRequest,
  settings: CompleteCompression,
): Promise<Response> {
  const { status, headers } = response;
  const ifNoneMatch = () => fieldValue(request.rawHeaders, "if-none-match");
  if (status === 304) return notModified(response, ifNoneMatch());
  if (!mayBeEncoded(response, request.method)) return response;
  const accepted = new AcceptedCodings(
    fieldValue(request.rawHeaders, "accept-encoding"),
  );
  const type = headers.get("content-type");
  const mustBe = accepted.refusesIdentity;
  const isListed = type !== null && settings.types.has(type);
  if (!isListed && !mustBe) return response;
  const coding = accepted.best(settings.codings);
  const leastSize = mustBe ? 1 : settings.minSize;
  const announced = lengthOf(headers);
  if (
    coding === undefined || announced !== undefined && announced < leastSize
  ) return varying(response);
  const { body } = response;
  if (body === null) {
    // What GET would have here is known by its length alone.
    return announced === undefined
      ? varying(response)
      : changed(response, null, coding);
  }
  const etag = headers.get("etag");
  const known = ifNoneMatch();
  if (
    status === 200 && etag !== null && known !== undefined &&
    (request.method === "GET" || request.method === "HEAD") &&
    hasTag(known, etag)
  ) {
    // It would compare with the tag that is its own, and was not sent as it was.
    discard(body);
    return notModified(changed(response, null, coding));
  }
  const source = new BodySource(body.getReader(), announced);
  const whole = await source.peek();
  if (whole === undefined || whole.length > AT_ONCE) {
    const rest = whole === undefined ? source : sourceOf(whole);
    return hasRoom(settings)
      ? changed(response, encodeStream(rest, coding, settings), coding)
      : changed(response, whole ?? source.rest());
  }
  if (whole.length >= leastSize) {
    const encoded = encodeAtOnce(whole, coding, settings);
    if (encoded.length < whole.length || mustBe) {
      return changed(response, encoded, coding, encoded.length);
    }
  }
  return changed(response, whole);
}

/** Whether a response has content that is all of something, as it is. */
function mayBeEncoded(
  { status, headers, body }: Response,
  method: string,
): boolean {
  // 0 is that of `Response.error()`, which is refused elsewhere.
  if (status < 200 || status === 206) return false;
  const content = contentOf(method, status);
  if (content !== "any" && content !== "described") return false;
  if (body === null && method !== "HEAD") return false;
  if (headers.has("content-encoding") || headers.has("content-range")) {
    return false;
  }
  if (NO_TRANSFORM.test(headers.get("cache-control") ?? "")) return false;
  return !DIGESTS.some((name) => headers.has(name));
}

/** What a response says how long its content is, if it is a length. */
function lengthOf(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  return value !== null && isContentLength(value) ? Number(value) : undefined;
}

/** A response as it is, which others may get in another form. */
function varying(response: Response): Response {
  const { headers } = response;
  const vary = headers.get("vary");
  const varies = varyByEncoding(vary);
  if (varies === vary) return response;
  try {
    // To make another one would cost as much as the response does.
    headers.set("vary", varies);
    return response;
  } catch {
    // What was fetched is not changed.
    return changed(response, response.body);
  }
}

/**
 * A response with another body.
 *
 * @param coding The coding of that; without one, it is what it was.
 * @param length How long it is then, if that is known, in bytes.
 */
function changed(
  response: Response,
  body: BodyInit | null,
  coding?: ContentCoding,
  length?: number,
): Response {
  const headers = new Headers(response.headers);
  headers.set("vary", varyByEncoding(headers.get("vary")));
  if (coding !== undefined) {
    headers.set("content-encoding", coding);
    headers.delete("content-length");
    // The ranges of what is compressed anew each time nobody could put together.
    headers.delete("accept-ranges");
    const etag = headers.get("etag");
    if (etag !== null) headers.set("etag", weakTag(etag));
    if (length !== undefined) headers.set("content-length", String(length));
  }
  const { status, statusText } = response;
  return new Response(body, { status, statusText, headers });
}

/**
 * A response that nothing has changed, with the fields that 200 would have: the
 * tag in the form that the client has it in.
 */
function notModified(response: Response, ifNoneMatch?: string): Response {
  const headers = new Headers(response.headers);
  headers.set("vary", varyByEncoding(headers.get("vary")));
  const etag = headers.get("etag");
  if (
    etag !== null && ifNoneMatch !== undefined &&
    !namesTag(ifNoneMatch, etag) && namesTag(ifNoneMatch, weakTag(etag))
  ) headers.set("etag", weakTag(etag));
  for (const name of OF_CONTENT) headers.delete(name);
  const { statusText } = response;
  return new Response(null, {
    status: 304,
    statusText: response.status === 304 ? statusText : "",
    headers,
  });
}

/** The body of a response, as it is read. */
class BodySource implements ChunkSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #announced: number | undefined;
  /** What has been asked for already. */
  readonly #ahead: Promise<
    ReadableStreamReadResult<Uint8Array<ArrayBuffer>>
  >[] = [];
  #received = 0;

  /**
   * @param reader What reads it.
   * @param announced How long it is to be, if its response says so, in bytes.
   */
  constructor(
    reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
    announced: number | undefined,
  ) {
    this.#reader = reader;
    this.#announced = announced;
  }

  /**
   * All of it, if it is there and in one piece.
   *
   * @returns `undefined` where it is not; then it is read as before.
   * @throws {Error} If it is not as long as was announced.
   */
  async peek(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const first = this.#reader.read();
    const second = this.#reader.read();
    this.#ahead.push(first, second);
    let came = false;
    let ended = false;
    const note = () => {
      came = true;
    };
    first.then(note, note);
    second.then(({ done }) => {
      ended = done;
    }, () => {
      // Whoever reads it is told.
    });
    for (let turn = 0; turn < TURNS_OF_CHUNK && !came; turn++) await null;
    for (let turn = 0; turn < 2 && !ended; turn++) await null;
    if (!ended) return undefined;
    const whole = await this.read();
    if (whole !== undefined) await this.read();
    return whole ?? new Uint8Array(0);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { done, value } = await (this.#ahead.shift() ?? this.#reader.read());
    if (done) {
      if (this.#announced !== undefined && this.#received < this.#announced) {
        throw new Error(
          `Cannot compress a response: the body ended after ${this.#received} bytes, its Content-Length is ${this.#announced}`,
        );
      }
      return undefined;
    }
    if (!(value as unknown instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot compress a response: the body's stream gave ${
          inspectBounded(value)
        }, not a Uint8Array`,
      );
    }
    this.#received += value.length;
    if (this.#announced !== undefined && this.#received > this.#announced) {
      throw new RangeError(
        `Cannot compress a response: the body is longer than its Content-Length, ${this.#announced} bytes`,
      );
    }
    return value;
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#reader.cancel(reason);
  }

  /** What is left of it, as it is. */
  rest(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return chunkStream(this, 0);
  }
}

/** Bytes that are there. */
function sourceOf(bytes: Uint8Array): ChunkSource {
  let left: Uint8Array | undefined = bytes;
  return {
    read: () => {
      const all = left;
      left = undefined;
      return Promise.resolve(all);
    },
    cancel: () => {},
  };
}
