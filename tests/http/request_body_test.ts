import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  BaseHTTPRequestHandler,
  ForkingHTTPServer,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
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
