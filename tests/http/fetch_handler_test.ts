import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  type FetchFunction,
  FetchRequestHandler,
  HTTPError,
  HTTPServer,
  type HTTPServerOptions,
} from "../../server/http/mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask } from "../_loopback.ts";
import { Program, testWith } from "../_program.ts";
import { closing, exchange, readUntil } from "./_raw_client.ts";

const python = new Program("python3", "python3");

/** Sends a request, and resets the connection when the response comes. */
const RESET = `
import socket, struct, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
connection.recv(1000)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
connection.close()
`;

const LOCAL = { hostname: "127.0.0.1", port: 0 };

/** A server that notes what it is told of. */
class Server extends HTTPServer {
  constructor(answer: FetchFunction, options: HTTPServerOptions = {}) {
    super(LOCAL, answer, { onError() {}, ...options });
  }

  get url(): string {
    return `http://127.0.0.1:${this.addr.port}`;
  }
}

/** Asks on a connection of its own, so that none is left open. */
async function request(
  url: string,
  init: RequestInit & { client?: Deno.HttpClient } = {},
): Promise<Response> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const response = await fetch(url, { ...init, client });
  return new Response(await response.arrayBuffer(), response);
}

Deno.test("a fetch handler gets the request and its response is sent", async () => {
  await using served = await serveForTest(
    new Server(async (request) =>
      Response.json({
        method: request.method,
        url: request.url,
        name: request.headers.get("x-name"),
        body: await request.text(),
      }, { status: 201, headers: { "x-answer": "yes" } })
    ),
  );
  const { server } = served;
  const response = await request(`${server.url}/a?b=c`, {
    method: "PUT",
    headers: { "X-Name": "Ada" },
    body: "all of it",
  });
  strictEqual(response.status, 201);
  strictEqual(response.headers.get("x-answer"), "yes");
  deepStrictEqual(await response.json(), {
    method: "PUT",
    url: `${server.url}/a?b=c`,
    name: "Ada",
    body: "all of it",
  });
});

Deno.test("a handler sees the client's address and is told what it is", async () => {
  await using served = await serveForTest(
    new Server((_request, handler) =>
      new Response(
        `${
          (handler.clientAddress as Deno.NetAddr).hostname
        } ${handler.command} ${handler.path} ${handler.encrypted}`,
      )
    ),
  );
  const response = await request(`${served.server.url}/x`);
  strictEqual(await response.text(), "127.0.0.1 GET /x false");
});

Deno.test("code written for Deno.serve finds the client's address", async () => {
  const whoAsks = (
    _request: Request,
    { remoteAddr }: { readonly remoteAddr: Deno.NetAddr },
  ) => new Response(`${remoteAddr.transport} ${remoteAddr.hostname}`);
  await using served = await serveForTest(
    new HTTPServer(
      { hostname: "127.0.0.1", port: 0 },
      whoAsks,
    ),
  );
  const response = await request(`http://127.0.0.1:${served.addr.port}`);
  strictEqual(await response.text(), "tcp 127.0.0.1");
});

Deno.test("a body that is known whole has a Content-Length, others come in chunks", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      request.url.endsWith("/whole") ? new Response("whole") : new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(new TextEncoder().encode("part"));
            await new Promise((resolve) => setTimeout(resolve));
            controller.close();
          },
        }),
      )
    ),
  );
  const whole = await exchange(served.addr, closing("GET /whole HTTP/1.1"));
  ok(/content-length: 5\r\n/.test(whole), whole);
  ok(whole.endsWith("\r\n\r\nwhole"), whole);
  const parts = await exchange(served.addr, closing("GET /parts HTTP/1.1"));
  ok(/transfer-encoding: chunked\r\n/.test(parts), parts);
  ok(parts.endsWith("\r\n\r\n4\r\npart\r\n0\r\n\r\n"), parts);
});

