import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  BaseHTTPRequestHandler,
  CGIHTTPRequestHandler,
  HTTPServer,
} from "../../server/http/mod.ts";
import { RequestParser } from "../../handlers/http/_connection/request_parser.ts";
import { DEFAULT_HTTP_LIMITS } from "../../handlers/http/http_limits.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { readBytes, repliesIn, writeBytes } from "./_replies.ts";
import { Attacked, WAYS } from "./_targets.ts";

const UPGRADE = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
const ASKING = `GET / HTTP/1.1\r\n${UPGRADE}\r\n`;
const NEXT = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** What may follow a request to upgrade, with the status of each answer. */
const BEHIND: Record<string, readonly [bytes: string, ...statuses: number[]]> =
  {
    "a letter": [`${ASKING}X`, 200, 400],
    "a sign": [`${ASKING}!`, 200, 400],
    "a space": [`${ASKING} `, 200, 400],
    "a NUL": [`${ASKING}\0`, 200, 400],
    "a frame of WebSocket": [`${ASKING}\x81\x05hello`, 200, 400],
    "a frame, and a request": [`${ASKING}\x81\x05hello${NEXT}`, 200, 400],
    "empty lines and a letter": [`${ASKING}\r\n\r\nX`, 200, 400],
    "the preface of HTTP/2": [
      `${ASKING}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04`,
      200,
      505,
    ],
    "a header that is none": [
      `${ASKING}GET / HTTP/1.1\r\nHost a\r\n\r\n`,
      200,
      400,
    ],
    "a header that is too large": [
      `${ASKING}GET / HTTP/1.1\r\nX: ${"y".repeat(20_000)}\r\n\r\n`,
      200,
      431,
    ],
    "a request": [`${ASKING}${NEXT}`, 200, 200],
    "two of its like": [`${ASKING}${ASKING}${NEXT}`, 200, 200, 200],
    "two of its like, and a letter": [`${ASKING}${ASKING}X`, 200, 200, 400],
    "a request, and a letter": [
      `${ASKING}GET /2 HTTP/1.1\r\nHost: a\r\n\r\nX`,
      200,
      200,
      501,
    ],
    "a body, and a letter": [
      `POST / HTTP/1.1\r\n${UPGRADE}Content-Length: 5\r\n\r\nhelloX`,
      200,
      400,
    ],
    "a body, and a request": [
      `POST / HTTP/1.1\r\n${UPGRADE}Content-Length: 5\r\n\r\nhello${NEXT}`,
      200,
      200,
    ],
    "chunks, and a letter": [
      `POST / HTTP/1.1\r\n${UPGRADE}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nX`,
      200,
      400,
    ],
    "chunks, and a request": [
      `POST / HTTP/1.1\r\n${UPGRADE}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n${NEXT}`,
      200,
      200,
    ],
    "CONNECT, and a letter": [
      "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nX",
      501,
    ],
    "CONNECT with a length, and a request": [
      `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhello${NEXT}`,
      501,
    ],
    "a letter behind a request that asks for nothing": [
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nX",
      200,
      501,
    ],
  };

