import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import {
  upgradeWebSocket,
  type UpgradeWebSocketOptions,
} from "../../handlers/websocket/mod.ts";
import { patiently } from "../_patience.ts";
import { replyTo } from "../http/_replies.ts";
import { echo, Scene } from "./_serving.ts";
import { close, echoed, OPCODES, opening, shown, text, Wire } from "./_wire.ts";

const nothing = () => {};

Deno.test("the key of RFC 6455, section 1.3, is answered as it says", async () => {
  await using scene = await Scene.serve(echo);
  using wire = await scene.open();
  match(wire.head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  strictEqual(
    wire.header("sec-websocket-accept"),
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  );
  strictEqual(wire.header("upgrade"), "websocket");
  strictEqual(wire.header("connection"), "Upgrade");
  for (const name of ["sec-websocket-protocol", "content-length", "date"]) {
    strictEqual(wire.header(name), undefined);
  }
});

/** What differs from a request that opens, and what is answered. */
const REFUSED: Record<
  string,
  readonly [
    headers: Record<string, string | undefined>,
    status: number,
    line?: string,
  ]
> = {
  "no Upgrade": [{ Upgrade: undefined }, 426],
  "another protocol": [{ Upgrade: "echo" }, 426],
  "no Connection": [{ Connection: undefined }, 426],
  "a Connection that is kept": [{ Connection: "keep-alive" }, 426],
  "an old version": [{ "Sec-WebSocket-Version": "8" }, 426],
  "no version": [{ "Sec-WebSocket-Version": undefined }, 426],
  "several versions": [{ "Sec-WebSocket-Version": "13, 8" }, 426],
  "no key": [{ "Sec-WebSocket-Key": undefined }, 400],
  "a short key": [{ "Sec-WebSocket-Key": "c2hvcnQ=" }, 400],
  "a long key": [
    { "Sec-WebSocket-Key": "dGhpcyBpcyB0b28gbG9uZyBhIGtleQ==" },
    400,
  ],
  "a key of other signs": [
    { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j*Q==" },
    400,
  ],
  "POST": [{ "Content-Length": "0" }, 405, "POST / HTTP/1.1"],
  "HTTP/1.0": [{}, 426, "GET / HTTP/1.0"],
  "another origin": [{ Origin: "https://evil.test" }, 403],
};

class Base extends BaseHTTPRequestHandler<Deno.NetAddr> {
  doGET(): void {
    upgradeWebSocket(this, { origins: ["https://a.test"] });
  }
  doPOST = this.doGET;
  override logMessage(): void {}
}

for (
  const [way, start] of [
    [
      "fetch",
      async () =>
        (await Scene.serve(nothing, { origins: ["https://a.test"] })).served,
    ],
    ["doGET", () => serveForTest(Base, { server: HTTPServer })],
  ] as const
) {
  Deno.test(`a request that opens no WebSocket is answered with an error, by ${way}`, async () => {
    await using served = await start();
    const found: Record<string, number> = {};
    for (const [what, [headers, , line]] of Object.entries(REFUSED)) {
      const request = opening({ ...headers, "X-Last": "1" }, line) +
        // Where the connection goes on, this ends it.
        "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      using connection = await Deno.connect(served.addr);
      await connection.write(new TextEncoder().encode(request));
      const answer = await new Response(connection.readable).text();
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer)!;
      found[what] = Number(status);
      if (status === "426") {
        match(answer, /\r\nsec-websocket-version: 13\r\n/i);
        match(answer, /\r\nupgrade: websocket\r\n/i);
        match(answer, /\r\nconnection: upgrade\r\n/i);
      }
      // The connection goes on as HTTP, unless its request ended it.
      if (what !== "HTTP/1.0") strictEqual(answer.split("HTTP/1.1 ").length, 3);
    }
    deepStrictEqual(
      found,
      Object.fromEntries(
        Object.entries(REFUSED).map(([what, [, status]]) => [what, status]),
      ),
    );
  });
}

Deno.test("a request that opens a WebSocket may be written in many ways", async () => {
  await using scene = await Scene.serve(echo, { origins: ["https://a.test"] });
  for (
    const headers of [
      { Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" },
      { Upgrade: "h2c, websocket" },
      { Origin: "https://a.test" },
      { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==" },
    ]
  ) {
    using wire = await scene.open(headers);
    match(wire.head, /^HTTP\/1\.1 101 /);
  }
});

Deno.test("the protocol that the server likes best is taken, of those offered", async () => {
  const chosen: string[] = [];
  await using scene = await Scene.serve(
    ({ protocol }) => chosen.push(protocol),
    {
      protocols: ["first", "second"],
    },
  );
  for (const offered of ["second, first", "third,second", "third", "First"]) {
    using wire = await scene.open({ "Sec-WebSocket-Protocol": offered });
    strictEqual(
      wire.header("sec-websocket-protocol") ?? "",
      chosen.at(-1),
    );
  }
  using none = await scene.open();
  strictEqual(none.header("sec-websocket-protocol"), undefined);
  deepStrictEqual(chosen, ["first", "second", "", "", ""]);
});

Deno.test("the response has the headers that are given, and those set afterwards", async () => {
  await using served = await serveForTest(
    (request) => {
      const headers = { "Set-Cookie": "a=1", "Content-Length": "5" };
      const { response } = upgradeWebSocket(request, { headers });
      response.headers.set("X-Later", "2");
      return response;
    },
    { server: HTTPServer },
  );
  using wire = await Wire.open(Deno.connect(served.addr));
  strictEqual(wire.header("set-cookie"), "a=1");
  strictEqual(wire.header("x-later"), "2");
  strictEqual(wire.header("content-length"), undefined);
});

Deno.test("a WebSocket is opened behind other requests, and with its first frames", async () => {
  await using served = await serveForTest(
    (request) => {
      if (new URL(request.url).pathname !== "/") return new Response("page");
      const { socket, response } = upgradeWebSocket(request);
      echo(socket);
      return response;
    },
    { server: HTTPServer },
  );
  const connection = await Deno.connect(served.addr);
  const parts = [
    new TextEncoder().encode("GET /page HTTP/1.1\r\nHost: a\r\n\r\n"),
    new TextEncoder().encode(opening()),
    text("early"),
    close(1000),
  ];
  for (const part of [new Uint8Array(parts.flatMap((part) => [...part]))]) {
    await connection.write(part);
  }
  const bytes = await patiently(
    new Response(connection.readable).bytes(),
    () => "the end",
  );
  const answer = String.fromCharCode(...bytes);
  match(answer, /^HTTP\/1\.1 200 [^]*\r\n\r\npageHTTP\/1\.1 101 /);
  ok(answer.endsWith("\r\n\r\n\x81\x05early\x88\x02\x03\xe8"), answer);
});

Deno.test("a copy of the request opens a WebSocket as well", async () => {
  for (
    const copy of [
      (request: Request) => new Request(request),
      (request: Request) => request.clone(),
    ]
  ) {
    await using served = await serveForTest(
      async (request) => {
        await null;
        const { socket, response } = upgradeWebSocket(copy(request));
        echo(socket);
        return response;
      },
      { server: HTTPServer },
    );
    using wire = await Wire.open(Deno.connect(served.addr));
    await wire.send(text("hello"));
    strictEqual(shown(await wire.receive()), echoed(OPCODES.text, "hello"));
  }
});

Deno.test("what is no request of a handler is refused", async () => {
  const init = { headers: { upgrade: "websocket" } };
  throws(
    () => upgradeWebSocket(new Request("http://a/", init)),
    /no handler of @wire\/socketserver\/http is serving this request; Deno\.upgradeWebSocket\(\) is for those of Deno\.serve\(\)/,
  );
  throws(
    () => upgradeWebSocket({} as Request),
    /give it a Request or a handler of HTTP/,
  );
  await using served = await serveForTest(
    (_request, handler) => {
      throws(
        () => upgradeWebSocket(handler),
        /this handler answers with fetch\(\); give the request/,
      );
      return new Response("refused");
    },
    { server: HTTPServer },
  );
  const request = opening({ Connection: "Upgrade, close" });
  strictEqual((await replyTo(served.addr, request)).body, "refused");
});

/** Options that are none, and what is said of them. */
const WRONG: readonly (readonly [Record<string, unknown>, RegExp])[] = [
  [{ protocol: "a" }, /unknown option "protocol"; did you mean "protocols"\?/],
  [{ protocols: "a" }, /protocols must be an array of texts/],
  [{ protocols: ["a b"] }, /protocols must be tokens of HTTP, received "a b"/],
  [{ origins: [1] }, /origins must be an array of texts/],
  [{ deflate: 1 }, /deflate must be true, false or an object/],
  [{ deflate: { window: 9 } }, /unknown option "window"/],
  [{ deflate: { level: 0 } }, /level must be an integer from 1 to 9/],
  [
    { deflate: { threshold: -1 } },
    /threshold must be an integer of at least 0/,
  ],
  [
    { deflate: { serverMaxWindowBits: 8 } },
    /serverMaxWindowBits must be an integer from 9 to 15, received 8/,
  ],
  [
    { deflate: { clientMaxWindowBits: 16 } },
    /clientMaxWindowBits must be an integer from 8 to 15/,
  ],
  [
    { deflate: { serverNoContextTakeover: 1 } },
    /serverNoContextTakeover must be true or false/,
  ],
  [{ maxMessageSize: -1 }, /maxMessageSize must be an integer from 0 to/],
  [{ maxMessageSize: 2 ** 30 }, /maxMessageSize must be an integer from 0 to/],
  [{ maxFrameSize: 1.5 }, /maxFrameSize must be an integer of at least 0/],
  [{ maxBufferedAmount: NaN }, /maxBufferedAmount must be a number/],
  [{ idleTimeout: 0 }, /idleTimeout must be a number of at least 1/],
  [{ closeTimeout: "1" }, /closeTimeout must be a number of at least 1/],
];

Deno.test("options that are none are refused by name", () => {
  for (const [options, said] of WRONG) {
    throws(
      () =>
        upgradeWebSocket(
          new Request("http://a/"),
          options as UpgradeWebSocketOptions,
        ),
      (error: unknown) => {
        match(String(error), said);
        match(String(error), /Cannot upgrade to WebSocket: /);
        return error instanceof TypeError || error instanceof RangeError;
      },
    );
  }
});

Deno.test("Deno's own client is refused a protocol that nobody speaks", async () => {
  await using scene = await Scene.serve(nothing);
  const client = new WebSocket(scene.url, "unknown");
  const failed = Promise.withResolvers<unknown>();
  client.onerror = (event) => failed.resolve(event);
  client.onopen = () => failed.reject(new Error("It was opened"));
  // RFC 6455, section 4.1: the client must fail where it gets none of its own.
  await Promise.race([failed.promise, rejects(Promise.reject(client))]);
  client.close();
});
