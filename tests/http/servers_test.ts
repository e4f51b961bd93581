import { ok, strictEqual } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
  ThreadingHTTPSServer,
} from "../../server/http/mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
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
    await using served = await serveForTest(Mirror, { server: Server });
    const text = await exchange(
      served.addr,
      closing("POST /a HTTP/1.1", "Content-Length: 4"),
      "body",
    );
    ok(text.endsWith("\r\n\r\nPOST http://test/a body"), text);
  });

  Deno.test(`a shutdown ends connections that wait for a request at once ${where}`, async () => {
    await using served = await serveForTest(Mirror, { server: Server });
    using connection = await Deno.connect(served.addr);
    await connection.write(
      new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    await readUntil(connection, "GET http://a/ ");
    const closed = connection.read(new Uint8Array(1));
    const down = served.server.shutdown({ gracePeriod: Infinity });
    strictEqual(await closed, null);
    connection.close();
    await down;
  });
}

Deno.test("a shutdown lets a request finish, and says that it is the last", async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using served = await serveForTest(() => {
    arrived.resolve();
    return answer.promise;
  }, { server: HTTPServer });
  const text = exchange(served.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await arrived.promise;
  const down = served.server.shutdown({ gracePeriod: Infinity });
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
      await using served = await serveForTest(
        new Server(
          { ...LOOPBACK, ...certificate },
          Mirror,
          { idleTimeout: 60_000 },
        ),
      );
      using client = Deno.createHttpClient({
        caCerts: [certificate.cert],
        poolMaxIdlePerHost: 0,
      });
      const url = `https://localhost:${served.addr.port}/a`;
      const response = await fetch(url, { client });
      strictEqual(await response.text(), `GET ${url} `);
    },
  );
}