for (const way of WAYS) {
  Deno.test(`over ${way}, what follows a request to upgrade is served, or refused and the connection closed`, async () => {
    await using attacked = await Attacked.start(way);
    const found: Record<string, number[]> = {};
    for (const [name, [bytes]] of Object.entries(BEHIND)) {
      const replies = await attacked.send(bytes);
      found[name] = replies.map(({ status }) => status);
      strictEqual(replies.at(-1)?.headers.get("connection"), "close", name);
    }
    deepStrictEqual(
      found,
      Object.fromEntries(
        Object.entries(BEHIND).map((
          [name, [, ...statuses]],
        ) => [name, statuses]),
      ),
    );
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, what follows an answered request to upgrade is refused too`, async () => {
    await using attacked = await Attacked.start(way);
    using connection = await attacked.connect();
    await writeBytes(connection, ASKING);
    const buffer = new Uint8Array(1024);
    let text = "";
    while (!text.endsWith("GET / []")) {
      const n = await patiently(connection.read(buffer), () => "the answer");
      for (const byte of buffer.subarray(0, n!)) {
        text += String.fromCharCode(byte);
      }
    }
    await writeBytes(connection, "\x81\x05hello");
    const rest = await patiently(readBytes(connection), () => "the end");
    deepStrictEqual(repliesIn(text + rest).map(({ status }) => status), [
      200,
      400,
    ]);
  });
}

/** Sends bytes on a connection of their own; gives the statuses that come back. */
async function statuses(addr: Deno.NetAddr, bytes: string): Promise<number[]> {
  using connection = await Deno.connect({ ...addr, transport: "tcp" });
  await writeBytes(connection, bytes);
  const text = await patiently(readBytes(connection), () => "the end");
  return repliesIn(text).map(({ status }) => status);
}

Deno.test("an XML-RPC server refuses what follows a request to upgrade", async () => {
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, { logRequests: false }),
  );
  deepStrictEqual(
    await statuses(
      served.addr,
      `POST /nothing HTTP/1.1\r\n${UPGRADE}Content-Length: 5\r\n\r\nhello\x81`,
    ),
    [404, 400],
  );
  deepStrictEqual(await statuses(served.addr, `${ASKING}X`), [501, 400]);
  deepStrictEqual(served.errors, []);
});

Deno.test("a CGI server refuses what follows a request to upgrade", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("index.html"), "served");
  class Site extends CGIHTTPRequestHandler<Deno.NetAddr> {
    static override readonly directory = folder.path;
    override logMessage(): void {}
  }
  await using served = await serveForTest(Site, { server: HTTPServer });
  deepStrictEqual(await statuses(served.addr, `${ASKING}X`), [200, 400]);
});

Deno.test("a tunnel that a handler claims to have made carries no requests", async () => {
  class Tunnel extends BaseHTTPRequestHandler<Deno.NetAddr> {
    doCONNECT(): void {
      this.closeConnection = false;
      this.sendResponse(200);
      this.sendHeader("Content-Length", "0");
      this.endHeaders();
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Tunnel, { server: HTTPServer });
  deepStrictEqual(
    await statuses(
      served.addr,
      `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${NEXT}`,
    ),
    [200],
  );
});

for (const [count, what] of [[0, "nothing"], [1e6, "more than it may"]]) {
  Deno.test(`a connection that says it read ${what} is given up`, async () => {
    class Server extends HTTPServer {
      override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
        const [connection, address] = await super.getRequest();
        connection.read = () => Promise.resolve(count as number);
        return [connection, address];
      }
    }
    await using served = await serveForTest(
      () => new Response("never"),
      { server: Server },
    );
    using connection = await Deno.connect(served.addr);
    strictEqual(
      await patiently(readBytes(connection), () => "the connection's end"),
      "",
    );
  });
}

Deno.test("what follows byte by byte waits in about the memory of its bytes, and is taken exactly", () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const used = () => {
    gc();
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const count = 100_000;
  const parser = new RequestParser(DEFAULT_HTTP_LIMITS);
  parser.feed(new TextEncoder().encode(ASKING));
  const before = used();
  const byte = new Uint8Array(1);
  const feed = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      byte[0] = i % 251;
      parser.feed(byte);
    }
  };
  feed(0, count);
  const cost = used() - before;
  ok(cost < 10 * count, `${count} bytes cost ${cost}`);
  const taken = new Uint8Array(count + 10);
  let length = parser.takeHeld(taken.subarray(0, 5));
  // More comes while they are taken.
  feed(count, count + 10);
  while (length < taken.length) {
    const n = parser.takeHeld(taken.subarray(length, length + 1000));
    ok(n > 0, `${length} bytes were taken`);
    length += n;
  }
  strictEqual(parser.takeHeld(new Uint8Array(1)), 0);
  deepStrictEqual(
    taken,
    Uint8Array.from({ length: count + 10 }, (_, i) => i % 251),
  );
});
