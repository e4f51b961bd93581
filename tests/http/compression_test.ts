// Responses of fetch handlers, compressed as they are sent.

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import { AcceptedCodings } from "../../handlers/http/_compression/accept_encoding.ts";
import { MediaTypes } from "../../handlers/http/_compression/media_types.ts";
import { varyByEncoding } from "../../handlers/http/_compression/variants.ts";
import {
  type ContentCoding,
  type FetchFunction,
  FetchRequestHandler,
  ForkingHTTPServer,
  type HTTPCompression,
  HTTPServer,
  SimpleHTTPRequestHandler,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { isDisconnect, LOOPBACK } from "../_loopback.ts";
import { requestOf } from "./_cgi_site.ts";
import { Compressing, CompressingFiles } from "./_compressing_handlers.ts";
import { ALONE, curl } from "./_curl.ts";
import { bytesIn, decoded, wordy } from "./_decoded.ts";
import {
  readBytes,
  repliesIn,
  type Reply,
  replyTo,
  writeBytes,
} from "./_replies.ts";

const ALL = "Accept-Encoding: gzip, deflate, br";
const GZIP = "Accept-Encoding: gzip";

class Server extends HTTPServer {
  constructor(
    answer: FetchFunction,
    compression: Partial<HTTPCompression> | boolean = true,
  ) {
    super(LOOPBACK, answer, { compression, onError() {} });
  }

  get(target: string, ...headers: readonly string[]): Promise<Reply> {
    return replyTo(this.addr, requestOf(`GET ${target}`, headers));
  }

  head(target: string, ...headers: readonly string[]): Promise<Reply> {
    return replyTo(this.addr, requestOf(`HEAD ${target}`, headers));
  }
}

/** A stream that gives its chunks one by one, when they are asked for. */
function streamOf(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const left = [...chunks];
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve));
      const chunk = left.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(encoder.encode(chunk));
    },
  });
}

// RFC 9110, section 12.5.3, with its examples.
const ACCEPTED: readonly (readonly [
  header: string | undefined,
  best: ContentCoding | undefined,
  refusesIdentity?: boolean,
])[] = [
  [undefined, undefined],
  ["", undefined],
  ["compress, gzip", "gzip"],
  ["*", "br"],
  ["compress;q=0.5, gzip;q=1.0", "gzip"],
  ["gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"],
  ["gzip, deflate, br", "br"],
  ["br, gzip", "br"],
  ["gzip;q=0.9, br;q=0.8", "gzip"],
  ["gzip;q=0.001, br;q=0.000", "gzip"],
  ["GZIP", "gzip"],
  ["x-gzip", "gzip"],
  ["gzip;q=0", undefined],
  ["gzip;Q=0.5", "gzip"],
  ["gzip ; q=0.5 ,br;q=0", "gzip"],
  ["identity", undefined],
  ["identity, gzip;q=0.5", undefined],
  ["identity;q=0.5, gzip;q=0.5", "gzip"],
  ["identity;q=0.2, gzip;q=0.5", "gzip"],
  ["*;q=0.5, br;q=0", "gzip"],
  ["gzip;q=0.3, *;q=0.5", "br"],
  ["identity;q=0", undefined, true],
  ["*;q=0", undefined, true],
  ["*;q=0, identity", undefined, false],
  ["gzip, *;q=0", "gzip", true],
  ["gzip, identity;q=0", "gzip", true],
  ["identity;q=0.0, *", "br", true],
  ["deflate, zstd", undefined],
  // What is malformed is no coding; what stands beside it is.
  ["gzip;q=2, br;q=0.5", "br"],
  ["gzip;q=-1", undefined],
  ["gzip;q=0.0001", undefined],
  ["gzip;q=1.5", undefined],
  ["gzip;q=", undefined],
  ["gzip;level=9", undefined],
  ["gz ip, br", "br"],
  [",,gzip,,", "gzip"],
  ["gzip;q=0, gzip", undefined],
  ["__proto__, constructor, br", "br"],
];

for (const [header, best, refusesIdentity = false] of ACCEPTED) {
  Deno.test(`Accept-Encoding of ${Deno.inspect(header)} takes ${best ?? "no coding"}`, async () => {
    const accepted = new AcceptedCodings(header);
    strictEqual(accepted.best(["br", "gzip"]), best);
    strictEqual(accepted.refusesIdentity, refusesIdentity);
    await using served = await serveForTest(
      new Server(() => new Response(wordy(5000))),
    );
    const reply = await served.server.get(
      "/",
      ...(header === undefined ? [] : [`Accept-Encoding: ${header}`]),
    );
    strictEqual(reply.headers.get("content-encoding"), best ?? null);
    strictEqual(reply.headers.get("vary"), "Accept-Encoding");
    strictEqual(decoded(reply), wordy(5000));
  });
}

