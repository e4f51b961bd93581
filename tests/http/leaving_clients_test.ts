import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { createConnection } from "node:net";
import { once } from "node:events";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { isDisconnect } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { until } from "../server/processes/_processes.ts";
import { Attacked, WAYS } from "./_targets.ts";

const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n";
const CHUNKED =
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/** What a client has sent when it leaves, with what it is answered if it waits. */
const STAGES: Record<string, readonly [sent: string, ...statuses: number[]]> = {
  "before it sends anything": [""],
  "behind an empty line": ["\r\n"],
  "in the method": ["PO", 400],
  "in the target": ["POST /", 400],
  "in the version": ["POST / HTTP/1", 400],
  "between CR and LF": ["POST / HTTP/1.1\r", 400],
  "behind the request line": ["POST / HTTP/1.1\r\n", 400],
  "in a header": ["POST / HTTP/1.1\r\nHos", 400],
  "before the empty line": [POST, 400],
  "before the body": [`${POST}\r\n`, 400],
  "in the body": [`${POST}\r\nhello`, 400],
  "in a chunk's size": [`${CHUNKED}1`, 400],
  "in a chunk": [`${CHUNKED}a\r\nhello`, 400],
  "between chunks": [`${CHUNKED}5\r\nhello\r\n`, 400],
  "in the trailers": [`${CHUNKED}5\r\nhello\r\n0\r\nX`, 400],
  "behind a request": ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200],
  "in its second request": [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT",
    200,
    400,
  ],
};

