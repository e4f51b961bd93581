import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  BaseHTTPRequestHandler,
  type FetchFunction,
  ForkingHTTPServer,
  HTTPServer,
  type HTTPServerOptions,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { IncomingRequest } from "../../handlers/http/_connection/request_parser.ts";
import { RequestScope } from "../../handlers/http/_connection/request_scope.ts";
import { patiently } from "../_patience.ts";
import { LOOPBACK } from "../_loopback.ts";
import { readUntil } from "./_raw_client.ts";
import { readBytes, repliesIn, writeBytes } from "./_replies.ts";
import { Timed } from "./_timed_handler.ts";

const get = (path: string, ...headers: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n");

/** A server that notes what it is told of. */
class Server extends HTTPServer {
  constructor(answer: FetchFunction, options: HTTPServerOptions = {}) {
    super(LOOPBACK, answer, { ...options, onError() {} });
  }
}

/** An answer that never comes, of a handler that ends with its request. */
function waitFor(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/** A body that has begun and goes on for ever. */
function endless(cancelled: (reason: unknown) => void): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("begun"));
      },
      cancel: cancelled,
    }),
  );
}

Deno.test("a request's signal is its own, and nothing aborts it when it has been answered", async () => {
  const requests: Request[] = [];
  const slow = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server((request) => {
      requests.push(request);
      // That of the second is asked for only when it has ended.
      if (!request.url.endsWith("/b")) void request.signal;
      if (!request.url.endsWith("/slow")) return new Response("answered");
      slow.resolve();
      return waitFor(request.signal);
    }),
  );
  const connection = await Deno.connect(served.addr);
  for (const path of ["/a", "/b"]) {
    await writeBytes(connection, get(path));
    await readUntil(connection, "answered");
  }
  await writeBytes(connection, get("/slow"));
  await slow.promise;
  const { signal } = requests[2]!;
  const aborted = once(signal, "abort");
  connection.close();
  await patiently(aborted, () => "the signal");
  strictEqual(new Set(requests.map(({ signal }) => signal)).size, 3);
  deepStrictEqual(
    requests.map(({ signal }) => signal.aborted),
    [false, false, true],
  );
  strictEqual((signal.reason as DOMException).name, "AbortError");
  await served.server.shutdown();
  // A client that leaves is no fault of the server.
  deepStrictEqual(served.errors, []);
  deepStrictEqual(
    requests.map(({ signal }) => signal.aborted),
    [false, false, true],
  );
});

