import { ok, strictEqual } from "node:assert";
import { setImmediate } from "node:timers";
import { HTTPServer, ThreadingHTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { isDisconnect } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { exchange } from "./_raw_client.ts";
import { FetchTarget } from "./_target_handlers.ts";
import { readBytes, repliesIn, writeBytes } from "./_replies.ts";

const REQUESTS = 1_000;
const PIPELINED = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(REQUESTS - 1) +
  "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** Counts how often something happens in one turn of the event loop, at most. */
class Turns {
  most = 0;
  /** How many turns there were in which it happened. */
  count = 0;
  #now = 0;
  #over = false;

  happens(): void {
    if (this.#now++ === 0) this.count++;
    this.most = Math.max(this.most, this.#now);
  }

  /** Counts until stopped. */
  async run(): Promise<void> {
    while (!this.#over) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.#now = 0;
    }
  }

  stop(): void {
    this.#over = true;
  }
}

/** Sends many requests at once on a connection of their own. */
async function pipeline(addr: Deno.NetAddr): Promise<number> {
  using connection = await Deno.connect({ ...addr, transport: "tcp" });
  const [text] = await patiently(
    Promise.all([readBytes(connection), writeBytes(connection, PIPELINED)]),
    () => "the end of the pipeline",
  );
  return repliesIn(text).length;
}

Deno.test("pipelines of many clients leave others their turn, however many they are", async () => {
  for (const clients of [1, 4, 20]) {
    const turns = new Turns();
    await using served = await serveForTest(
      () => {
        turns.happens();
        return new Response("x");
      },
      { server: HTTPServer },
    );
    const counting = turns.run();
    const counts = await Promise.all(
      Array.from({ length: clients }, () => pipeline(served.addr)),
    );
    turns.stop();
    await counting;
    for (const count of counts) strictEqual(count, REQUESTS);
    // The first of each connection, and what its next read brings, have waited.
    const most = 48 + 2 * clients;
    ok(turns.most <= most, `${turns.most} requests were served in one turn`);
    ok(turns.count >= clients * REQUESTS / most);
  }
});

Deno.test("others are answered while a body gives empty chunks", async () => {
  let pulls = 0;
  let over = false;
  await using served = await serveForTest(
    ({ url }) => {
      if (url.endsWith("/other")) return new Response("answered");
      return new Response(
        new ReadableStream({
          pull(controller) {
            // One that nobody else has a turn beside ends here.
            if (over || ++pulls === 100_000) controller.close();
            else controller.enqueue(new Uint8Array(0));
          },
        }),
      );
    },
    { server: HTTPServer },
  );
  const get = (path: string) =>
    exchange(
      served.addr,
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
  const empty = get("/empty");
  while (pulls === 0) await new Promise<void>((next) => setImmediate(next));
  ok((await get("/other")).endsWith("answered"));
  ok(pulls < 100_000, "The body had ended before others were answered");
  over = true;
  ok((await empty).startsWith("HTTP/1.1 200 "));
});

Deno.test("others are answered while pipelines in a thread never end", async () => {
  await using served = await serveForTest(
    FetchTarget,
    {
      server: ThreadingHTTPServer,
      options: { workers: 1 },
      // They leave while they are still being answered.
      allowErrors: isDisconnect,
    },
  );
  const endless: Deno.Conn[] = [];
  const streams: Promise<unknown>[] = [];
  for (let i = 0; i < 2; i++) {
    const connection = await Deno.connect(served.addr);
    endless.push(connection);
    const requests = new TextEncoder().encode(PIPELINED.slice(0, 28 * 100));
    const buffer = new Uint8Array(64 * 1024);
    streams.push(
      (async () => {
        for (;;) await connection.write(requests);
      })(),
      (async () => {
        while (await connection.read(buffer) !== null);
      })(),
    );
  }
  const ended = Promise.allSettled(streams);
  try {
    for (let i = 0; i < 5; i++) {
      const text = await patiently(
        exchange(
          served.addr,
          "GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ),
        () => "an answer beside endless pipelines",
      );
      ok(text.endsWith("GET /y []"), text);
    }
  } finally {
    for (const connection of endless) connection.close();
    await ended;
  }
});