Deno.test("the order of the codings is the server's where a client likes them equally", () => {
  const accepted = new AcceptedCodings("br, gzip");
  strictEqual(accepted.best(["gzip", "br"]), "gzip");
  strictEqual(accepted.best(["gzip"]), "gzip");
  strictEqual(accepted.best([]), undefined);
});

Deno.test("Accept-Encoding in several lines is one list", async () => {
  await using served = await serveForTest(
    new Server(() => new Response(wordy(5000))),
  );
  const reply = await served.server.get("/", "Accept-Encoding: br;q=0", GZIP);
  strictEqual(reply.headers.get("content-encoding"), "gzip");
});

Deno.test("MediaTypes has types, kinds and suffixes", () => {
  const types = new MediaTypes(["text/*", "*+json", "Application/JSON"]);
  for (
    const type of [
      ...["text/html", "TEXT/HTML;charset=utf-8", "application/json ; a=b"],
      ...["application/ld+json", "image/x+y+json"],
    ]
  ) strictEqual(types.has(type), true, type);
  for (
    const type of [
      ...["", "text", "image/png", "application/json5", "application/+jsonx"],
      ...["image/svg+xml", "x;text/html", "text", "+json"],
    ]
  ) strictEqual(types.has(type), false, type);
});

/** A response, and the coding in which a client gets it that takes gzip. */
const ANSWERS: readonly (readonly [
  name: string,
  answer: () => Response,
  coding: string | null,
  vary: string | null,
])[] = [
  ["of text", () => new Response(wordy(3000)), "gzip", "Accept-Encoding"],
  [
    "of JSON",
    () => Response.json({ text: wordy(3000) }),
    "gzip",
    "Accept-Encoding",
  ],
  [
    "that is an error",
    () => new Response(wordy(3000), { status: 404 }),
    "gzip",
    "Accept-Encoding",
  ],
  ["of 1023 bytes", () => new Response(wordy(1023)), null, "Accept-Encoding"],
  ["of 1024 bytes", () => new Response(wordy(1024)), "gzip", "Accept-Encoding"],
  [
    "of 32 KiB and a byte",
    () => new Response(wordy(32 * 1024 + 1)),
    "gzip",
    "Accept-Encoding",
  ],
  ["of 300 kB", () => new Response(wordy(300_000)), "gzip", "Accept-Encoding"],
  [
    "that is a stream",
    () =>
      new Response(streamOf("short", "er"), {
        headers: { "Content-Type": "text/plain" },
      }),
    "gzip",
    "Accept-Encoding",
  ],
  [
    "that announces less than the minimum",
    () =>
      new Response(streamOf("12345"), {
        headers: { "Content-Type": "text/plain", "Content-Length": "5" },
      }),
    null,
    "Accept-Encoding",
  ],
  [
    "of an image",
    () =>
      new Response(wordy(3000), { headers: { "Content-Type": "image/png" } }),
    null,
    null,
  ],
  ["without a type", () => new Response(bytesIn(wordy(3000))), null, null],
  [
    "that is encoded already",
    () =>
      new Response(wordy(3000), { headers: { "Content-Encoding": "zstd" } }),
    "zstd",
    null,
  ],
  [
    "that says it is not encoded",
    () =>
      new Response(wordy(3000), {
        headers: { "Content-Encoding": "identity" },
      }),
    "identity",
    null,
  ],
  [
    "that must not be transformed",
    () =>
      new Response(wordy(3000), {
        headers: { "Cache-Control": "max-age=1, No-Transform" },
      }),
    null,
    null,
  ],
  [
    "that must not be transforme",
    () =>
      new Response(wordy(3000), {
        headers: { "Cache-Control": "no-transforme" },
      }),
    "gzip",
    "Accept-Encoding",
  ],
  [
    "with a digest of its bytes",
    () =>
      new Response(wordy(3000), {
        headers: { "Content-Digest": "sha-256=:AA==:" },
      }),
    null,
    null,
  ],
  [
    "of a part",
    () =>
      new Response(wordy(3000), {
        status: 206,
        headers: { "Content-Range": "bytes 0-2999/5000" },
      }),
    null,
    null,
  ],
  [
    "of a part, without saying so",
    () =>
      new Response(wordy(3000), {
        headers: { "Content-Range": "bytes 0-2999/5000" },
      }),
    null,
    null,
  ],
  ["of 204", () => new Response(null, { status: 204 }), null, null],
  ["of 205", () => new Response(null, { status: 205 }), null, null],
  ["of nothing", () => new Response(null), null, null],
  [
    "of no bytes",
    () => new Response("", { headers: { "Content-Type": "text/plain" } }),
    null,
    "Accept-Encoding",
  ],
  [
    "that varies by language",
    () => new Response(wordy(3000), { headers: { Vary: "Accept-Language" } }),
    "gzip",
    "Accept-Language, Accept-Encoding",
  ],
  [
    "that varies by everything",
    () => new Response(wordy(3000), { headers: { Vary: "*" } }),
    "gzip",
    "*",
  ],
  [
    "that varies by its coding already",
    () =>
      new Response(wordy(3000), { headers: { Vary: "accept-ENCODING, a" } }),
    "gzip",
    "accept-ENCODING, a",
  ],
  [
    "of bytes that cannot be compressed",
    () =>
      new Response(crypto.getRandomValues(new Uint8Array(3000)), {
        headers: { "Content-Type": "text/plain" },
      }),
    null,
    "Accept-Encoding",
  ],
];