Deno.test("copies of a request are aborted with it", async () => {
  const asked = Promise.withResolvers<Request[]>();
  await using served = await serveForTest(
    new Server((request) => {
      asked.resolve([
        request.clone(),
        new Request(request),
        new Request(request, { headers: { a: "b" } }),
      ]);
      return waitFor(request.signal);
    }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  const copies = await asked.promise;
  const aborted = Promise.all(
    copies.map(({ signal }) => once(signal, "abort")),
  );
  connection.close();
  await patiently(aborted, () => "the signals of all copies");
  await served.server.shutdown();
});

Deno.test("what listens to the signals of requests that were answered is not kept", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  let attempts = 0;
  const kept: WeakRef<object>[] = [];
  await using served = await serveForTest(
    new Server(({ signal }) => {
      const held = { bytes: new Uint8Array(10_000) };
      kept.push(new WeakRef(held));
      signal.addEventListener("abort", () => held.bytes.fill(1));
      return new Response("answered");
    }),
  );
  using connection = await Deno.connect(served.addr);
  for (let i = 0; i < 200; i++) {
    await writeBytes(connection, get("/"));
    await readUntil(connection, "answered");
  }
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  let left: number;
  do {
    // What was looked at in a turn is kept to its end.
    await turn();
    gc();
    await turn();
    left = kept.filter((ref) => ref.deref() !== undefined).length;
  } while (left > 1 && ++attempts < 20);
  // The connection may have the last, which is over.
  ok(left <= 1, `${left} of 200 are kept`);
});

Deno.test("a body that comes byte by byte is read in about the memory of its bytes", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const used = () => {
    gc();
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const count = 200_000;
  let sent = 0;
  let cost = -used();
  const scope = new RequestScope(
    {
      watch() {},
      readChunk() {
        if (sent === count) {
          cost += used();
          return Promise.resolve(null);
        }
        return Promise.resolve(Uint8Array.of(sent++ % 251));
      },
    },
    new IncomingRequest(
      "POST",
      "/",
      1,
      ["Host", "a", "Transfer-Encoding", "chunked"],
      true,
      count,
    ),
    { request: undefined, clientAddress: null, server: {} },
  );
  deepStrictEqual(
    await scope.readBody(),
    Uint8Array.from({ length: count }, (_, i) => i % 251),
  );
  ok(cost < 10 * count, `${count} bytes cost ${cost}`);
});

Deno.test("a body that has all come can be read behind its response", async () => {
  const request = Promise.withResolvers<Request>();
  await using served = await serveForTest(
    new Server((received) => {
      request.resolve(received);
      return new Response("answered");
    }),
  );
  using connection = await Deno.connect(served.addr);
  await writeBytes(
    connection,
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
  );
  await readUntil(connection, "answered");
  strictEqual(await (await request.promise).text(), "body");
});

for (const how of ["closes", "ends its side"] as const) {
  Deno.test(`a client that ${how} while it waits aborts its request`, async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    await using served = await serveForTest(
      new Server(({ signal }) => {
        asked.resolve(signal);
        return waitFor(signal);
      }),
    );
    const connection = await Deno.connect(served.addr);
    await writeBytes(connection, get("/"));
    const aborted = once(await asked.promise, "abort");
    if (how === "closes") connection.close();
    else await connection.closeWrite();
    await patiently(aborted, () => "the signal");
    await served.server.shutdown();
    if (how !== "closes") connection.close();
  });

  Deno.test(`a stream of events is cancelled when its client ${how}, and never looks complete`, async () => {
    const cancelled = Promise.withResolvers<unknown>();
    await using served = await serveForTest(
      new Server(() => endless(cancelled.resolve)),
    );
    const connection = await Deno.connect(served.addr);
    await writeBytes(connection, get("/"));
    await readUntil(connection, "begun\r\n");
    if (how === "closes") connection.close();
    else await connection.closeWrite();
    const reason = await patiently(cancelled.promise, () => "cancel()");
    strictEqual((reason as DOMException).name, "AbortError");
    if (how !== "closes") {
      strictEqual(await readBytes(connection), "");
      connection.close();
    }
    await served.server.shutdown();
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("a client that ends its side is still sent a whole answer", async () => {
  await using served = await serveForTest(
    new Server(async ({ signal }) => {
      await once(signal, "abort");
      return new Response("answered");
    }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  await connection.closeWrite();
  match(await readBytes(connection), /\r\n\r\nanswered$/);
  connection.close();
});

Deno.test("with allowHalfOpen a client that ends its side is streamed all of its answer", async () => {
  const ended = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server(({ signal }) =>
      new Response(
        new ReadableStream({
          async start(controller) {
            const encoder = new TextEncoder();
            controller.enqueue(encoder.encode("begun"));
            await ended.promise;
            controller.enqueue(encoder.encode(`aborted: ${signal.aborted}`));
            controller.close();
          },
        }),
      ), { allowHalfOpen: true }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  await connection.closeWrite();
  await readUntil(connection, "begun\r\n");
  // Another connection is served: the end has been read by now.
  using other = await Deno.connect(served.addr);
  await writeBytes(other, get("/"));
  await readUntil(other, "begun\r\n");
  ended.resolve();
  match(await readBytes(connection), /aborted: false\r\n0\r\n\r\n$/);
  connection.close();
});

for (
  const [where, HTTPServer] of [
    ["in threads", ThreadingHTTPServer],
    ["in processes", ForkingHTTPServer],
  ] as const
) {
  Deno.test(`a client that leaves aborts its request ${where}`, async () => {
    await using served = await serveForTest(Timed, { server: HTTPServer });
    const connection = await Deno.connect(served.addr);
    await writeBytes(connection, get("/report"));
    connection.close();
    const [error] = await served.untilErrors();
    match(String(error), /^Error: told AbortError/);
  });
}

Deno.test("a request's time is not its connection's", async () => {
  await using served = await serveForTest(
    new Server(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response("answered");
    }, { requestTimeout: 1_000 }),
  );
  using connection = await Deno.connect(served.addr);
  // 60 of them take 1,200 ms at least.
  for (let i = 0; i < 60; i++) {
    await writeBytes(connection, get("/"));
    await readUntil(connection, "answered");
  }
  deepStrictEqual(served.errors, []);
});

Deno.test("a request that takes longer than requestTimeout is aborted, answered with 503 and reported", async () => {
  let signal: AbortSignal | undefined;
  const answer = Promise.withResolvers<Response>();
  let cancelled = false;
  await using served = await serveForTest(
    new Server((request) => {
      signal = request.signal;
      return answer.promise;
    }, { requestTimeout: 30 }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  const replies = repliesIn(await readBytes(connection));
  connection.close();
  deepStrictEqual(
    replies.map((
      { status, headers, complete },
    ) => [status, headers.get("connection"), complete]),
    [[503, "close", true]],
  );
  const [error] = await served.untilErrors();
  match(String(error), /^TimeoutError: The request took longer than requestT/);
  strictEqual(signal!.reason, error);
  // An answer that comes too late goes nowhere.
  answer.resolve(
    new Response(
      new ReadableStream({
        cancel: () => {
          cancelled = true;
        },
      }),
    ),
  );
  await served.server.shutdown();
  ok(cancelled);
  deepStrictEqual(served.errors, []);
});

Deno.test("a response that takes longer than requestTimeout is cut short, and never looks complete", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  await using served = await serveForTest(
    new Server(() => endless(cancelled.resolve), {
      requestTimeout: 30,
    }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  const [reply] = repliesIn(await readBytes(connection));
  connection.close();
  deepStrictEqual([reply!.body, reply!.complete], ["begun", false]);
  strictEqual(await cancelled.promise, (await served.untilErrors())[0]);
});

/** A body that has begun, and that its source ends when it hears the signal. */
function endedBySignal({ signal }: Request): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("begun"));
        // An error in here would end the program.
        signal.addEventListener("abort", () => controller.close());
      },
    }),
  );
}

Deno.test("a stream may be closed by who hears the signal, and does not look complete", async () => {
  await using served = await serveForTest(
    new Server(endedBySignal, { requestTimeout: 30 }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  const [reply] = repliesIn(await readBytes(connection));
  connection.close();
  deepStrictEqual([reply!.body, reply!.complete], ["begun", false]);
  strictEqual(((await served.untilErrors())[0] as Error).name, "TimeoutError");
});

Deno.test("clients that leave a stream whose source closes it harm nobody", async () => {
  const heard = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server((request) => {
      const response = endedBySignal(request);
      request.signal.addEventListener("abort", () => heard.resolve());
      return response;
    }),
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  await readUntil(connection, "begun\r\n");
  connection.close();
  await patiently(heard.promise, () => "the signal");
  await served.server.shutdown();
  deepStrictEqual(served.errors, []);
});

Deno.test("a method that goes on behind requestTimeout does not complete its response", async () => {
  const done = Promise.withResolvers<void>();
  class Late extends BaseHTTPRequestHandler {
    static override readonly limits = { requestTimeout: 30 };
    async doGET(): Promise<void> {
      this.sendResponse(200);
      this.endHeaders();
      await this.wfile.write("begun");
      await once(this.signal, "abort");
      this.wfile.write("too late").catch(() => done.resolve());
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Late, { server: HTTPServer });
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, get("/"));
  const [reply] = repliesIn(await readBytes(connection));
  connection.close();
  deepStrictEqual([reply!.body, reply!.complete], ["begun", false]);
  await patiently(done.promise, () => "the refusal");
  strictEqual(served.takeErrors().length, 1);
});

for (
  const [where, Server] of [
    ["on the event loop", HTTPServer],
    ["in threads", ThreadingHTTPServer],
    ["in processes", ForkingHTTPServer],
  ] as const
) {
  Deno.test(`a handler class limits its requests' time ${where}`, async () => {
    await using served = await serveForTest(Timed, { server: Server });
    const connection = await Deno.connect(served.addr);
    for (let i = 0; i < 3; i++) {
      await writeBytes(connection, get("/short"));
      await readUntil(connection, "short");
    }
    await writeBytes(connection, get("/long"));
    deepStrictEqual(
      repliesIn(await readBytes(connection)).map(({ status }) => status),
      [503],
    );
    connection.close();
    match(
      String((await served.untilErrors())[0]),
      /^TimeoutError: The request/,
    );
  });
}