Deno.test("an HTTP/1.0 client gets a stream that ends with its connection", async () => {
  await using served = await serveForTest(
    new Server(() =>
      new Response(
        ReadableStream.from([new TextEncoder().encode("to the end")]),
      )
    ),
  );
  const text = await exchange(served.addr, "GET / HTTP/1.0\r\n\r\n");
  ok(!/transfer-encoding/i.test(text), text);
  ok(/connection: close\r\n/.test(text), text);
  ok(text.endsWith("\r\n\r\nto the end"), text);
});

Deno.test("HTTP/1.0 keeps a connection alive where the client asks for it", async () => {
  await using served = await serveForTest(new Server(() => new Response("x")));
  using connection = await Deno.connect(served.addr);
  const request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  for (let i = 0; i < 3; i++) {
    await connection.write(new TextEncoder().encode(request));
    const text = await readUntil(connection, "\r\n\r\nx");
    ok(/connection: keep-alive\r\n/.test(text), text);
  }
});

Deno.test("the first chunk of a stream is sent before the second exists", async () => {
  const second = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  await using served = await serveForTest(
    new Server(() =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode("first"));
            controller.enqueue(await second.promise);
            controller.close();
          },
        }),
      )
    ),
  );
  using connection = await Deno.connect(served.addr);
  await connection.write(
    new TextEncoder().encode(closing("GET / HTTP/1.1")),
  );
  await readUntil(connection, "5\r\nfirst\r\n");
  second.resolve(new TextEncoder().encode("second"));
  await readUntil(connection, "6\r\nsecond\r\n0\r\n\r\n");
});

Deno.test("a request's body streams: its first part is read before the last is sent", async () => {
  const first = Promise.withResolvers<string>();
  await using served = await serveForTest(
    new Server(async (request) => {
      const reader = request.body!.pipeThrough(new TextDecoderStream())
        .getReader();
      first.resolve((await reader.read()).value!);
      let rest = "";
      for (let read; !(read = await reader.read()).done;) rest += read.value;
      return new Response(rest);
    }),
  );
  using connection = await Deno.connect(served.addr);
  const send = (text: string) =>
    connection.write(new TextEncoder().encode(text));
  await send(closing("POST / HTTP/1.1", "Transfer-Encoding: chunked"));
  await send("5\r\nfirst\r\n");
  strictEqual(await first.promise, "first");
  await send("4\r\nlast\r\n0\r\n\r\n");
  await readUntil(connection, "\r\n\r\nlast");
});

Deno.test("a body that is read behind the response never looks complete", async () => {
  const reading = Promise.withResolvers<string>();
  await using served = await serveForTest(
    new Server((request) => {
      reading.resolve(request.text());
      return new Response("later");
    }),
  );
  using connection = await Deno.connect(served.addr);
  await connection.write(new TextEncoder().encode(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12",
  ));
  await readUntil(connection, "later");
  await connection.write(new TextEncoder().encode("345"));
  await rejects(reading.promise, Deno.errors.BadResource);
});

Deno.test("megabytes go through both ways unchanged", async () => {
  await using served = await serveForTest(
    new Server((request) => new Response(request.body)),
  );
  const sent = new Uint8Array(8 * 1024 * 1024);
  for (let at = 0; at < sent.length; at += 65_536) {
    crypto.getRandomValues(sent.subarray(at, at + 65_536));
  }
  const response = await request(served.server.url, {
    method: "POST",
    body: sent,
  });
  deepStrictEqual(await response.bytes(), sent);
});

Deno.test("cookies stay headers of their own", async () => {
  await using served = await serveForTest(
    new Server(() => {
      const response = new Response();
      response.headers.append("set-cookie", "a=1");
      response.headers.append("set-cookie", "b=2");
      return response;
    }),
  );
  const response = await request(served.server.url);
  deepStrictEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("headers may hold characters of ISO-8859-1", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      new Response("ü", {
        headers: { "x-echo": request.headers.get("x-sent")! },
      })
    ),
  );
  const response = await request(served.server.url, {
    headers: { "x-sent": "é" },
  });
  strictEqual(response.headers.get("x-echo"), "é");
  strictEqual(await response.text(), "ü");
});

