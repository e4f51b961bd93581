import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  BaseHTTPRequestHandler,
  ForkingHTTPServer,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { RequestParser } from "../../handlers/http/_connection/request_parser.ts";
import { DEFAULT_HTTP_LIMITS } from "../../handlers/http/http_limits.ts";
import { replyTo } from "./_replies.ts";
import { Measuring } from "./_measuring_handler.ts";

/** More than a reader's own limit, in bytes. */
const LARGE = 300_000;

function post(path: string, size: number, chunked = false): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: a",
    "Connection: close",
    chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${size}`,
    "",
    "",
  ].join("\r\n");
  const body = "x".repeat(size);
  return head +
    (chunked ? `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
}

function sized(path: string, size: number, chunked: boolean): string {
  return post(path === "/all" ? path : path + size, size, chunked);
}

for (
  const [where, Server] of [
    ["on the event loop", HTTPServer],
    ["in threads", ThreadingHTTPServer],
    ["in processes", ForkingHTTPServer],
  ] as const
) {
  Deno.test(`a handler reads a large body whole, up to maxBodySize ${where}`, async () => {
    await using served = await serveForTest(Measuring, { server: Server });
    for (const path of ["/all", "/exactly/"]) {
      for (const chunked of [false, true]) {
        const reply = await replyTo(served.addr, sized(path, LARGE, chunked));
        deepStrictEqual([reply.status, reply.body], [200, String(LARGE)]);
        const refused = await replyTo(
          served.addr,
          sized(path, 500_001, chunked),
        );
        strictEqual(refused.status, 413);
      }
    }
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("lines of a body keep the reader's own limit, also behind a read without one", async () => {
  const limits: number[] = [];
  class Lines extends BaseHTTPRequestHandler {
    async doPOST(): Promise<void> {
      limits.push(this.rfile.limit);
      await this.rfile.readExactly(100_000);
      limits.push(this.rfile.limit);
      await this.rfile.readLine();
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Lines, { server: HTTPServer });
  const reply = await replyTo(served.addr, post("/", LARGE));
  strictEqual(reply.status, 500);
  deepStrictEqual(limits, [65_536, 65_536]);
  match(String(await served.untilErrors()), /Cannot read a line: it is longer/);
});

/** A body in chunks of these sizes, and its bytes. */
function inChunks(sizes: readonly number[]): [sent: string, body: string] {
  let sent = "";
  let body = "";
  for (const size of sizes) {
    const chunk = Array.from(
      { length: size },
      (_, i) => String.fromCharCode(97 + (body.length + i) % 26),
    ).join("");
    sent += `${size.toString(16)}\r\n${chunk}\r\n`;
    body += chunk;
  }
  return [`${sent}0\r\n\r\n`, body];
}

const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
  "Transfer-Encoding: chunked\r\n\r\n";

Deno.test("chunks of every size are read exactly, in every way", async () => {
  const ways: Record<string, (request: Request) => Promise<string>> = {
    text: (request) => request.text(),
    bytes: async (request) => {
      const bytes = await request.bytes();
      strictEqual(bytes.buffer.byteLength, bytes.length);
      return new TextDecoder().decode(bytes);
    },
    arrayBuffer: async (request) =>
      new TextDecoder().decode(await request.arrayBuffer()),
    body: (request) => new Response(request.body).text(),
  };
  for (
    const sizes of [
      [1, 1, 1],
      Array(30_000).fill(1),
      [1, 20_000, 1, 1, 16_383, 1, 1, 70_000, 3],
      Array.from({ length: 200 }, (_, i) => 1 + i * 5),
    ]
  ) {
    const [sent, body] = inChunks(sizes);
    for (const [way, read] of Object.entries(ways)) {
      await using served = await serveForTest(
        async (request) => new Response(await read(request)),
        { server: HTTPServer },
      );
      const reply = await replyTo(served.addr, CHUNKED + sent);
      strictEqual(reply.body, body, `${way} of ${sizes.length} chunks`);
      deepStrictEqual(served.errors, []);
    }
  }
});

Deno.test("chunks that nobody has read yet wait in few parts", () => {
  const [sent, body] = inChunks(Array(10_000).fill(1));
  const parser = new RequestParser(DEFAULT_HTTP_LIMITS);
  parser.feed(new TextEncoder().encode(CHUNKED + sent));
  const { chunks } = parser.shift()!;
  strictEqual(chunks.length, 1);
  strictEqual(new TextDecoder().decode(chunks[0]), body);
});