for (const way of WAYS) {
  Deno.test(`over ${way}, a client that ends its side is answered what it asked`, async () => {
    await using attacked = await Attacked.start(way);
    const found: Record<string, number[]> = {};
    for (const [stage, [sent]] of Object.entries(STAGES)) {
      const replies = await attacked.send(sent, { closeWrite: true });
      found[stage] = replies.map(({ status }) => status);
    }
    const expected = Object.entries(STAGES).map((
      [stage, [, ...statuses]],
    ) => [stage, statuses]);
    deepStrictEqual(found, Object.fromEntries(expected));
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, clients that leave at any stage harm nobody`, async () => {
    await using attacked = await Attacked.start(way, undefined, {
      allowErrors: isDisconnect,
    });
    const encoder = new TextEncoder();
    await Promise.all(
      Object.values(STAGES).flatMap((stage) => [stage, stage, stage]).map(
        async ([sent]) => {
          using connection = await attacked.connect();
          if (sent !== "") await connection.write(encoder.encode(sent));
        },
      ),
    );
    const [reply] = await attacked.send(
      "GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    strictEqual(reply!.body, "GET /after []");
  });
}

Deno.test("clients that reset at any stage are reported at most once, and harm nobody", async () => {
  let answered = 0;
  await using served = await serveForTest(
    async (request) => {
      const body = await request.text();
      answered++;
      return new Response(body);
    },
    { server: HTTPServer },
  );
  const { port } = served.addr;
  let clients = 0;
  for (const [sent] of Object.values(STAGES)) {
    const socket = createConnection(port, "127.0.0.1");
    await once(socket, "connect");
    if (sent !== "") {
      await new Promise((sending) => socket.write(sent, sending));
    }
    socket.resetAndDestroy();
    await once(socket, "close");
    clients++;
  }
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const before = answered;
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    ...{ method: "POST", body: "after", client },
  });
  strictEqual(await response.text(), "after");
  strictEqual(answered > before, true);
  await served.server.shutdown();
  const errors = served.takeErrors();
  ok(errors.length <= clients);
  for (const error of errors) {
    match(String(error), /^(ConnectionReset|BrokenPipe): /);
  }
});

for (const part of ["before", "within"] as const) {
  Deno.test(`a handler is told of a client that resets ${part} its answer`, async () => {
    const told: unknown[] = [];
    const asked = Promise.withResolvers<void>();
    class Slow extends BaseHTTPRequestHandler<Deno.NetAddr> {
      async doGET(): Promise<void> {
        const aborted = once(this.signal, "abort");
        if (part === "within") {
          this.sendResponse(200);
          this.endHeaders();
          await this.wfile.write("begun");
        }
        asked.resolve();
        await aborted;
        told.push(this.signal.reason);
      }
      override logMessage(): void {}
    }
    await using served = await serveForTest(Slow, { server: HTTPServer });
    const socket = createConnection(served.addr.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await asked.promise;
    socket.resetAndDestroy();
    await once(socket, "close");
    await until("the handler to be told", () => told.length === 1);
    strictEqual(told[0] instanceof Deno.errors.ConnectionReset, true);
    await served.untilErrors();
  });
}

for (
  const [what, ahead] of [
    ["another request", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["the first byte of another request", "G"],
  ] as const
) {
  Deno.test(`a client that has sent ${what} and leaves aborts the request that is served`, async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<string>();
    await using served = await serveForTest(
      (request) =>
        new Promise((answer) => {
          const { pathname } = new URL(request.url);
          const { signal } = request;
          const end = () => {
            if (pathname === "/a") resolve(pathname);
            answer(new Response());
          };
          if (signal.aborted) end();
          else signal.addEventListener("abort", end);
        }),
      { server: HTTPServer },
    );
    const client = await Deno.connect(served.addr);
    await client.write(
      new TextEncoder().encode(`GET /a HTTP/1.1\r\nHost: a\r\n\r\n${ahead}`),
    );
    client.close();
    strictEqual(await patiently(aborted, () => "the abort"), "/a");
    // The other is aborted just as well where a shutdown begins meanwhile.
    await served.server.shutdown();
    for (const error of served.takeErrors()) {
      ok(!/within/.test(`${error}`), `${error}`);
    }
  });
}

const STREAMS: Record<string, () => UnderlyingDefaultSource<Uint8Array>> = {
  "has given nothing yet": () => ({ pull: () => new Promise<void>(() => {}) }),
  "has given one chunk": () => ({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
  }),
};

for (const [what, source] of Object.entries(STREAMS)) {
  Deno.test(`clients that leave a stream that ${what} are let go, and it is cancelled`, async () => {
    const CLIENTS = 4;
    let cancelled = 0;
    const all = Promise.withResolvers<void>();
    await using served = await serveForTest(
      ({ url }) => {
        if (url.endsWith("/next")) return new Response("next");
        const cancel = () => {
          if (++cancelled === CLIENTS) all.resolve();
        };
        return new Response(
          new ReadableStream({ ...source(), cancel }),
          { headers: { "content-type": "text/event-stream" } },
        );
      },
      { server: HTTPServer, options: { maxConnections: CLIENTS } },
    );
    for (let i = 0; i < CLIENTS; i++) {
      const client = await Deno.connect(served.addr);
      await client.write(
        new TextEncoder().encode("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"),
      );
      client.close();
    }
    await patiently(all.promise, () => `${CLIENTS - cancelled} streams`);
    // Their places are free.
    const { port } = served.addr;
    const response = await patiently(
      fetch(`http://127.0.0.1:${port}/next`, {
        headers: { connection: "close" },
      }),
      () => "the next client",
    );
    strictEqual(await response.text(), "next");
  });
}

for (
  const [what, head, body] of [
    ["part of a body", "Content-Length: 2", "{"],
    ["a chunk of a body", "Transfer-Encoding: chunked", "1\r\n{\r\n"],
    ["all of a body", "Content-Length: 2", "{}"],
  ] as const
) {
  Deno.test(`clients that have sent ${what} that nobody reads, and leave a silent stream, are let go`, async () => {
    const cancelled = Promise.withResolvers<void>();
    await using served = await serveForTest(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(new Uint8Array(1)),
            cancel: () => cancelled.resolve(),
          }),
        ),
      { server: HTTPServer },
    );
    const client = await Deno.connect(served.addr);
    await client.write(
      new TextEncoder().encode(
        `POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${body}`,
      ),
    );
    await client.read(new Uint8Array(1_000));
    client.close();
    await patiently(cancelled.promise, () => "its end");
    await served.server.shutdown();
    deepStrictEqual(served.errors, []);
  });
}