Deno.test("HEAD, 204 and 304 have no body, and the connection goes on", async () => {
  await using served = await serveForTest(
    new Server((request) => {
      const status = Number(new URL(request.url).pathname.slice(1));
      return new Response(status === 200 ? "body" : null, { status });
    }),
  );
  using connection = await Deno.connect(served.addr);
  const send = (text: string) =>
    connection.write(new TextEncoder().encode(text));
  await send("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n");
  await readUntil(connection, "\r\n\r\n");
  for (const status of [204, 304]) {
    await send(`GET /${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const text = await readUntil(connection, "\r\n\r\n");
    ok(text.startsWith(`HTTP/1.1 ${status} `), text);
    ok(!/content-length|transfer-encoding/.test(text), text);
  }
  await send("GET /200 HTTP/1.1\r\nHost: a\r\n\r\n");
  await readUntil(connection, "\r\n\r\nbody");
});

Deno.test("what a handler throws is reported and answered with 500", async () => {
  await using served = await serveForTest(
    new Server((request) => {
      if (request.url.endsWith("/sync")) throw new Error("at once");
      return Promise.reject(new Error("later"));
    }),
  );
  for (const [path, message] of [["sync", "at once"], ["async", "later"]]) {
    const response = await request(`${served.server.url}/${path}`);
    strictEqual(response.status, 500);
    ok(!(await response.text()).includes(message!));
    strictEqual(((await served.untilErrors())[0] as Error).message, message);
  }
});

Deno.test("an HTTPError is answered with its status and not reported", async () => {
  await using served = await serveForTest(
    new Server(() => {
      throw new HTTPError(429, "Not so <fast>", {
        headers: { "retry-after": "1" },
      });
    }),
  );
  const response = await request(served.server.url);
  strictEqual(response.status, 429);
  strictEqual(response.headers.get("retry-after"), "1");
  ok((await response.text()).includes("Not so &lt;fast&gt;"));
  deepStrictEqual(served.errors, []);
});

Deno.test("what is no Response, and Response.error(), is reported and answered with 500", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      request.url.endsWith("/error")
        ? Response.error()
        : "text" as unknown as Response
    ),
  );
  for (const path of ["error", "text"]) {
    const response = await request(`${served.server.url}/${path}`);
    strictEqual(response.status, 500);
    await response.body?.cancel();
    ok((await served.untilErrors())[0] instanceof TypeError);
  }
});

for (
  const [what, make] of [
    ["text", () => new Response("text ".repeat(1_000))],
    ["bytes", () => new Response(new Uint8Array(9))],
    ["a stream", () => new Response(new Blob(["text"]).stream())],
  ] as const
) {
  for (const compression of [false, true]) {
    Deno.test(`a Response of ${what} that is answered twice, or was read before, is reported and 500${compression ? ", with compression" : ""}`, async () => {
      const kept = make();
      const read = make();
      await read.bytes();
      await using served = await serveForTest(
        new Server(({ url }) => url.endsWith("/read") ? read : kept, {
          compression,
        }),
      );
      const { url } = served.server;
      strictEqual((await (await request(url)).bytes()).length > 0, true);
      for (const path of ["", "read"]) {
        const response = await request(`${url}/${path}`);
        strictEqual(response.status, 500);
        await response.body?.cancel();
        match(
          String((await served.untilErrors())[0]),
          /^TypeError: Cannot answer GET \/\w*: the body of its Response was read or sent before; /,
        );
      }
    });
  }
}

Deno.test("a body whose source fails is cut short, and never looks complete", async () => {
  const failure = new Error("the disk is gone");
  await using served = await serveForTest(
    new Server(() =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await null;
            controller.enqueue(new Uint8Array(10));
            await null;
            controller.error(failure);
          },
        }),
      )
    ),
  );
  const text = await exchange(served.addr, closing("GET / HTTP/1.1"));
  ok(!text.endsWith("0\r\n\r\n"), text);
  deepStrictEqual(await served.untilErrors(), [failure]);
});

Deno.test("a body that is not as long as its Content-Length is an error", async () => {
  await using served = await serveForTest(
    new Server((request) =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(new TextEncoder().encode("1234"));
            await new Promise((resolve) => setTimeout(resolve));
            controller.close();
          },
        }),
        {
          headers: {
            "content-length": new URL(request.url).pathname.slice(1),
          },
        },
      )
    ),
  );
  for (const length of ["3", "5"]) {
    const text = await exchange(
      served.addr,
      closing(`GET /${length} HTTP/1.1`),
    );
    ok(!text.endsWith("1234") || length === "5", text);
    ok(/Content-Length/.test(String(await served.untilErrors())));
  }
});

Deno.test("a body that is there whole has its own Content-Length, whatever its handler says, to HEAD too", async () => {
  await using served = await serveForTest(
    new Server(({ method, url }) =>
      new Response("1234", {
        headers: method === "HEAD"
          ? {}
          : { "content-length": new URL(url).pathname.slice(1) },
      })
    ),
  );
  for (const request of ["GET /3", "GET /5", "HEAD /"]) {
    const text = await exchange(served.addr, closing(`${request} HTTP/1.1`));
    match(text, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*content-length: 4\r\n/);
    strictEqual(text.endsWith("\r\n\r\n1234"), request !== "HEAD /");
  }
  deepStrictEqual(served.errors, []);
});

Deno.test("a stream is open for its client before its first chunk comes", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server(() =>
      new Response(
        new ReadableStream({
          async start(controller) {
            await opened;
            controller.enqueue(new TextEncoder().encode("first"));
            controller.close();
          },
        }),
      )
    ),
  );
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const response = await fetch(served.server.url, { client });
  strictEqual(response.status, 200);
  open();
  strictEqual(await response.text(), "first");
});

for (const method of ["GET", "HEAD"]) {
  Deno.test(`${method} of what a handler has fetched has the headers of the body that it sends`, async () => {
    const text = "proxied ".repeat(100);
    await using upstream = await serveForTest(
      new Server(
        () => new Response(text, { headers: { "content-type": "text/plain" } }),
        { compression: true },
      ),
    );
    await using served = await serveForTest(
      new Server(({ method, headers }) =>
        fetch(upstream.server.url, { method, headers })
      ),
    );
    const response = await request(served.server.url, {
      method,
      headers: { "accept-encoding": "gzip", connection: "close" },
    });
    strictEqual(response.status, 200);
    strictEqual(response.headers.get("content-encoding"), null);
    strictEqual(await response.text(), method === "GET" ? text : "");
  });

  Deno.test(`${method} waits for no source that takes long to be cancelled`, async () => {
    const cancelled = Promise.withResolvers<void>();
    await using served = await serveForTest(
      new Server(({ signal, url }) => {
        if (url.endsWith("/next")) return new Response("next");
        const response = new Response(
          new ReadableStream({
            cancel: () => {
              cancelled.resolve();
              return new Promise(() => {});
            },
          }),
        );
        if (method === "HEAD") return response;
        // It comes too late.
        return new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve(response))
        );
      }, { maxConnections: 1 }),
    );
    const connection = await Deno.connect(served.addr);
    await connection.write(
      new TextEncoder().encode(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`),
    );
    if (method === "HEAD") {
      const buffer = new Uint8Array(1_000);
      const n = await connection.read(buffer);
      match(new TextDecoder().decode(buffer.subarray(0, n!)), / 200 /);
    }
    connection.close();
    await cancelled.promise;
    // Its place is free.
    strictEqual(
      await (await request(`${served.server.url}/next`)).text(),
      "next",
    );
    await served.server.shutdown();
  });
}

