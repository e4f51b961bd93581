// A request of which nothing is made before it is asked for is one like any other.

import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { type FetchRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { upgradeWebSocket } from "../../handlers/websocket/mod.ts";
import { exchange } from "./_raw_client.ts";

/** What a handler says of a request with a body, which is its answer. */
async function told(
  look: (request: Request) => unknown,
  { method = "POST", body = '{"a":1}', headers = {} }: {
    readonly method?: string;
    readonly body?: string;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<unknown> {
  await using served = await serveForTest(
    async (request) => Response.json(await look(request) ?? null),
    { server: HTTPServer },
  );
  const hasBody = method !== "GET" && method !== "HEAD";
  const response = await fetch(
    `http://127.0.0.1:${served.addr.port}/path?query`,
    { method, headers, ...(hasBody && { body }) },
  );
  const answer = await response.json();
  deepStrictEqual(served.errors, []);
  return answer;
}

Deno.test("a request is an instance of Request, by all that tells", async () => {
  deepStrictEqual(
    await told((request) => [
      request instanceof Request,
      request.constructor === Request,
      Object.prototype.toString.call(request),
      Deno.inspect(request).startsWith("Request {"),
      request.redirect,
      request.method,
      new URL(request.url).pathname,
    ]),
    [
      true,
      true,
      "[object Request]",
      true,
      "follow",
      "POST",
      "/path",
    ],
  );
});

Deno.test("a body can be read in every way, once", async () => {
  const ways: Record<string, (request: Request) => unknown> = {
    text: (request) => request.text(),
    json: async (request) => JSON.stringify(await request.json()),
    bytes: async (request) => new TextDecoder().decode(await request.bytes()),
    arrayBuffer: async (request) =>
      new TextDecoder().decode(await request.arrayBuffer()),
    blob: async (request) => await (await request.blob()).text(),
    body: async (request) => await new Response(request.body).text(),
    clone: (request) => request.clone().text(),
    copy: (request) => new Request(request).text(),
  };
  for (const [name, read] of Object.entries(ways)) {
    deepStrictEqual(
      await told(async (request) => [request.bodyUsed, await read(request)]),
      [false, '{"a":1}'],
      name,
    );
    if (name === "clone") continue;
    for (const again of ["text", "json", "bytes", "arrayBuffer"] as const) {
      const said = await told(async (request) => {
        await read(request);
        await rejects(() => request[again](), TypeError);
        return [request.bodyUsed, request.body?.locked ?? false];
      });
      strictEqual((said as unknown[])[0], true, `${again} behind ${name}`);
    }
  }
});

Deno.test("a body that was read has no copy", async () => {
  strictEqual(
    await told(async (request) => {
      await request.text();
      try {
        request.clone();
      } catch (error) {
        return (error as Error).name;
      }
    }),
    "TypeError",
  );
});

Deno.test("a form is read by its type", async () => {
  strictEqual(
    await told(async (request) => (await request.formData()).get("a"), {
      body: "a=b",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    }),
    "b",
  );
});

Deno.test("a request without a body has none", async () => {
  deepStrictEqual(
    await told(async (request) => [
      request.body,
      await request.text(),
      request.bodyUsed,
    ], { method: "GET" }),
    [null, "", false],
  );
});

for (
  const [name, head] of [
    ["POST without a length", "POST / HTTP/1.1\r\n"],
    ["POST of length 0", "POST / HTTP/1.1\r\nContent-Length: 0\r\n"],
    ["DELETE", "DELETE / HTTP/1.1\r\n"],
    ["OPTIONS", "OPTIONS / HTTP/1.1\r\n"],
  ] as const
) {
  Deno.test(`${name} has the empty body that Deno.serve gives it`, async () => {
    const ways: Record<string, (request: Request) => unknown> = {
      text: (request) => request.text(),
      bytes: async (request) => (await request.bytes()).length,
      blob: async (request) => (await request.blob()).size,
      iteration: async (request) => {
        let size = 0;
        for await (const chunk of request.body!) size += chunk.length;
        return size;
      },
      reader: async (request) => {
        const { body } = request;
        return [body === request.body, await request.text()];
      },
      clone: async (request) => {
        const copy = request.clone();
        return [await copy.text(), copy.bodyUsed, request.bodyUsed];
      },
      copy: async (request) => {
        const copy = new Request(request);
        return [copy.body !== null, await copy.text()];
      },
    };
    for (const [way, read] of Object.entries(ways)) {
      const answer = async (request: Request) =>
        Response.json([
          request.bodyUsed,
          await read(request),
          request.bodyUsed,
          await request.text().catch(({ name }) => name),
          request.body?.locked,
        ]);
      const sent = `${head}Host: a\r\nConnection: close\r\n\r\n`;
      await using served = await serveForTest(answer, { server: HTTPServer });
      await using theirs = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        answer,
      );
      const [ours, expected] = [
        await exchange(served.addr, sent),
        await exchange(theirs.addr, sent),
      ].map((reply) => reply.slice(reply.indexOf("\r\n\r\n")));
      strictEqual(ours, expected, way);
      match(ours!, /^\r\n\r\n\[false,/);
      deepStrictEqual(served.errors, []);
    }
  });
}

Deno.test("an empty body is sent on with its length", async () => {
  await using behind = await serveForTest(
    ({ headers }) =>
      Response.json([
        headers.get("content-length"),
        headers.get("transfer-encoding"),
      ]),
    { server: HTTPServer },
  );
  const url = `http://127.0.0.1:${behind.addr.port}`;
  await using served = await serveForTest(
    (request) => fetch(url, request),
    { server: HTTPServer },
  );
  match(
    await exchange(
      served.addr,
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ),
    /\["0",null\]/,
  );
});

Deno.test("headers that were changed are those of copies", async () => {
  deepStrictEqual(
    await told((request) => {
      const before = new Request(request.clone()).headers.get("x-a");
      request.headers.set("x-a", "changed");
      request.headers.append("x-b", "1");
      request.headers.append("x-b", "2");
      const first = new Request(request.clone());
      request.headers.delete("x-b");
      const second = request.clone();
      return [
        before,
        first.headers.get("x-a"),
        first.headers.get("x-b"),
        second.headers.get("x-a"),
        second.headers.get("x-b"),
        request.headers === request.headers,
      ];
    }, { headers: { "x-a": "sent" } }),
    ["sent", "changed", "1, 2", "changed", null, true],
  );
});

Deno.test("a request that is kept tells of itself when it is answered", async () => {
  const kept: Request[] = [];
  await using served = await serveForTest(
    (request) => {
      kept.push(request);
      return new Response("x");
    },
    { server: HTTPServer },
  );
  const url = `http://127.0.0.1:${served.addr.port}`;
  for (const path of ["/first", "/second"]) {
    await (await fetch(url + path, { headers: { "x-path": path } })).text();
  }
  deepStrictEqual(
    kept.map(({ url, headers }) => [
      new URL(url).pathname,
      headers.get("x-path"),
    ]),
    [["/first", "/first"], ["/second", "/second"]],
  );
});

Deno.test("a WebSocket that no client asks for is refused with 426, whoever asks", async () => {
  for (
    const answer of [
      (request: Request) => upgradeWebSocket(request).response,
      async (request: Request) =>
        await Promise.resolve(upgradeWebSocket(request).response),
      (request: Request, _handler: FetchRequestHandler) =>
        upgradeWebSocket(new Request(request)).response,
    ]
  ) {
    await using served = await serveForTest(answer, { server: HTTPServer });
    match(
      await exchange(
        served.addr,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n" +
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      ),
      /^HTTP\/1.1 426 [^]*HTTP\/1.1 426 /,
    );
    deepStrictEqual(served.errors, []);
  }
});

Deno.test("what a function has left running has nothing of the next request, however it got its handler", async () => {
  type Handler = FetchRequestHandler;
  let begun = Promise.withResolvers<void>();
  let late = Promise.withResolvers<string>();
  const leave = (handler: Handler): Response => {
    if (handler.path === "/first") {
      const { promise } = begun;
      const { resolve } = late;
      void (async () => {
        await promise;
        resolve(`${handler.headers.get("x")} ${handler.signal.aborted}`);
      })();
    } else begun.resolve();
    return new Response("x");
  };
  for (
    const answer of [
      (_request: Request, handler: Handler) => leave(handler),
      (...given: [Request, Handler]) => leave(given[1]),
      function () {
        return leave(arguments[1]);
      },
      class {
        // A method, whose text is like an arrow's.
        static x(_request: Request, handler = {} as Handler) {
          return leave(handler);
        }
      }.x,
    ]
  ) {
    begun = Promise.withResolvers();
    late = Promise.withResolvers();
    await using served = await serveForTest(answer, { server: HTTPServer });
    const get = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\nX: ${path}\r\n`;
    await exchange(
      served.addr,
      `${get("/first")}\r\n${get("/second")}Connection: close\r\n\r\n`,
    );
    match(await late.promise, /^\/first false$/);
  }
});