for (const [name, answer, coding, vary] of ANSWERS) {
  Deno.test(`a response ${name} is sent ${coding ?? "as it is"}, to GET and HEAD`, async () => {
    await using served = await serveForTest(new Server(answer));
    const { server } = served;
    const reply = await server.get("/", GZIP);
    strictEqual(reply.headers.get("content-encoding"), coding);
    strictEqual(reply.headers.get("vary"), vary);
    strictEqual(reply.complete, true);
    const { body } = answer();
    if (coding === "gzip" && body !== null) {
      strictEqual(decoded(reply), await new Response(body).text());
    } else await body?.cancel();
    const head = await server.head("/", GZIP);
    for (const field of ["content-encoding", "vary", "etag", "accept-ranges"]) {
      strictEqual(head.headers.get(field), reply.headers.get(field), field);
    }
    strictEqual(head.status, reply.status);
    // RFC 9110, section 8.6: it may be left out, and must not be another.
    const length = head.headers.get("content-length");
    ok(length === null || length === reply.headers.get("content-length"));
    // Who takes no coding gets it as it is.
    const plain = await server.get("/");
    strictEqual(
      plain.headers.get("content-encoding"),
      coding === "gzip" ? null : coding,
    );
    strictEqual(plain.headers.get("vary"), vary);
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("a response to HEAD without a body is described by its length", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      new Response(null, {
        headers: {
          "Content-Type": "text/plain",
          "Content-Length": new URL(request.url).pathname.slice(1),
          ETag: '"a"',
        },
      })
    ),
  );
  const { server } = served;
  const long = await server.head("/5000", GZIP);
  strictEqual(long.headers.get("content-encoding"), "gzip");
  strictEqual(long.headers.get("content-length"), null);
  strictEqual(long.headers.get("etag"), 'W/"a"');
  const short = await server.head("/5", GZIP);
  strictEqual(short.headers.get("content-encoding"), null);
  strictEqual(short.headers.get("content-length"), "5");
  strictEqual(short.headers.get("etag"), '"a"');
});

Deno.test("who refuses what is not encoded gets anything encoded", async () => {
  await using served = await serveForTest(
    new Server(() =>
      new Response(bytesIn("short"), {
        headers: { "Content-Type": "image/png" },
      })
    ),
  );
  const { server } = served;
  const only = "Accept-Encoding: gzip, identity;q=0";
  const reply = await server.get("/", only);
  strictEqual(reply.headers.get("content-encoding"), "gzip");
  strictEqual(decoded(reply), "short");
  // RFC 9110, section 12.4.1: rather that than no answer.
  const none = await server.get("/", "Accept-Encoding: identity;q=0");
  strictEqual(none.status, 200);
  strictEqual(none.headers.get("content-encoding"), null);
});

Deno.test("an HTTP/1.0 client gets it compressed to the end of the connection", async () => {
  await using served = await serveForTest(
    new Server(() => new Response(wordy(100_000))),
  );
  const reply = await replyTo(
    served.addr,
    `GET / HTTP/1.0\r\nHost: a\r\n${GZIP}\r\n\r\n`,
  );
  strictEqual(reply.headers.get("transfer-encoding"), null);
  strictEqual(decoded(reply), wordy(100_000));
});

