import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
} from "../../server/http/mod.ts";
import type { RequestHandlerClass } from "../../server/server_options.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { readBytes, repliesIn, type Reply, writeBytes } from "./_replies.ts";

const MIB = 2 ** 20;

/** What a GET that is answered by `doGET` gets, and what is reported. */
async function answerOf(
  doGET: (handler: BaseHTTPRequestHandler) => unknown,
): Promise<[reply: Reply, errors: unknown[]]> {
  return await answerBy(
    class extends BaseHTTPRequestHandler {
      // An answer that is whole leaves the connection open for the next request.
      static override readonly limits = { keepAliveTimeout: 100 };
      async doGET(): Promise<void> {
        await doGET(this);
      }
      override logMessage(): void {}
    },
  );
}

async function answerBy(
  Handler: RequestHandlerClass<Deno.TcpConn, Deno.NetAddr>,
): Promise<[reply: Reply, errors: unknown[]]> {
  await using served = await serveForTest(Handler);
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const text = await patiently(readBytes(connection), () => "the end");
  connection.close();
  await served.server.shutdown();
  const [reply, ...others] = repliesIn(text);
  strictEqual(others.length, 0);
  return [reply!, served.takeErrors()];
}

const begin = (handler: BaseHTTPRequestHandler, length?: number) => {
  handler.sendResponse(200);
  if (length !== undefined) {
    handler.sendHeader("Content-Length", String(length));
  }
  handler.endHeaders();
};

for (
  const [what, write] of [
    ["writes", ({ wfile }) => wfile.write("no head")],
    ["writes without waiting", ({ wfile }) => void wfile.write("no head")],
    ["begins no headers' end and writes", (handler) => {
      handler.sendResponse(200);
      return handler.wfile.write("no head");
    }],
    ["begins no headers' end and writes without waiting", (handler) => {
      handler.sendResponse(200);
      void handler.wfile.write("no head");
    }],
    ["begins no headers' end, waits, and looks away", async (handler) => {
      handler.sendResponse(200);
      await handler.wfile.write("no head").catch(() => {});
    }],
  ] as const satisfies [
    string,
    (handler: BaseHTTPRequestHandler) => unknown,
  ][]
) {
  Deno.test(`a method that ${what} before its head is sent is answered with a whole 500`, async () => {
    const [reply, errors] = await answerOf(write);
    deepStrictEqual([reply.status, reply.complete], [500, true]);
    ok(reply.body.includes("<h1>500 Internal Server Error</h1>"), reply.body);
    strictEqual(errors.length, 1);
  });
}

Deno.test("a method that has written too early can still send a whole error", async () => {
  const [reply, errors] = await answerOf(async (handler) => {
    await handler.wfile.write("no head").catch(() => {});
    await handler.sendError(418, "Too early");
  });
  deepStrictEqual([reply.status, reply.complete], [418, true]);
  ok(reply.body.includes("Too early"), reply.body);
  deepStrictEqual(errors, []);
});

for (
  const [what, answer] of [
    ["throws within its chunks", async (handler) => {
      begin(handler);
      await handler.wfile.write("begun");
      throw new Error("the rest is gone");
    }],
    ["throws within its Content-Length", async (handler) => {
      begin(handler, 100);
      await handler.wfile.write("begun");
      throw new Error("the rest is gone");
    }],
    ["ends before its Content-Length", async (handler) => {
      begin(handler, 100);
      await handler.wfile.write("begun");
    }],
    ["is refused writes that wait for a slow client", (handler) => {
      begin(handler);
      for (let i = 0; i < 40; i++) handler.wfile.write(new Uint8Array(MIB));
    }],
    ["looks away where its writes are refused", (handler) => {
      begin(handler);
      for (let i = 0; i < 40; i++) {
        handler.wfile.write(new Uint8Array(MIB)).catch(() => {});
      }
    }],
  ] as const satisfies [
    string,
    (handler: BaseHTTPRequestHandler) => unknown,
  ][]
) {
  Deno.test(`the response of a method that ${what} never looks complete`, async () => {
    const [reply, errors] = await answerOf(answer);
    deepStrictEqual([reply.status, reply.complete], [200, false]);
    strictEqual(errors.length, 1);
  });
}

for (const length of [undefined, "100"]) {
  Deno.test(`a Response whose body fails never looks complete with ${length === undefined ? "chunks" : "a Content-Length"}`, async () => {
    let chunks = 0;
    const [reply, errors] = await answerBy(
      FetchRequestHandler.from(() =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve));
              if (chunks++ > 0) throw new Error("the source failed");
              controller.enqueue(new TextEncoder().encode("begun"));
            },
          }),
          length === undefined ? {} : { headers: { "content-length": length } },
        )
      ),
    );
    deepStrictEqual(
      [reply.status, reply.body, reply.complete],
      [200, "begun", false],
    );
    match(String(errors[0]), /the source failed/);
  });
}