Deno.test("no body does not announce one, or the next response would be it", async () => {
  await using served = await serveForTest(
    new Server(() =>
      new Response(null, { headers: { "content-length": "5" } })
    ),
  );
  const text = await exchange(
    served.addr,
    "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
  );
  ok(/^HTTP\/1.1 200 OK\r\n(?:.+\r\n)*content-length: 5\r\n/.test(text), text);
  ok(/\r\n\r\nHTTP\/1.1 500 /.test(text), text);
  ok(/ended after 0 bytes/.test(String(await served.untilErrors())));
});

Deno.test("a stream that gives no bytes is reported and answered with 500", async () => {
  const chunks: Record<string, unknown> = {
    "/text": "text",
    "/buffer": new ArrayBuffer(4),
    "/words": new Uint16Array(4),
    "/null": null,
  };
  await using served = await serveForTest(
    new Server((request) =>
      new Response(
        ReadableStream.from([
          chunks[new URL(request.url).pathname] as Uint8Array,
        ]),
      )
    ),
  );
  for (const path of Object.keys(chunks)) {
    const text = await exchange(served.addr, closing(`GET ${path} HTTP/1.1`));
    ok(text.startsWith("HTTP/1.1 500 "), text);
    ok(/not a Uint8Array/.test(String(await served.untilErrors())), path);
  }
});