Deno.test("a tag becomes weak, and still finds what the client has", async () => {
  const etag = '"v,1"';
  await using served = await serveForTest(
    new Server((request) => {
      const sent = request.headers.get("if-none-match");
      // One that compares as RFC 9110 does not: as if tags were text.
      if (sent === etag) {
        return new Response(null, { status: 304, headers: { etag } });
      }
      return new Response(wordy(5000), {
        headers: { etag, "Accept-Ranges": "bytes", "X-Own": "kept" },
      });
    }),
  );
  const { server } = served;
  const reply = await server.get("/", GZIP);
  strictEqual(reply.headers.get("etag"), 'W/"v,1"');
  strictEqual(reply.headers.get("accept-ranges"), null);
  for (const listed of ['W/"v,1"', '"a", W/"v,1"', 'W/"a",W/"v,1",W/"b"']) {
    for (const send of ["get", "head"] as const) {
      const again = await server[send]("/", GZIP, `If-None-Match: ${listed}`);
      strictEqual(again.status, 304, listed);
      strictEqual(again.reason, "Not Modified");
      strictEqual(again.headers.get("etag"), 'W/"v,1"');
      strictEqual(again.headers.get("vary"), "Accept-Encoding");
      strictEqual(again.headers.get("content-encoding"), null);
      strictEqual(again.headers.get("content-type"), null);
      strictEqual(again.headers.get("content-length"), null);
      strictEqual(again.headers.get("x-own"), "kept");
    }
  }
  for (const listed of ['"other"', 'W/"v"', '"v", "1"', "v,1", '"V,1"']) {
    const other = await server.get("/", GZIP, `If-None-Match: ${listed}`);
    strictEqual(other.status, 200, listed);
    strictEqual(decoded(other), wordy(5000));
  }
  // The handler's own answer to its own tag stays what it is.
  const own = await server.get("/", GZIP, `If-None-Match: ${etag}`);
  strictEqual(own.status, 304);
  strictEqual(own.headers.get("etag"), etag);
  strictEqual(own.headers.get("vary"), "Accept-Encoding");
  // Who has it as it is has the strong one.
  const plain = await server.get("/");
  strictEqual(plain.headers.get("etag"), etag);
  strictEqual(plain.headers.get("accept-ranges"), "bytes");
});

Deno.test("a handler's 304 has the tag in the form that its client has", async () => {
  await using served = await serveForTest(
    new Server(() =>
      new Response(null, { status: 304, headers: { etag: '"a"' } })
    ),
  );
  const { server } = served;
  const weak = await server.get("/", GZIP, 'If-None-Match: W/"a"');
  strictEqual(weak.headers.get("etag"), 'W/"a"');
  const both = await server.get("/", GZIP, 'If-None-Match: W/"a", "a"');
  strictEqual(both.headers.get("etag"), '"a"');
});

Deno.test("a POST is not answered with 304", async () => {
  await using served = await serveForTest(
    new Server(() => new Response(wordy(5000), { headers: { etag: '"a"' } })),
  );
  const reply = await replyTo(
    served.addr,
    requestOf("POST /", [GZIP, 'If-None-Match: W/"a"', "Content-Length: 0"]),
  );
  strictEqual(reply.status, 200);
  strictEqual(decoded(reply), wordy(5000));
});

Deno.test("varyByEncoding() adds, and never twice", () => {
  strictEqual(varyByEncoding(null), "Accept-Encoding");
  strictEqual(varyByEncoding(""), "Accept-Encoding");
  strictEqual(varyByEncoding("Origin"), "Origin, Accept-Encoding");
  strictEqual(varyByEncoding("a,Accept-encoding"), "a,Accept-encoding");
  strictEqual(varyByEncoding("a, *"), "a, *");
  strictEqual(
    varyByEncoding("X-Accept-Encoding"),
    "X-Accept-Encoding, Accept-Encoding",
  );
});

/** What decompresses a stream as it comes. */
const DECODERS = { br: createBrotliDecompress, gzip: createGunzip } as const;

