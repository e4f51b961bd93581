import { ok, strictEqual } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
  ThreadingHTTPSServer,
} from "../../server/http/mod.ts";
import { selfSignedCertificate } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_serve.ts";
import { Mirror } from "./_handlers.ts";
import { closing, exchange, readUntil } from "./_raw_client.ts";

for (
  const [where, Server] of [
    ["on the event loop", HTTPServer],
    ["in threads", ThreadingHTTPServer],
    ["in processes", ForkingHTTPServer],
  ] as const
) {
  Deno.test(`a handler class serves HTTP ${where}`, async () => {
    await using server = new Server(LOOPBACK, Mirror);
    server.serveForever();
    const text = await exchange(
      server.addr,
      closing("POST /a HTTP/1.1", "Content-Length: 4"),
      "body",
    );
    ok(text.endsWith("\r\n\r\nPOST http://test/a body"), text);
  });

  Deno.test(`a shutdown ends connections that wait for a request at once ${where}`, async () => {
    await using server = new Server(LOOPBACK, Mirror);
    server.serveForever();
    using connection = await Deno.connect(server.addr);
    await connection.write(
      new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    await readUntil(connection, "GET http://a/ ");
    const closed = connection.read(new Uint8Array(1));
    const down = server.shutdown({ gracePeriod: Infinity });
    strictEqual(await closed, null);
    connection.close();
    await down;
  });
}

Deno.test("a shutdown lets a request finish, and says that it is the last", async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using server = new HTTPServer(LOOPBACK, () => {
    arrived.resolve();
    return answer.promise;
  });
  server.serveForever();
  const text = exchange(server.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await arrived.promise;
  const down = server.shutdown({ gracePeriod: Infinity });
  answer.resolve(new Response("finished"));
  ok(/connection: close\r\n[^]*finished$/.test(await text));
  await down;
});

for (
  const [where, Server] of [
    ["on the event loop", HTTPSServer],
    ["in threads", ThreadingHTTPSServer],
  ] as const
) {
  Deno.test(
    `a handler knows that its connection is encrypted ${where}`,
    async () => {
      const certificate = await selfSignedCertificate();
      await using server = new Server(
        { ...LOOPBACK, ...certificate },
        Mirror,
        { idleTimeout: 60_000 },
      );
      server.serveForever();
      using client = Deno.createHttpClient({
        caCerts: [certificate.cert],
        poolMaxIdlePerHost: 0,
      });
      const url = `https://localhost:${server.addr.port}/a`;
      const response = await fetch(url, { client });
      strictEqual(await response.text(), `GET ${url} `);
    },
  );
}
