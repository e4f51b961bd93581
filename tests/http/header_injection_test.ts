import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { headerLine } from "../../handlers/http/_connection/head.ts";
import {
  BaseHTTPRequestHandler,
  CGIHTTPRequestHandler,
  FetchRequestHandler,
  HTTPError,
  HTTPServer,
  SimpleHTTPRequestHandler,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder } from "../_program.ts";
import { readBytes, repliesIn, type Reply, writeBytes } from "./_replies.ts";

class Server extends HTTPServer {
  async get(target: string): Promise<Reply> {
    using connection = await Deno.connect(this.addr);
    const answer = readBytes(connection);
    await writeBytes(
      connection,
      `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    const replies = repliesIn(await answer);
    strictEqual(replies.length, 1);
    return replies[0]!;
  }
}

/** What a client may have put into a value that a handler sends on. */
const INJECTIONS = [
  "a\r\nX-Injected: yes",
  "a\nX-Injected: yes",
  "a\rX-Injected: yes",
  "a\0b",
  "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  // The low bytes of these are CR and LF.
  "a\u010d\u010aX-Injected: yes",
  "a\x7f",
];

/** What a handler does with the value that it is given. */
const SENDERS: Record<
  string,
  (handler: BaseHTTPRequestHandler<Deno.NetAddr>, value: string) => void
> = {
  "a header's value"(handler, value) {
    handler.sendResponse(200);
    handler.sendHeader("X-Value", value);
  },
  "a header's name"(handler, value) {
    handler.sendResponse(200);
    handler.sendHeader(value, "x");
  },
  "a Location"(handler, value) {
    handler.sendResponse(302);
    handler.sendHeader("Location", value);
  },
  "a reason phrase"(handler, value) {
    handler.sendResponse(200, value);
  },
};

for (const [what, send] of Object.entries(SENDERS)) {
  Deno.test(`nothing is injected through ${what}`, async () => {
    for (const value of INJECTIONS) {
      class Handler extends BaseHTTPRequestHandler<Deno.NetAddr> {
        doGET(): void {
          send(this, value);
          this.endHeaders();
        }
        override logMessage(): void {}
      }
      await using served = await serveForTest(Handler, { server: Server });
      const reply = await served.server.get("/");
      strictEqual(reply.status, 500, JSON.stringify(value));
      strictEqual(reply.headers.has("x-injected"), false);
      match(String(await served.untilErrors()), /^TypeError: Cannot send /);
    }
  });
}

Deno.test("the value of a header that is no text is told anew each time", () => {
  const parts = ["a"];
  const value = parts as unknown as string;
  strictEqual(headerLine("X-Parts", value), "X-Parts: a\r\n");
  parts.push("b");
  strictEqual(headerLine("X-Parts", value), "X-Parts: a,b\r\n");
  parts.push("\n");
  throws(() => headerLine("X-Parts", value), TypeError);
});

Deno.test("nothing is injected through an error's headers", async () => {
  for (const value of INJECTIONS) {
    await using served = await serveForTest(
      () => {
        throw new HTTPError(400, undefined, { headers: { "X-Value": value } });
      },
      { server: Server },
    );
    using connection = await Deno.connect(served.addr);
    await writeBytes(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const text = await readBytes(connection);
    strictEqual(/^(X-Injected|HTTP\/1\.1 200)/m.test(text), false);
    match(String(await served.untilErrors()), /^TypeError: Cannot send /);
  }
});

Deno.test("nothing is injected through the message of an error", async () => {
  for (const value of INJECTIONS) {
    await using served = await serveForTest(
      () => {
        throw new HTTPError(400, `<b>${value}`);
      },
      { server: Server },
    );
    const reply = await served.server.get("/");
    strictEqual(reply.status, 400);
    strictEqual(reply.headers.has("x-injected"), false);
    strictEqual(reply.body.includes("<b>"), false);
    deepStrictEqual(served.errors, []);
  }
});

Deno.test("a Response whose headers are made by force is refused", async () => {
  for (const value of INJECTIONS) {
    class Forged extends FetchRequestHandler<Deno.NetAddr> {
      override fetch(): Response {
        const response = new Response("x");
        Object.defineProperty(response, "statusText", { value });
        return response;
      }
    }
    await using served = await serveForTest(Forged, { server: Server });
    const reply = await served.server.get("/");
    strictEqual(reply.headers.has("x-injected"), false);
    strictEqual(reply.status, 500);
    match(String(await served.untilErrors()), /^TypeError: Cannot send /);
  }
});

Deno.test("a Response's headers are refused as those of sendHeader() are", async () => {
  const names = ["X-Injected: yes\r\nX", "X Y", "", "X\x7f", "\xe9"];
  // Headers takes these as they are.
  const taken = ["a\x0bb", "a\x7f", "a\x01b", "\x1b[31m"];
  const headers: [string, string][] = [
    ...[...taken, ...INJECTIONS].map((value): [string, string] => [
      "x-value",
      value,
    ]),
    ...names.map((name): [string, string] => [name, "x"]),
  ];
  for (const [name, value] of headers) {
    await using served = await serveForTest(
      () => {
        const response = new Response("x");
        if (taken.includes(value)) response.headers.set(name, value);
        else {
          // What only looks like one may hold anything.
          const forged = new Map([[name, value]]);
          Object.defineProperty(response, "headers", { value: forged });
        }
        return response;
      },
      { server: Server },
    );
    const reply = await served.server.get("/");
    strictEqual(reply.status, 500, JSON.stringify([name, value]));
    strictEqual(reply.headers.has("x-injected"), false);
    match(String(await served.untilErrors()), /^TypeError: Cannot send /);
  }
});

Deno.test("the body of a Response that is refused is cancelled", async () => {
  for (
    const headers of [{ "x-value": "a\x0b" }, { "content-length": "a" }]
  ) {
    const cancelled = Promise.withResolvers<unknown>();
    await using served = await serveForTest(
      () =>
        new Response(
          new ReadableStream({ cancel: cancelled.resolve }),
          { headers: headers as Record<string, string> },
        ),
      { server: Server },
    );
    strictEqual((await served.server.get("/")).status, 500);
    deepStrictEqual(await served.untilErrors(), [await cancelled.promise]);
  }
});

/** Targets whose redirection could end a line, or lead to another host. */
const TARGETS = [
  "/a%0d%0aX-Injected:%20yes",
  "/a%0aX-Injected:%20yes",
  "/a%00b",
  "//evil.example",
  "//evil.example/%2e%2e",
  "///evil.example",
  "/%2fevil.example",
  "/%5cevil.example",
  "/.//evil.example",
  "/a/..//evil.example",
];

for (const Base of [SimpleHTTPRequestHandler, CGIHTTPRequestHandler]) {
  Deno.test(`nothing is injected through a redirection of ${Base.name}`, async () => {
    await using folder = new Folder();
    for (
      const name of [
        "a\r\nX-Injected: yes",
        "a\nX-Injected: yes",
        "evil.example",
        "\\evil.example",
      ]
    ) await Deno.mkdir(folder.at(name));
    class Handler extends Base<Deno.NetAddr> {
      static override readonly directory = folder.path;
      override logMessage(): void {}
    }
    await using served = await serveForTest(Handler, { server: Server });
    const { server } = served;
    for (const target of TARGETS) {
      const { status, headers } = await server.get(target);
      strictEqual(headers.has("x-injected"), false, target);
      const location = headers.get("location");
      if (location !== null) match(location, /^\/(?![/\\])/, target);
      strictEqual(status === 301, location !== null, target);
    }
    strictEqual((await server.get("//evil.example")).status, 301);
    deepStrictEqual(served.errors, []);
  });
}
