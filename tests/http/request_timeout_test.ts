// requestTimeout is a request's time, wherever its handler runs.

import { match, strictEqual } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { readMatch } from "./_raw_client.ts";
import { Slow } from "./_slow_handlers.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const get = (path: string) => encode(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);

const REQUEST_TIMEOUT = 400;

for (
  const [where, Base] of [
    ["on the event loop", HTTPServer],
    // Their constructors take fewer handlers, which is no matter here.
    ["in threads", ThreadingHTTPServer as unknown as typeof HTTPServer],
    ["in processes", ForkingHTTPServer as unknown as typeof HTTPServer],
  ] as const
) {
  Deno.test(`a client that goes on asking outlives requestTimeout ${where}`, async () => {
    await using served = await serveForTest(
      Slow,
      {
        server: Base,
        options: { requestTimeout: REQUEST_TIMEOUT },
      },
    );
    using client = await Deno.connect(served.addr);
    const started = performance.now();
    for (let i = 0; performance.now() - started < 3 * REQUEST_TIMEOUT; i++) {
      await client.write(get(`/${i}`));
      const whole = new RegExp(`^HTTP/1.1 200 [^]*/${i}$`);
      match(await readMatch(client, whole), whole);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`a request that takes longer than requestTimeout is answered with 503 ${where}`, async () => {
    await using served = await serveForTest(
      Slow,
      {
        server: Base,
        options: { requestTimeout: REQUEST_TIMEOUT },
      },
    );
    using client = await Deno.connect(served.addr);
    await client.write(get("/never"));
    match(await readMatch(client), /^HTTP\/1.1 503 /);
    const [error] = await served.untilErrors();
    strictEqual((error as DOMException).name, "TimeoutError");
  });
}

Deno.test("a handler that holds up its process for longer than requestTimeout is ended with it", async () => {
  await using served = await serveForTest(
    Slow,
    {
      server: ForkingHTTPServer,
      options: { requestTimeout: REQUEST_TIMEOUT },
    },
  );
  using client = await Deno.connect(served.addr);
  await client.write(get("/busy"));
  strictEqual(await readMatch(client), "");
  match(
    `${(await served.untilErrors())[0]}`,
    /^TimeoutError: A request took longer than requestTimeout, 400 ms/,
  );
  using next = await Deno.connect(served.addr);
  await next.write(get("/next"));
  match(await readMatch(next), /^HTTP\/1.1 200 /);
});