for (const coding of ["br", "gzip"] as const) {
  Deno.test(`each event of a stream comes at once, in ${coding}`, async () => {
    const events = new TransformStream<Uint8Array, Uint8Array>();
    const writer = events.writable.getWriter();
    await using served = await serveForTest(
      new Server(() =>
        new Response(events.readable, {
          headers: { "Content-Type": "text/event-stream" },
        })
      ),
    );
    const decoder = DECODERS[coding]();
    const got: string[] = [];
    let wake = () => {};
    decoder.on("data", (chunk: Uint8Array) => {
      got.push(new TextDecoder().decode(chunk));
      wake();
    });
    using connection = await Deno.connect(served.addr);
    await writeBytes(
      connection,
      // Without chunks, what comes behind the head is what was compressed.
      `GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: ${coding}\r\n\r\n`,
    );
    const buffer = new Uint8Array(10_000);
    let headers = "";
    const receive = async (count: number) => {
      while (got.join("").split("\n\n").length <= count) {
        const n = await connection.read(buffer);
        ok(n !== null, "the connection ended");
        let from = 0;
        if (!headers.includes("\r\n\r\n")) {
          const before = headers.length;
          headers += new TextDecoder("latin1").decode(buffer.subarray(0, n));
          const end = headers.indexOf("\r\n\r\n");
          from = end < 0 ? n : end + 4 - before;
        }
        const given = new Promise<void>((resolve) => wake = resolve);
        decoder.write(buffer.subarray(from, n));
        const flushed = new Promise<void>((resolve) =>
          decoder.flush(() => setTimeout(resolve))
        );
        await Promise.race([given, flushed]);
      }
    };
    for (let i = 1; i <= 20; i++) {
      void writer.write(new TextEncoder().encode(`data: ${i}\n\n`));
      await patiently(receive(i), () => `event ${i}; got ${got.join("")}`);
    }
    strictEqual(
      got.join(""),
      Array.from({ length: 20 }, (_, i) => `data: ${i + 1}\n\n`).join(""),
    );
    match(headers, new RegExp(`content-encoding: ${coding}\r\n`));
    decoder.destroy();
    await writer.close();
  });
}

Deno.test("a slow client holds its source back", async () => {
  let given = 0;
  const chunk = new Uint8Array(64 * 1024);
  await using served = await serveForTest(
    new Server(() =>
      new Response(
        new ReadableStream({
          pull(controller) {
            given++;
            // What cannot be compressed fills what is between.
            crypto.getRandomValues(chunk);
            controller.enqueue(chunk.slice());
          },
        }),
        { headers: { "Content-Type": "text/plain" } },
      )
    ),
    { allowErrors: isDisconnect },
  );
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, requestOf("GET /", [GZIP]));
  await connection.read(new Uint8Array(10));
  let before: number;
  do {
    // It has come to rest where nothing was asked for in this time.
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 200));
  } while (given !== before);
  // The buffers of both sockets have some megabytes.
  ok(given < 400, `${given} chunks of 64 KiB were taken`);
});

for (const coding of ["br", "gzip"] as const) {
  Deno.test(`a client that leaves ends what compresses for it, in ${coding}`, async () => {
    const cancelled: unknown[] = [];
    const reports = Promise.withResolvers<void>();
    await using served = await serveForTest(
      new Server(
        () =>
          new Response(
            new ReadableStream({
              async pull(controller) {
                await new Promise((resolve) => setTimeout(resolve));
                controller.enqueue(
                  crypto.getRandomValues(new Uint8Array(10_000)),
                );
              },
              cancel(reason) {
                cancelled.push(reason);
                if (cancelled.length === 20) reports.resolve();
              },
            }),
            { headers: { "Content-Type": "text/plain" } },
          ),
        // One more could not be compressed if one of them kept its room.
        { maxStreams: 1 },
      ),
      { allowErrors: isDisconnect },
    );
    for (let i = 0; i < 20; i++) {
      const connection = await Deno.connect(served.addr);
      await writeBytes(
        connection,
        requestOf("GET /", [`Accept-Encoding: ${coding}`]),
      );
      const buffer = new Uint8Array(5000);
      const n = await connection.read(buffer);
      match(
        new TextDecoder().decode(buffer.subarray(0, n!)),
        new RegExp(`content-encoding: ${coding}`),
        `client ${i}`,
      );
      connection.close();
      await patiently(
        (async () => {
          while (cancelled.length <= i) {
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        })(),
        () => `the source of client ${i} to be cancelled`,
      );
    }
    await reports.promise;
  });
}

Deno.test("past maxStreams a response is sent as it is", async () => {
  const events = new TransformStream<Uint8Array, Uint8Array>();
  const writer = events.writable.getWriter();
  await using served = await serveForTest(
    new Server((request) =>
      new Response(
        request.url.endsWith("/events") ? events.readable : wordy(100_000),
        { headers: { "Content-Type": "text/plain" } },
      ), { maxStreams: 1 }),
  );
  const ask = () => served.server.get("/", ALL);
  strictEqual((await ask()).headers.get("content-encoding"), "br");
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, requestOf("GET /events", [ALL]));
  await writer.write(new TextEncoder().encode("first"));
  await patiently(
    connection.read(new Uint8Array(10)),
    () => "the first event",
  );
  const reply = await ask();
  strictEqual(reply.headers.get("content-encoding"), null);
  strictEqual(reply.headers.get("vary"), "Accept-Encoding");
  strictEqual(reply.body, wordy(100_000));
  await writer.close();
  await readBytes(connection);
  strictEqual((await ask()).headers.get("content-encoding"), "br");
});

