import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { replyTo } from "./_replies.ts";
import { Upgrading, WAYS } from "./_websocket_handlers.ts";

/** The request of a browser that opens a WebSocket. */
function opening(method: string, path: string): string {
  return [
    `${method} /${encodeURI(path)} HTTP/1.1`,
    "Host: a",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "",
    "",
  ].join("\r\n");
}

for (
  const [where, Server] of [
    ["on the event loop", HTTPServer],
    ["in threads", ThreadingHTTPServer],
    ["in processes", ForkingHTTPServer],
  ] as const
) {
  Deno.test(`Deno.upgradeWebSocket() is refused by name ${where}`, async () => {
    await using served = await serveForTest(Upgrading, { server: Server });
    for (const way of Object.keys(WAYS)) {
      for (const method of ["GET", "HEAD"]) {
        const reply = await replyTo(served.addr, opening(method, way));
        strictEqual(reply.status, 500, way);
        strictEqual(reply.headers.has("sec-websocket-accept"), false);
        const errors = await served.untilErrors();
        match(String(errors.pop()), /TypeError.*Deno\.upgradeWebSocket\(\)/);
      }
    }
    deepStrictEqual(served.errors, []);
  });
}
