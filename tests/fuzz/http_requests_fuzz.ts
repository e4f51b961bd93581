import { deepStrictEqual, ok } from "node:assert";
import { HTTPConnection } from "../../handlers/http/_connection/http_connection.ts";
import {
  type IncomingRequest,
  RequestParser,
} from "../../handlers/http/_connection/request_parser.ts";
import { HTTPError, type HTTPLimits } from "../../server/http/mod.ts";
import { DEFAULT_HTTP_LIMITS } from "../../handlers/http/http_limits.ts";
import { StreamReader } from "../../handlers/streams/stream_reader.ts";
import {
  below,
  bytesOf,
  concat,
  inRound,
  mutate,
  oneOf,
  pieces,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

/** Small ones, so that inputs reach them; no time is measured here. */
const LIMITS: HTTPLimits = {
  ...DEFAULT_HTTP_LIMITS,
  maxHeaderSize: 2_048,
  maxBodySize: 4_096,
};

const LINES = [
  "GET / HTTP/1.1",
  "POST /a?b=c HTTP/1.1",
  "HEAD / HTTP/1.0",
  "OPTIONS * HTTP/1.1",
  "CONNECT a:80 HTTP/1.1",
  "GET http://a.test:81/x HTTP/1.1",
  "PRI * HTTP/2.0",
  "QUERY / HTTP/1.1",
  "OPTIONS / RTSP/1.0",
];

const FIELDS = [
  "Host: a",
  "Host: a",
  "Connection: Upgrade\r\nUpgrade: websocket",
  "Connection: close",
  "Connection: keep-alive",
  "Expect: 100-continue",
  "X: y",
  "Cookie: a=1",
  "Content-Length: 0",
  "Transfer-Encoding: identity",
];

/** What no request is made of, and some that clients of other protocols send. */
const OTHER = [
  "\r\n",
  "X",
  "\0",
  "\x81\x05hello",
  "SM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01",
  "0\r\n\r\n",
];

/** A request as a client might send it, or almost. */
function request(next: Random): Uint8Array {
  const fields = Array.from(
    { length: below(next, 5) },
    () => oneOf(next, FIELDS),
  );
  let body = new Uint8Array();
  switch (below(next, 4)) {
    case 0:
      body = bytesOf("x".repeat(below(next, 300)));
      fields.push(`Content-Length: ${body.length}`);
      break;
    case 1:
      body = chunked(next, bytesOf("y".repeat(below(next, 300))));
      fields.push("Transfer-Encoding: chunked");
      break;
  }
  const head = [oneOf(next, LINES), ...fields, "", ""].join("\r\n");
  return concat(bytesOf(head), body);
}

/** A body in chunks of any sizes, with extensions and trailers. */
export function chunked(
  next: Random,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const size = 1 + below(next, body.length - at);
    const digits = "0".repeat(below(next, 3)) + size.toString(16);
    const extension = oneOf(next, ["", "", ";a", ';b="c;d"']);
    parts.push(
      bytesOf(`${digits}${extension}\r\n`),
      body.subarray(at, at + size),
      bytesOf("\r\n"),
    );
    at += size;
  }
  const trailer = oneOf(next, ["", "", "X: y\r\n"]);
  return concat(...parts, bytesOf(`0\r\n${trailer}\r\n`));
}

/** A parser that says how often the rest of some bytes was tried. */
class CountedParser extends RequestParser {
  calls = 0;

  override execute(bytes: Uint8Array): ReturnType<RequestParser["execute"]> {
    // One byte for each call, and the one that fails: what spins ends here.
    if (++this.calls > 100_000) throw new RangeError("The parser spins");
    return super.execute(bytes);
  }
}

/** What came of some bytes. */
interface Outcome {
  readonly requests: readonly string[];
  readonly status: number | undefined;
}