Deno.test("a source that fails cuts the response short, and is reported", async () => {
  const failure = new Error("the source has failed");
  await using served = await serveForTest(
    new Server(() =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve));
            controller.enqueue(new Uint8Array(100));
            await new Promise((resolve) => setTimeout(resolve));
            controller.error(failure);
          },
        }),
        { headers: { "Content-Type": "text/plain" } },
      )
    ),
  );
  const reply = await served.server.get("/", GZIP);
  strictEqual(reply.complete, false);
  deepStrictEqual(await served.untilErrors(), [failure]);
});

/** Bodies that are not what they say they are. */
const LIARS: readonly (readonly [
  body: () => ReadableStream,
  length: string | undefined,
  message: RegExp,
])[] = [
  [() => streamOf("too", "short"), "2000", /ended after 8 bytes/],
  [() => streamOf(wordy(3000)), "2000", /longer than its Content-Length, 2000/],
  [
    () =>
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve));
          controller.enqueue("text");
        },
      }),
    undefined,
    /the body's stream gave "text", not a Uint8Array/,
  ],
];

for (const [body, length, message] of LIARS) {
  Deno.test(`a body is refused though it is compressed: ${message.source}`, async () => {
    await using served = await serveForTest(
      new Server(() =>
        new Response(body(), {
          headers: {
            "Content-Type": "text/plain",
            ...(length !== undefined && { "Content-Length": length }),
          },
        })
      ),
    );
    using connection = await Deno.connect(served.addr);
    await writeBytes(connection, requestOf("GET /", [GZIP]));
    const text = await readBytes(connection);
    const [reply] = repliesIn(text);
    ok(reply!.status === 500 || !reply!.complete);
    const [error] = await served.untilErrors();
    match((error as Error).message, message);
  });
}

Deno.test("a body that gives empty chunks for ever leaves others their turn", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      request.url.endsWith("/empty")
        ? new Response(
          new ReadableStream({
            pull(controller) {
              controller.enqueue(new Uint8Array(0));
            },
          }),
          { headers: { "Content-Type": "text/plain" } },
        )
        : new Response("answered")
    ),
  );
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, requestOf("GET /empty", [GZIP]));
  for (let i = 0; i < 5; i++) {
    strictEqual((await served.server.get("/", GZIP)).body, "answered");
  }
});

Deno.test("a chunk of megabytes leaves others their turn", async () => {
  const large = new TextEncoder().encode(wordy(4_000_000));
  await using served = await serveForTest(
    new Server((request) =>
      request.url.endsWith("/large")
        ? new Response(large, { headers: { "Content-Type": "text/plain" } })
        : new Response("answered")
    ),
  );
  const { server } = served;
  let ended = false;
  const sent = server.get("/large", GZIP).finally(() => ended = true);
  let answered = 0;
  while (!ended) {
    strictEqual((await server.get("/")).body, "answered");
    answered++;
  }
  strictEqual(decoded(await sent).length, large.length);
  // Compressed in one go, it would be a single one, or two.
  ok(answered > 5, `${answered} were answered meanwhile`);
});

Deno.test("whatever the pieces are that a body comes in, it decompresses to the same", async () => {
  const text = wordy(200_000);
  await using served = await serveForTest(
    new Server((request) => {
      const size = Number(new URL(request.url).pathname.slice(1));
      const chunks: string[] = [];
      for (let at = 0; at < text.length; at += size) {
        chunks.push(text.slice(at, at + size));
      }
      const isAsync = request.url.endsWith("?slow");
      return new Response(
        isAsync ? streamOf(...chunks) : ReadableStream.from(chunks)
          .pipeThrough(new TextEncoderStream()),
        { headers: { "Content-Type": "text/plain" } },
      );
    }),
  );
  for (const coding of ["br", "gzip"]) {
    for (
      const target of ["/997", "/65536", "/65537", "/200000", "/9973?slow"]
    ) {
      const reply = await served.server.get(
        target,
        `Accept-Encoding: ${coding}`,
      );
      strictEqual(reply.headers.get("content-encoding"), coding);
      strictEqual(decoded(reply), text, `${coding} ${target}`);
    }
  }
});