testWith(
  [python],
  "request.signal is aborted when the client resets the connection",
  async () => {
    const aborted = Promise.withResolvers<unknown>();
    await using served = await serveForTest(
      new Server(({ signal }) => {
        signal.onabort = () => aborted.resolve(signal.reason);
        return new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(new TextEncoder().encode("reset me"));
              await aborted.promise;
              controller.close();
            },
          }),
        );
      }),
    );
    await python.run(["-c", RESET, String(served.addr.port)]);
    ok(await aborted.promise instanceof Deno.errors.ConnectionReset);
    deepStrictEqual(await served.untilErrors(), [await aborted.promise]);
  },
);

Deno.test("requests with the same connection come one after the other, in order", async () => {
  let running = 0;
  await using served = await serveForTest(
    new Server(async (request) => {
      strictEqual(++running, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      return new Response(`<${new URL(request.url).pathname}>`);
    }),
  );
  const text = await exchange(
    served.addr,
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
      closing("GET /3 HTTP/1.1"),
  );
  deepStrictEqual(text.match(/<.*?>/g), ["</1>", "</2>", "</3>"]);
  deepStrictEqual(served.errors, []);
});

Deno.test("a client that ends its side behind its requests is answered all of them", async () => {
  await using served = await serveForTest(
    new Server(async (request) => {
      ok(!request.signal.aborted);
      // Long enough for the end to be read.
      await new Promise((resolve) => setTimeout(resolve, 1));
      return new Response(`<${new URL(request.url).pathname}>`);
    }),
  );
  const text = await ask(
    served.addr,
    ["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      .join(""),
  );
  deepStrictEqual(text.match(/<.*?>/g), ["</1>", "</2>", "</3>"]);
});

Deno.test("a Unix socket serves fetch handlers too", async () => {
  await using served = await serveForTest(
    FetchRequestHandler.from((request) => new Response(request.url)),
    { server: UnixStreamServer },
  );
  using connection = await Deno.connect({
    transport: "unix",
    path: served.addr.path!,
  });
  await connection.write(
    new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: there\r\n\r\n"),
  );
  await readUntil(connection, "\r\n\r\nhttp://there/a");
});

Deno.test("limits are for functions, and are checked when the server is made", () => {
  throws(
    () =>
      new HTTPServer(LOCAL, FetchRequestHandler, {
        limits: { maxBodySize: 1 },
      }),
    /static override readonly limits/,
  );
  throws(
    () =>
      new HTTPServer(LOCAL, () => new Response(), {
        limits: { maxBodySize: NaN },
      }),
    RangeError,
  );
  throws(
    () =>
      new HTTPServer(LOCAL, () => new Response(), {
        limits: { maxBody: 1 } as never,
      }),
    /unknown limit "maxBody"; did you mean "maxBodySize"\?$/,
  );
});

Deno.test("an HTTPError has the status of an error", async () => {
  for (const status of [200, 399, 600, 404.5, NaN]) {
    throws(() => new HTTPError(status), RangeError);
  }
  strictEqual(new HTTPError(404).message, "Not Found");
  throws(
    () => new HTTPError(404, "", { headers: { "x-a": "a\r\nb" } }),
    TypeError,
  );
  await rejects(Promise.reject(new HTTPError(404)), HTTPError);
});
