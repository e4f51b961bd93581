// A server that speaks no HTTP says so to handlers that are written for Deno.serve.

import { rejects, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
  UDPServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Fetching } from "./_fetching.ts";

/** As JavaScript would have it. */
// deno-lint-ignore no-explicit-any -- the compiler would refuse it first.
const untyped = (value: unknown) => value as any;

const REFUSAL =
  "Cannot send the Response that the handler returned: this server does not speak HTTP; serve the handler with HTTPServer of @wire/socketserver/http, or write to wfile";

class Waiting extends StreamRequestHandler {
  override async setup(): Promise<void> {
    await Promise.resolve();
  }

  override handle(): void {
    return untyped(new Response("Hello"));
  }
}

const CASES = [
  ["a function", TCPServer, untyped(() => new Response("Hello"))],
  [
    "an async function",
    TCPServer,
    untyped(async () => {
      await Promise.resolve();
      return new Response("Hello");
    }),
  ],
  ["a class", TCPServer, Fetching],
  ["a class whose setup() waits", TCPServer, Waiting],
  ["a class in a thread", ThreadingTCPServer, Fetching],
  ["a class in a process", ForkingTCPServer, Fetching],
] as const;

for (const [what, server, handler] of CASES) {
  Deno.test(`a Response that ${what} returns is an error that names HTTPServer`, async () => {
    await using served = await serveForTest(handler, { server });
    await using client = await served.connect();
    strictEqual(await client.rfile.readLine(), null);
    const [error] = await served.untilErrors(1) as [Error];
    strictEqual(error.name, "TypeError");
    strictEqual(error.message, REFUSAL);
  });
}

Deno.test("a Response that a handler of datagrams returns is such an error too", async () => {
  await using served = await serveForTest(
    untyped(() => new Response("Hello")),
    { server: UDPServer },
  );
  await using client = await served.connectDatagram();
  const ended = new AbortController();
  const asked = rejects(client.request("?", { signal: ended.signal }), {
    name: "AbortError",
  });
  const [error] = await served.untilErrors(1) as [Error];
  strictEqual(error.message, REFUSAL);
  ended.abort();
  await asked;
});

Deno.test("anything else that a handler returns is nobody's business", async () => {
  let times = 0;
  await using served = await serveForTest(untyped(({ wfile }: Waiting) => {
    void wfile.write("Hello");
    return [5, "text", { status: 200 }, Promise.resolve(null)][times++];
  }));
  for (let i = 0; i < 4; i++) {
    await using client = await served.connect();
    strictEqual(await client.rfile.readLine(), "Hello");
  }
});