Deno.test("a connection goes on behind what was compressed", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      new Response(wordy(Number(new URL(request.url).pathname.slice(1))))
    ),
  );
  using connection = await Deno.connect(served.addr);
  const sizes = [100, 5000, 100_000, 2000];
  await writeBytes(
    connection,
    sizes.map((size) => `GET /${size} HTTP/1.1\r\nHost: a\r\n${ALL}\r\n\r\n`)
      .join("") + requestOf("GET /1"),
  );
  deepStrictEqual(
    repliesIn(await readBytes(connection)).map((reply) =>
      decoded(reply).length
    ),
    [...sizes, 1],
  );
});

Deno.test("a response that was fetched elsewhere is compressed, and varies", async () => {
  await using origin = await serveForTest(
    new Server(() => new Response(wordy(5000)), false),
  );
  // Its headers cannot be changed.
  await using served = await serveForTest(
    new Server(async () => {
      using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      const url = `http://127.0.0.1:${origin.addr.port}/`;
      const response = await fetch(url, { client });
      return response;
    }),
  );
  const { server } = served;
  const reply = await server.get("/", GZIP);
  strictEqual(reply.headers.get("content-encoding"), "gzip");
  strictEqual(decoded(reply), wordy(5000));
  const plain = await server.get("/");
  strictEqual(plain.headers.get("vary"), "Accept-Encoding");
  strictEqual(plain.body, wordy(5000));
  await server.shutdown();
});

Deno.test("nothing is compressed unless it is asked for", async () => {
  await using served = await serveForTest(
    new Server(
      () => new Response(wordy(5000), { headers: { etag: '"a"' } }),
      false,
    ),
  );
  const reply = await served.server.get("/", ALL);
  strictEqual(reply.headers.get("content-encoding"), null);
  strictEqual(reply.headers.get("vary"), null);
  strictEqual(reply.headers.get("etag"), '"a"');
});

const WRONG: readonly (readonly [setting: unknown, error: object])[] = [
  [1, {
    name: "TypeError",
    message: /the settings must be an object, received 1$/,
  }],
  [{ level: 1 }, {
    name: "TypeError",
    message: /unknown setting "level"; known are codings,/,
  }],
  [{ gzipLevels: 1 }, {
    message: /unknown setting "gzipLevels"; did you mean "gzipLevel"\?$/,
  }],
  [{ gzipLevel: 0 }, {
    name: "RangeError",
    message:
      /compression\.gzipLevel must be a whole number from 1 to 9, received 0$/,
  }],
  [{ brotliQuality: 12 }, {
    name: "RangeError",
    message: /brotliQuality must be .* 0 to 11, received 12$/,
  }],
  [{ minSize: -1 }, {
    name: "RangeError",
    message: /minSize must be a whole number of at least 0, received -1$/,
  }],
  [{ minSize: "1" }, { name: "RangeError" }],
  [{ maxStreams: 0.5 }, { name: "RangeError" }],
  [{ codings: ["zstd"] }, {
    name: "TypeError",
    message:
      /codings must be a list of "br" and "gzip", received \[ "zstd" \]$/,
  }],
  [{ codings: "br" }, { name: "TypeError" }],
  [{ types: "text/*" }, {
    name: "TypeError",
    message: /types must be an array of texts/,
  }],
  [{ types: ["text"] }, {
    name: "TypeError",
    message: /compression\.types has "text"; write a type as/,
  }],
  [{ types: ["*/*"] }, { name: "TypeError" }],
  [{ precompressed: 1 }, {
    name: "TypeError",
    message: /precompressed must be true or false/,
  }],
];

for (const [setting, error] of WRONG) {
  Deno.test(`compression is refused where it is ${Deno.inspect(setting)}`, () => {
    const compression = setting as Partial<HTTPCompression>;
    class Wrong extends FetchRequestHandler {
      static override readonly compression = compression;
    }
    class WrongFiles extends SimpleHTTPRequestHandler {
      static override readonly compression = compression;
    }
    throws(() => new HTTPServer(LOOPBACK, Wrong), error);
    throws(() => new HTTPServer(LOOPBACK, WrongFiles), error);
    throws(
      () => new HTTPServer(LOOPBACK, () => new Response(), { compression }),
      error,
    );
  });
}