function parse(parts: readonly Uint8Array[]): Outcome {
  const parser = new CountedParser(LIMITS);
  const requests: IncomingRequest[] = [];
  for (const part of parts) {
    // The buffer that a connection reads into is used again.
    parser.calls = 0;
    parser.feed(part);
    ok(parser.calls <= part.length + 1, "The parser was asked in vain");
    do {
      for (let found; (found = parser.shift()) !== undefined;) {
        requests.push(found);
      }
      // Nobody takes over what asks for that.
      parser.resume();
    } while (parser.hasMore);
    if (parser.failure !== undefined) break;
  }
  return {
    requests: requests.map(({ method, target, chunks, complete }) =>
      `${method} ${target} ${concat(...chunks)} ${complete}`
    ),
    status: parser.failure?.status,
  };
}

/** A connection that gives what it was made of, in pieces, and then its end. */
class Replayed {
  readonly #parts: Uint8Array[];
  /** How often more was asked for behind the end. */
  beyond = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = [...parts];
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const part = this.#parts.shift();
    if (part === undefined) {
      ok(++this.beyond < 100, "The end was read again and again");
      return Promise.resolve(null);
    }
    const taken = part.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length < part.length) {
      this.#parts.unshift(part.subarray(taken.length));
    }
    return Promise.resolve(taken.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  close(): void {}
}

/** Serves a connection as a handler does, reading bodies or leaving them. */
async function serve(
  next: Random,
  parts: readonly Uint8Array[],
  most: number,
): Promise<void> {
  const connection = new HTTPConnection(
    new Replayed(parts) as unknown as Deno.Conn,
    LIMITS,
    { lost() {}, ended() {}, overdue() {} },
  );
  try {
    for (let served = 0;; served++) {
      ok(served <= most, "There are more requests than bytes for them");
      const request = await connection.next();
      if (request === undefined) return;
      if (below(next, 2) === 0) {
        const limit = 1 + below(next, 64);
        const rfile = new StreamReader(connection.bodyOf(request));
        let read = 0;
        for (let part; (part = await rfile.read(limit)) !== null;) {
          ok(part.length > 0, "Nothing was read, and that was not the end");
          read += part.length;
        }
        ok(read <= LIMITS.maxBodySize);
      }
      if (!request.keepAlive || !await connection.discardBody()) return;
    }
  } catch (error) {
    if (!(error instanceof HTTPError)) throw error;
  } finally {
    connection.close();
  }
}

/**
 * Tries pipelined requests, most of them damaged: whatever comes is taken or
 * refused, however it is cut, and nothing is asked for again in vain.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzRequests(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const parts = Array.from(
      { length: 1 + below(next, 4) },
      () => below(next, 4) === 0 ? bytesOf(oneOf(next, OTHER)) : request(next),
    );
    const whole = concat(...parts);
    const input = below(next, 4) === 0 ? whole : mutate(next, whole, parts);
    const cut = pieces(next, input);
    await inRound(seed, round, input, async () => {
      const found = withinTurn(input, () => parse(cut));
      const single = withinTurn(
        input,
        () => parse(Array.from(input, (byte) => Uint8Array.of(byte))),
      );
      // Limits on what is no content are looked at between reads.
      const limited = [413, 431];
      if (
        ![found, single].some(({ status }) => limited.includes(status ?? 0))
      ) {
        deepStrictEqual(found, single);
      }
      await serve(next, cut, input.length);
    });
  }
}

/**
 * Tries bodies in chunks: whole ones arrive as they were sent, damaged ones end
 * or are refused.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzChunks(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  const head = bytesOf(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  for (let round = 0; round < rounds; round++) {
    const body = Uint8Array.from(
      { length: below(next, 500) },
      () => below(next, 256),
    );
    const sent = chunked(next, body);
    const whole = concat(head, sent);
    const parts = pieces(next, whole);
    await inRound(seed, round, whole, () => {
      const found = withinTurn(whole, () => parse(parts));
      deepStrictEqual(found, {
        requests: [`POST / ${body} true`],
        status: undefined,
      });
    });
    const damaged = concat(head, mutate(next, sent, [head]));
    const cut = pieces(next, damaged);
    await inRound(seed, round, damaged, async () => {
      withinTurn(damaged, () => parse(cut));
      await serve(next, cut, damaged.length);
    });
  }
}
