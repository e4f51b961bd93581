// What a fetch handler has thrown, answered by its onError().

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  type FetchErrorFunction,
  type FetchFunction,
  FetchRequestHandler,
  ForkingHTTPServer,
  HTTPError,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { LOOPBACK } from "../_loopback.ts";
import { requestOf } from "./_cgi_site.ts";
import { Failing } from "./_failing_fetch_handler.ts";
import {
  readBytes,
  repliesIn,
  type Reply,
  replyTo,
  writeBytes,
} from "./_replies.ts";

class Server extends HTTPServer {
  constructor(
    answer: FetchFunction,
    onFetchError: FetchErrorFunction,
    limits = {},
  ) {
    super(LOOPBACK, answer, { onFetchError, limits, onError() {} });
  }

  get(target = "/"): Promise<Reply> {
    return replyTo(this.addr, requestOf(`GET ${target}`));
  }
}

/** Everything a handler may fail with. */
const FAILURES: Record<string, readonly [FetchFunction, string]> = {
  "throws": [() => {
    throw new RangeError("thrown");
  }, "RangeError: thrown"],
  "rejects": [
    () => Promise.reject(new RangeError("rejected")),
    "RangeError: rejected",
  ],
  "throws an HTTPError": [() => {
    throw new HTTPError(404, "nowhere");
  }, "HTTPError: nowhere"],
  "throws what is no error": [() => {
    throw "text";
  }, "text"],
  "returns no response": [
    () => "text" as unknown as Response,
    'TypeError: Cannot answer GET /: the handler returned "text", not a Response',
  ],
};

for (const [name, [answer, told]] of Object.entries(FAILURES)) {
  for (const isAsync of [false, true]) {
    const how = isAsync ? ", by a promise" : "";
    Deno.test(`a handler that ${name} is answered for by onError${how}`, async () => {
      await using served = await serveForTest(
        new Server(answer, (error, { method }) => {
          const response = new Response(`${method} ${error}`, { status: 418 });
          return isAsync ? Promise.resolve(response) : response;
        }),
      );
      const connection = await Deno.connect(served.addr);
      // The connection goes on.
      await writeBytes(
        connection,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + requestOf("GET /"),
      );
      const replies = repliesIn(await readBytes(connection));
      connection.close();
      deepStrictEqual(replies.map(({ status, body }) => [status, body]), [
        [418, `GET ${told}`],
        [418, `GET ${told}`],
      ]);
      await served.server.shutdown();
      deepStrictEqual(served.errors, []);
    });
  }
}

Deno.test("what onError throws is answered with 500, and reported", async () => {
  const failure = new Error("onError has failed");
  await using served = await serveForTest(
    new Server(() => {
      throw new Error("first");
    }, () => {
      throw failure;
    }),
  );
  const { status, headers } = await served.server.get();
  strictEqual(status, 500);
  strictEqual(headers.get("connection"), "close");
  deepStrictEqual(await served.untilErrors(), [failure]);
});

Deno.test("an HTTPError that onError throws, or throws again, has its own page", async () => {
  await using served = await serveForTest(
    new Server((request) => {
      throw new URL(request.url).pathname === "/404"
        ? new HTTPError(404)
        : new Error("first");
    }, (error) => {
      if (error instanceof HTTPError) throw error;
      throw new HTTPError(502, "the other side has failed");
    }),
  );
  const { server } = served;
  strictEqual((await server.get("/404")).status, 404);
  const { status, body } = await server.get();
  strictEqual(status, 502);
  match(body, /the other side has failed/);
  await server.shutdown();
  deepStrictEqual(served.errors, []);
});

Deno.test("onError that returns no response is answered with 500", async () => {
  await using served = await serveForTest(
    new Server(
      () => Promise.reject(new Error("first")),
      () => undefined as unknown as Response,
    ),
  );
  strictEqual((await served.server.get()).status, 500);
  const [error] = await served.untilErrors();
  match(String(error), /the handler returned undefined, not a Response/);
});

Deno.test("onError is asked nothing where an answer was begun, or nobody waits", async () => {
  const asked: unknown[] = [];
  const arrived = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server(({ url, signal }) => {
      if (url.endsWith("/begun")) {
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve));
              controller.enqueue(new Uint8Array(10));
              await new Promise((resolve) => setTimeout(resolve));
              controller.error(new Error("midway"));
            },
          }),
        );
      }
      arrived.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error("too late")))
      );
    }, (error) => {
      asked.push(error);
      return new Response();
    }, { requestTimeout: 10_000 }),
  );
  strictEqual((await served.server.get("/begun")).complete, false);
  const [midway] = await served.untilErrors();
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, requestOf("GET /gone"));
  await patiently(arrived.promise, () => "the request");
  connection.close();
  const [gone] = await served.untilErrors();
  deepStrictEqual(asked, []);
  deepStrictEqual(
    [midway, gone].map((error) => (error as Error).message),
    ["midway", "too late"],
  );
});

Deno.test("what cannot be made a Request of has no onError", async () => {
  await using served = await serveForTest(
    new Server(
      () => new Response(),
      () => new Response("asked"),
    ),
  );
  const reply = await replyTo(served.addr, "GET / HTTP/1.1\r\n\r\n");
  strictEqual(reply.status, 400);
});

Deno.test("each way of running asks onError of its class", async () => {
  const servers = [
    new HTTPServer(LOOPBACK, Failing),
    new ThreadingHTTPServer(LOOPBACK, Failing, { workers: 1 }),
    new ForkingHTTPServer(LOOPBACK, Failing, { maxChildren: 1 }),
  ];
  for (const each of servers) {
    await using served = await serveForTest(each);
    const { status, body } = await replyTo(served.addr, requestOf("GET /a"));
    strictEqual(status, 503);
    strictEqual(body, "GET: RangeError: cannot answer /a");
  }
});

Deno.test("an onError that could not be asked is refused", () => {
  const answer = () => new Response();
  throws(
    () =>
      new HTTPServer(LOOPBACK, answer, {
        onFetchError: 1 as unknown as FetchErrorFunction,
      }),
    /^TypeError: Cannot answer errors: onError must be a function, received 1$/,
  );
  throws(
    () =>
      new HTTPServer(LOOPBACK, answer, {
        onFetchError: (function* () {}) as unknown as FetchErrorFunction,
      }),
    /onError is a generator function/,
  );
  class Wrong extends FetchRequestHandler {}
  Object.defineProperty(Wrong.prototype, "onError", { value: function* () {} });
  throws(
    () => new HTTPServer(LOOPBACK, Wrong),
    /onError\(\) of the class "Wrong" is a generator function/,
  );
  throws(
    () =>
      new HTTPServer(LOOPBACK, FetchRequestHandler, {
        onFetchError: () => new Response(),
      }),
    /the option "onFetchError" is for handlers that are functions; give the handler class a method onError\(\)/,
  );
  throws(
    () => FetchRequestHandler.from(answer, {}, false, { onErr: 1 } as object),
    /^TypeError: Cannot answer requests: unknown setting "onErr"; did you mean "onError"\?$/,
  );
});
