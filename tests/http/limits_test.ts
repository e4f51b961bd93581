import { match, ok, strictEqual } from "node:assert";
import { type HTTPLimits, HTTPServer } from "../../server/http/mod.ts";
import { closing, exchange, readUntil } from "./_raw_client.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";

/** A server with limits, whose handler reads the whole body. */
class Server extends HTTPServer {
  constructor(limits: Partial<HTTPLimits>) {
    super(
      LOOPBACK,
      async (request) => new Response(String((await request.bytes()).length)),
      { limits, onError() {} },
    );
  }
}

Deno.test("more bytes of headers than maxHeaderSize are answered with 431", async () => {
  await using served = await serveForTest(new Server({ maxHeaderSize: 1000 }));
  const fits = await exchange(
    served.addr,
    closing("GET / HTTP/1.1", `A: ${"x".repeat(900)}`),
  );
  ok(fits.startsWith("HTTP/1.1 200 "), fits);
  const large = await exchange(
    served.addr,
    closing("GET / HTTP/1.1", `A: ${"x".repeat(1000)}`),
  );
  ok(large.startsWith("HTTP/1.1 431 "), large);
});

Deno.test("spaces before a value are counted too", async () => {
  await using served = await serveForTest(new Server({ maxHeaderSize: 1000 }));
  using connection = await Deno.connect(served.addr);
  const line = new TextEncoder().encode(" ".repeat(1000));
  await connection.write(
    new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nA:"),
  );
  const answer = readUntil(connection, "</html>\n");
  try {
    for (let i = 0; i < 1000; i++) await connection.write(line);
  } catch {
    // The server has had enough of them.
  }
  ok((await answer).startsWith("HTTP/1.1 431 "));
});

Deno.test("more headers than maxHeaderCount are answered with 431", async () => {
  await using served = await serveForTest(new Server({ maxHeaderCount: 40 }));
  const headers = (count: number) =>
    Array.from({ length: count }, (_, i) => `H${i}: x`);
  const fits = await exchange(
    served.addr,
    closing("GET / HTTP/1.1", ...headers(38)),
  );
  ok(fits.startsWith("HTTP/1.1 200 "), fits);
  const many = await exchange(
    served.addr,
    closing("GET / HTTP/1.1", ...headers(39)),
  );
  match(
    many,
    /^HTTP\/1\.1 431 The request has \d+ headers, at most 40 are allowed\r\n/,
  );
});

Deno.test("a larger body than maxBodySize is answered with 413, announced or not", async () => {
  await using served = await serveForTest(new Server({ maxBodySize: 10 }));
  const post = (...headers: string[]) => closing("POST / HTTP/1.1", ...headers);
  const fits = await exchange(
    served.addr,
    post("Content-Length: 10") + "0123456789",
  );
  ok(fits.endsWith("\r\n\r\n10"), fits);
  const announced = await exchange(served.addr, post("Content-Length: 11"));
  ok(announced.startsWith("HTTP/1.1 413 "), announced);
  const chunked = await exchange(
    served.addr,
    post("Transfer-Encoding: chunked"),
    "6\r\n012345\r\n5\r\n67890\r\n0\r\n\r\n",
  );
  ok(chunked.startsWith("HTTP/1.1 413 "), chunked);
});

Deno.test("headers that take longer than headersTimeout are answered with 408", async () => {
  await using served = await serveForTest(new Server({ headersTimeout: 50 }));
  const text = await exchange(served.addr, "GET / HTTP/1.1\r\nHost: a\r\n");
  ok(text.startsWith("HTTP/1.1 408 "), text);
});

Deno.test("a connection that brings nothing is closed after headersTimeout", async () => {
  await using served = await serveForTest(new Server({ headersTimeout: 50 }));
  strictEqual(await exchange(served.addr), "");
});

Deno.test("a body that takes longer than bodyTimeout is answered with 408", async () => {
  await using served = await serveForTest(new Server({ bodyTimeout: 50 }));
  const text = await exchange(
    served.addr,
    closing("POST / HTTP/1.1", "Content-Length: 2"),
    "x",
  );
  ok(text.startsWith("HTTP/1.1 408 "), text);
});

Deno.test("a connection without a request is closed after keepAliveTimeout", async () => {
  await using served = await serveForTest(new Server({ keepAliveTimeout: 50 }));
  const text = await exchange(served.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ok(text.endsWith("\r\n\r\n0"), text);
});

Deno.test("a keepAliveTimeout of 0 closes each connection after its first request", async () => {
  await using served = await serveForTest(new Server({ keepAliveTimeout: 0 }));
  const text = await exchange(served.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ok(/connection: close\r\n/.test(text), text);
});

Deno.test("a client that takes nothing is dropped after writeTimeout", async () => {
  await using served = await serveForTest(
    () => new Response(new Uint8Array(64 * 1024 * 1024)),
    { server: HTTPServer, options: { limits: { writeTimeout: 100 } } },
  );
  using connection = await Deno.connect(served.addr);
  await connection.write(
    new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  );
  const [error] = await served.untilErrors();
  strictEqual((error as DOMException).name, "TimeoutError");
});

Deno.test("a client that sends and takes nothing is dropped after writeTimeout", async () => {
  await using served = await serveForTest(
    ({ body }) => {
      body!.pipeTo(new WritableStream()).catch(() => {
        // It ends with the connection.
      });
      return new Response(new Uint8Array(64 * 1024 * 1024));
    },
    { server: HTTPServer, options: { limits: { writeTimeout: 100 } } },
  );
  using connection = await Deno.connect(served.addr);
  await connection.write(
    new TextEncoder().encode(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
    ),
  );
  let dropped = false;
  for (let sent = 0; sent < 40 && !dropped; sent++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    await connection.write(new Uint8Array(1)).catch(() => dropped = true);
    dropped ||= served.errors.length > 0;
  }
  ok(dropped);
  const [error] = await served.untilErrors();
  strictEqual((error as DOMException).name, "TimeoutError");
});

Deno.test("time that the handler takes is not the client's", async () => {
  await using served = await serveForTest(async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 150));
    return new Response(await request.text());
  }, {
    server: HTTPServer,
    options: {
      limits: { headersTimeout: 100, bodyTimeout: 100, writeTimeout: 100 },
    },
  });
  using connection = await Deno.connect(served.addr);
  await connection.write(
    new TextEncoder().encode(
      closing("POST / HTTP/1.1", "Content-Length: 4") + "body",
    ),
  );
  await readUntil(connection, "\r\n\r\nbody");
});