Deno.test("the settings of compression change what is compressed, and how", async () => {
  await using served = await serveForTest(
    new Server(
      (request) =>
        new Response(wordy(Number(new URL(request.url).pathname.slice(1))), {
          headers: { "Content-Type": "image/png" },
        }),
      {
        codings: ["gzip"],
        minSize: 10,
        types: ["image/png"],
        gzipLevel: 1,
      },
    ),
  );
  const { server } = served;
  const reply = await server.get("/300", ALL);
  strictEqual(reply.headers.get("content-encoding"), "gzip");
  strictEqual(decoded(reply), wordy(300));
  strictEqual(
    (await server.get("/9", ALL)).headers.get("vary"),
    "Accept-Encoding",
  );
  await using better = await serveForTest(
    new Server(
      () => new Response(wordy(20_000)),
      { gzipLevel: 9 },
    ),
  );
  await using worse = await serveForTest(
    new Server(
      () => new Response(wordy(20_000)),
      { gzipLevel: 1 },
    ),
  );
  const sizes = await Promise.all(
    [better.server, worse.server].map(async (each) =>
      (await each.get("/", GZIP)).body.length
    ),
  );
  ok(sizes[0]! < sizes[1]!, sizes.join(" and "));
});

Deno.test("each way of running compresses, responses and files", async () => {
  const file = "compression_test.ts";
  const text = await Deno.readTextFile(`${import.meta.dirname}/${file}`);
  const servers = [
    new ThreadingHTTPServer(LOOPBACK, Compressing, { workers: 1 }),
    new ForkingHTTPServer(LOOPBACK, Compressing, { maxChildren: 1 }),
    new ThreadingHTTPServer(LOOPBACK, CompressingFiles, { workers: 1 }),
    new ForkingHTTPServer(LOOPBACK, CompressingFiles, {
      maxChildren: 1,
      permissions: { read: [import.meta.dirname!] },
    }),
  ];
  for (const [i, each] of servers.entries()) {
    await using served = await serveForTest(each);
    for (const coding of ["br", "gzip"]) {
      const reply = await replyTo(
        served.addr,
        requestOf(i < 2 ? "GET /100000" : `GET /${file}`, [
          `Accept-Encoding: ${coding}`,
        ]),
      );
      strictEqual(reply.headers.get("content-encoding"), coding);
      match(reply.headers.get("etag")!, /^W\/"/);
      strictEqual(decoded(reply), i < 2 ? wordy(100_000) : text);
    }
  }
});

Deno.test("responses over a Unix socket are compressed too", async () => {
  await using folder = new Folder();
  const path = folder.at("socket");
  await using _served = await serveForTest(
    new UnixStreamServer({ path }, Compressing),
  );
  using connection = await Deno.connect({ path, transport: "unix" });
  await writeBytes(connection, requestOf("GET /5000", [ALL]));
  const [reply] = repliesIn(await readBytes(connection));
  strictEqual(decoded(reply!), wordy(5000));
});

testWith(
  [curl],
  "curl --compressed reads what it is sent, of any length",
  async () => {
    await using served = await serveForTest(Compressing, {
      server: HTTPServer,
    });
    await using folder = new Folder();
    for (const size of [10, 5000, 32_768, 32_769, 3_000_000]) {
      for (const coding of ["br", "gzip", "gzip;q=0.5, br;q=0.4"]) {
        const back = await curl.run([
          ...[...ALONE, "--compressed", "-H", `Accept-Encoding: ${coding}`],
          ...["--dump-header", folder.at("head")],
          `http://127.0.0.1:${served.addr.port}/${size}`,
        ]);
        strictEqual(back, wordy(size));
        const head = await Deno.readTextFile(folder.at("head"));
        const expected = size < 1024 ? undefined : coding.split(";")[0];
        strictEqual(/^content-encoding: (.*)\r$/m.exec(head)?.[1], expected);
      }
    }
  },
);

const python = new Program("python3", "python3");

const PYTHON = `
import gzip, sys, urllib.request, zlib
url = sys.argv[1]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for size in (10, 5000, 32769, 1000000):
    asked = urllib.request.Request(url + str(size), headers={"Accept-Encoding": "gzip"})
    with opener.open(asked, timeout=20) as response:
        body = response.read()
        coding = response.headers.get("Content-Encoding")
        assert response.headers["Vary"] == "Accept-Encoding"
    if coding == "gzip":
        # One member, with a checksum that is right, and nothing behind it.
        member = zlib.decompressobj(31)
        whole = member.decompress(body)
        assert member.eof and member.unused_data == b"", size
        assert whole == gzip.decompress(body)
        body = whole
    print(size, coding, len(body))
`;

testWith([python], "Python's gzip and zlib read what it is sent", async () => {
  await using served = await serveForTest(Compressing, { server: HTTPServer });
  strictEqual(
    await python.run(
      ["-c", PYTHON, `http://127.0.0.1:${served.addr.port}/`],
    ),
    "10 None 10\n5000 gzip 5000\n32769 gzip 32769\n1000000 gzip 1000000\n",
  );
});
