import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  type AnyXMLRPCMethods,
  ForkingSimpleXMLRPCServer,
  ServerProxy,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  ThreadingSimpleXMLRPCServer,
  XMLRPCClient,
  type XMLRPCClientOptions,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { TLSServer, UnixStreamServer } from "../../mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Child, Folder } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { testCarriers } from "./_carriers.ts";
import { urlOf } from "./_client.ts";
import { Everywhere } from "./_handlers.ts";
import { answer, http, RawServer } from "./_raw_server.ts";

/** What `Everywhere` has. */
interface Methods {
  add(a: number, b: number): number;
  same<T>(value: T): T;
  pid(): number;
  fail(): never;
}

/** Sees each request of a call. */
class Seen extends SimpleXMLRPCRequestHandler {
  static readonly requests: { path: string; headers: Headers }[] = [];
  static readonly connections = new Set<Deno.Conn>();
  override doPOST(): Promise<void> {
    Seen.requests.push({ path: this.path, headers: this.headers });
    Seen.connections.add(this.request);
    return super.doPOST();
  }
}

function createEcho(Handler = Seen): SimpleXMLRPCServer {
  Seen.requests.length = 0;
  Seen.connections.clear();
  const server = new SimpleXMLRPCServer(LOOPBACK, Handler, {
    logRequests: false,
    allowNil: true,
  });
  server.registerFunction((x: XMLRPCValue) => x, { name: "same" });
  return server;
}

/** Has a server add, fail and take long texts, wherever its handlers run. */
async function exercise(
  url: string,
  options: XMLRPCClientOptions,
): Promise<void> {
  using server = new ServerProxy<Methods>(url, options);
  strictEqual(await server.add(2, 3), 5);
  await rejects(server.fail(), { name: "XMLRPCFault", faultCode: 42 });
  const text = "é&".repeat(100_000);
  strictEqual(await server.same(text), text);
}

testCarriers(
  "a client calls functions on the event loop, in threads and in processes",
  async ({ optionsFor }) => {
    for (
      const starting of [
        new SimpleXMLRPCServer(LOOPBACK, Everywhere),
        new ThreadingSimpleXMLRPCServer(LOOPBACK, Everywhere, { workers: 1 }),
        new ThreadingSimpleXMLRPCServer(LOOPBACK, Everywhere, {
          workers: 1,
          accept: "main",
        }),
        new ForkingSimpleXMLRPCServer(LOOPBACK, Everywhere, { maxChildren: 1 }),
      ]
    ) {
      await using served = await serveForTest(starting);
      await exercise(urlOf(served.server), optionsFor(served.addr));
    }
  },
);

Deno.test("a client calls over a Unix socket", async () => {
  await using folder = new Folder();
  const path = folder.at("socket");
  await using _served = await serveForTest(
    new UnixStreamServer({ path }, Everywhere),
  );
  await exercise("http://localhost", {
    connect: () => Deno.connect({ transport: "unix", path }),
  });
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  await exercise("http://localhost", {
    fetch: (url, init) => fetch(url, { ...init, client }),
  });
});

Deno.test("a client calls over TLS", async () => {
  const { cert, key } = await selfSignedCertificate();
  await using served = await serveForTest(
    new TLSServer({ ...LOOPBACK, cert, key }, Everywhere),
  );
  const { port } = served.addr;
  const url = `https://localhost:${port}/RPC2`;
  await exercise(url, {
    connect: () =>
      Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] }),
  });
  using client = Deno.createHttpClient({ caCerts: [cert] });
  await exercise(url, {
    fetch: (url, init) => fetch(url, { ...init, client }),
  });
});

testCarriers("every type comes back as it was sent", async ({ optionsFor }) => {
  await using served = await serveForTest(createEcho());
  using client = new XMLRPCClient(urlOf(served.server), {
    ...optionsFor(served.addr),
    allowNil: true,
  });
  const values: XMLRPCValue[] = [
    ...[0, -1, 2 ** 31, 0.5, 1e300, 2n ** 40n, true, false, null, "", "é<&>"],
    new Temporal.PlainDateTime(2005, 2, 10, 11, 41, 23),
    new Uint8Array([0, 255]),
    [[], [1, ["a"]]],
    { a: { b: {} }, "": 1 },
  ];
  const again = await client.call("same", [values]) as XMLRPCValue[];
  deepStrictEqual(again, values);
  // All Temporal objects are equal to deepStrictEqual.
  deepStrictEqual(again.map(String), values.map(String));
});

testCarriers(
  "what has no form in XML-RPC is sent to nobody",
  async ({ optionsFor }) => {
    await using served = await serveForTest(createEcho());
    using client = new XMLRPCClient(urlOf(served.server), {
      ...optionsFor(served.addr),
      maxSize: 1000,
    });
    await rejects(client.call("same", [null]), {
      name: "TypeError",
      message: /set allowNil/,
    });
    await rejects(client.call("same", [() => 1]), TypeError);
    await rejects(client.call("same", [NaN]), RangeError);
    await rejects(client.call("same", ["x".repeat(1001)]), {
      name: "RangeError",
      message: /longer than maxSize, 1000 characters/,
    });
    await rejects(client.call("a\0b"), TypeError);
    await rejects(client.call(""), {
      name: "TypeError",
      message: /its name must be a text that is not empty, received ""/,
    });
    await rejects(client.call("same", "x" as unknown as unknown[]), {
      name: "TypeError",
      message: /the parameters must be an array, received "x"/,
    });
    strictEqual(Seen.requests.length, 0);
  },
);

testCarriers(
  "headers, names and passwords are sent",
  async ({ optionsFor }) => {
    await using served = await serveForTest(createEcho());
    const call = async (url: string, headers?: HeadersInit) => {
      using client = new XMLRPCClient(url, {
        ...optionsFor(served.addr),
        ...headers === undefined ? {} : { headers },
      });
      strictEqual(await client.call("same", [1]), 1);
      return { client, ...Seen.requests.at(-1)! };
    };
    const url = urlOf(served.server);
    const plain = await call(url);
    const { host } = new URL(url);
    strictEqual(plain.headers.get("host"), host);
    strictEqual(plain.headers.get("content-type"), "text/xml");
    strictEqual(plain.headers.get("user-agent"), navigator.userAgent);
    strictEqual(plain.headers.get("accept-encoding"), "gzip");
    match(plain.headers.get("content-length")!, /^\d+$/);
    strictEqual(plain.headers.has("transfer-encoding"), false);
    strictEqual(plain.headers.has("authorization"), false);
    const own = await call(url, {
      Authorization: "Bearer x",
      "Content-Type": "text/xml; charset=utf-8",
    });
    strictEqual(own.headers.get("authorization"), "Bearer x");
    strictEqual(own.headers.get("content-type"), "text/xml; charset=utf-8");
    const basic = await call(url.replace("//", "//us%C3%A9r:p%3Aw@"));
    strictEqual(
      basic.headers.get("authorization"),
      `Basic ${new TextEncoder().encode("usér:p:w").toBase64()}`,
    );
    strictEqual(basic.client.url, url);
    const nameAlone = await call(url.replace("//", "//user@"));
    strictEqual(
      nameAlone.headers.get("authorization"),
      `Basic ${new TextEncoder().encode("user:").toBase64()}`,
    );
    const pairs: [string, string][] = [["X-Test", "foo"], ["X-Second", "bar"]];
    const names = [...plain.headers.keys()];
    for (
      const [headers, expected] of [
        [[], []],
        [pairs.slice(0, 1), pairs.slice(0, 1)],
        [pairs, pairs],
        [new Headers(pairs), pairs],
        [Object.fromEntries(pairs), pairs],
      ] as const
    ) {
      const sent = await call(url, headers as HeadersInit);
      for (const [name, value] of expected) {
        strictEqual(sent.headers.get(name), value);
      }
      // And no others.
      deepStrictEqual(
        [...sent.headers.keys()].sort(),
        [...names, ...expected.map(([name]) => name.toLowerCase())].sort(),
      );
    }
  },
);

testCarriers(
  "the path is the URL's, and /RPC2 where a text has none",
  async ({ optionsFor }) => {
    await using served = await serveForTest(createEcho());
    const { hostname, port } = served.addr;
    const origin = `http://${hostname}:${port}`;
    for (
      const [url, path] of [
        [origin, "/RPC2"],
        [`${origin}#part`, "/RPC2"],
        [`${origin}/`, "/"],
        [new URL(origin), "/"],
        [`${origin}/RPC2#part`, "/RPC2"],
      ] as const
    ) {
      using client = new XMLRPCClient(url, optionsFor(served.addr));
      strictEqual(await client.call("same", [1]), 1);
      strictEqual(Seen.requests.at(-1)!.path, path);
    }
    using client = new XMLRPCClient(`${origin}?a=1`, optionsFor(served.addr));
    await rejects(client.call("same", [1]), { status: 404 });
    strictEqual(client.url, `${origin}/?a=1`);
  },
);

Deno.test("long answers are compressed, and inflated", async () => {
  await using served = await serveForTest(createEcho());
  using client = new XMLRPCClient(urlOf(served.server), {
    connect: () => Deno.connect({ port: served.addr.port }),
  });
  const text = "spam".repeat(10_000);
  strictEqual(await client.call("same", [text]), text);
});

Deno.test("calls one after the other go over one connection, those at once over several", async () => {
  await using served = await serveForTest(createEcho());
  using client = new XMLRPCClient(urlOf(served.server), {
    connect: () => Deno.connect({ port: served.addr.port }),
  });
  for (let n = 0; n < 5; n++) strictEqual(await client.call("same", [n]), n);
  strictEqual(Seen.connections.size, 1);
  await Promise.all([1, 2, 3].map((n) => client.call("same", [n])));
  strictEqual(Seen.connections.size, 3);
});

Deno.test("a call is one write: its body does not wait for its head to be acknowledged", async () => {
  await using served = await serveForTest(createEcho());
  let writes = 0;
  using client = new XMLRPCClient(urlOf(served.server), {
    connect: async () => {
      const conn = await Deno.connect({ port: served.addr.port });
      const write = conn.write.bind(conn);
      conn.write = (data) => {
        writes++;
        return write(data);
      };
      return conn;
    },
  });
  for (let n = 1; n <= 3; n++) {
    await client.call("same", [n]);
    strictEqual(writes, n);
  }
});

/** A connection that says when it is closed. */
async function watched(
  port: number,
): Promise<{ conn: Deno.Conn; closed: Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const conn = await Deno.connect({ port });
  const close = conn.close.bind(conn);
  conn.close = () => {
    close();
    resolve();
  };
  return { conn, closed: promise };
}

/** What a server does with a connection that carries no call. */
const IDLE_ENDS: Record<string, [headers: string, then: string]> = {
  "that the server closes": ["", ""],
  "that the server says it closes": ["Keep-Alive: timeout=2\r\n", "wait"],
  "that the server does not keep": ["Connection: close\r\n", "wait"],
  "that brings what nobody asked for": [
    "",
    new TextDecoder().decode(http(answer("poison"))),
  ],
};

for (const [which, [headers, then]] of Object.entries(IDLE_ENDS)) {
  Deno.test(`a connection ${which} is closed, and the next call has its own`, async () => {
    let first = true;
    await using server = new RawServer(async (client) => {
      const poisons = first;
      first = false;
      while (await client.next()) {
        await client.send(http(answer("right"), headers));
        if (!poisons) continue;
        if (then === "") return;
        if (then !== "wait") await client.send(then);
        return await client.untilGone();
      }
    });
    const closes: Promise<void>[] = [];
    using client = new XMLRPCClient(server.url, {
      connect: async () => {
        const { conn, closed } = await watched(server.addr.port);
        closes.push(closed);
        return conn;
      },
    });
    strictEqual(await client.call("spam"), "right");
    await patiently(closes[0]!, () => "the end of the connection");
    strictEqual(await client.call("spam"), "right");
    strictEqual(server.accepted, 2);
  });
}

testCarriers(
  "a call that a kept connection does not answer fails, and is made once",
  async ({ name, optionsFor }) => {
    let requests = 0;
    await using server = new RawServer(async (client) => {
      while (await client.next()) {
        if (++requests === 2) return;
        await client.send(http(answer("right")));
        // fetch would keep the connection, and the server wait for it.
        if (requests === 3) return;
      }
    });
    using client = new XMLRPCClient(server.url, optionsFor(server.addr));
    strictEqual(await client.call("spam"), "right");
    await rejects(
      client.call("spam"),
      name === "fetch"
        ? { name: "TypeError" }
        : { name: "ConnectionReset", message: /it had carried other calls/ },
    );
    deepStrictEqual([requests, server.accepted], [2, 1]);
    strictEqual(await client.call("spam"), "right");
    strictEqual(server.accepted, 2);
  },
);

Deno.test("two answers to one call end the connection, and the second is nobody's", async () => {
  await using server = new RawServer(async (client) => {
    while (await client.next()) {
      await client.send(
        new Uint8Array([...http(answer("right")), ...http(answer("poison"))]),
      );
    }
  });
  using client = new XMLRPCClient(server.url, {
    connect: () => Deno.connect({ port: server.addr.port }),
  });
  for (let n = 1; n <= 3; n++) {
    strictEqual(await client.call("spam"), "right");
    strictEqual(server.accepted, n);
  }
});

testCarriers(
  "a signal ends a call, before and while it is under way",
  async ({ optionsFor }) => {
    const asked = Promise.withResolvers<void>();
    await using server = new RawServer(async (client) => {
      if (!await client.next()) return;
      asked.resolve();
      await client.untilGone();
    });
    const ending = new AbortController();
    using client = new XMLRPCClient(server.url, optionsFor(server.addr));
    const call = client.call("spam", [], { signal: ending.signal });
    const rejected = rejects(call, /enough/);
    await asked.promise;
    ending.abort(new Error("enough"));
    await rejected;
    await rejects(client.call("spam", [], { signal: ending.signal }), /enough/);
    using ended = new XMLRPCClient(server.url, {
      ...optionsFor(server.addr),
      signal: ending.signal,
    });
    await rejects(ended.call("spam"), /enough/);
    strictEqual(server.accepted, 1);
  },
);

testCarriers(
  "close() ends calls that are under way, and refuses others",
  async ({ optionsFor }) => {
    const asked = Promise.withResolvers<void>();
    await using server = new RawServer(async (client) => {
      if (!await client.next()) return;
      asked.resolve();
      await client.untilGone();
    });
    const client = new XMLRPCClient(server.url, optionsFor(server.addr));
    const rejected = rejects(client.call("spam"), {
      name: "BadResource",
      message: /^Cannot call http:.*: the client is closed$/,
    });
    await asked.promise;
    client.close();
    client.close();
    await rejected;
    await rejects(client.call("spam"), Deno.errors.BadResource);
    strictEqual(server.accepted, 1);
  },
);

Deno.test("a connection that comes after all calls have ended is closed with the client", async () => {
  await using served = await serveForTest(createEcho());
  const wanted = Promise.withResolvers<void>();
  const come = Promise.withResolvers<void>();
  let closed: Promise<void> | undefined;
  const client = new XMLRPCClient(urlOf(served.server), {
    timeout: 10,
    connect: async () => {
      wanted.resolve();
      await come.promise;
      const connection = await watched(served.addr.port);
      closed = connection.closed;
      return connection.conn;
    },
  });
  await rejects(client.call("same", [1]), { name: "TimeoutError" });
  await wanted.promise;
  client.close();
  come.resolve();
  await patiently(
    (async () => {
      while (closed === undefined) await new Promise((r) => setTimeout(r, 1));
      await closed;
    })(),
    () => "the end of the connection",
  );
});

Deno.test("what connect throws is what a call rejects with", async () => {
  const refused = new Deno.errors.ConnectionRefused("nobody is there");
  const call = (connect: () => Promise<Deno.Conn>) =>
    new XMLRPCClient("http://localhost", { connect }).call("spam");
  await rejects(call(() => Promise.reject(refused)), (e) => e === refused);
  await rejects(call(() => Promise.reject(undefined)), /connect threw undefin/);
  await rejects(
    call(() => {
      throw refused;
    }),
    (e) => e === refused,
  );
  await rejects(call(() => Promise.resolve({} as Deno.Conn)), {
    name: "TypeError",
    message: "Cannot call: connect must give a Deno.Conn, received {}",
  });
});

Deno.test("what fetch gives must be a response", async () => {
  using client = new XMLRPCClient("http://localhost", {
    fetch: () => Promise.resolve({} as Response),
  });
  await rejects(client.call("spam"), {
    name: "TypeError",
    message: "Cannot call: fetch must give a Response, received {}",
  });
});

Deno.test("an answer that comes after the call has ended is let go", async () => {
  const cancelled = Promise.withResolvers<void>();
  const come = Promise.withResolvers<void>();
  using client = new XMLRPCClient("http://localhost", {
    timeout: 10,
    fetch: async () => {
      await come.promise;
      return new Response(
        new ReadableStream({ cancel: () => cancelled.resolve() }),
      );
    },
  });
  await rejects(client.call("spam"), { name: "TimeoutError" });
  come.resolve();
  await patiently(cancelled.promise, () => "the end of the body");
});

Deno.test("a connection that fails is what a call rejects with", async () => {
  const failed = new Deno.errors.BrokenPipe("it is broken");
  const broken = (part: Partial<Deno.Conn>) => () =>
    Promise.resolve({
      read: () => new Promise<null>(() => {}),
      write: (data: Uint8Array) => Promise.resolve(data.length),
      close: () => {},
      ...part,
    } as unknown as Deno.Conn);
  for (
    const part of [
      { read: () => Promise.reject(failed) },
      { write: () => Promise.reject(failed) },
    ]
  ) {
    using client = new XMLRPCClient("http://localhost", {
      connect: broken(part),
    });
    await rejects(client.call("spam"), (error) => error === failed);
  }
});

Deno.test("an idle connection does not keep a program going", async () => {
  await using served = await serveForTest(createEcho());
  const mod = import.meta.resolve("../../server/xmlrpc/mod.ts");
  await using program = new Child(Deno.execPath(), [
    ...["eval", "--quiet"],
    `import { XMLRPCClient } from ${JSON.stringify(mod)};
const client = new XMLRPCClient(${JSON.stringify(urlOf(served.server))}, {
  connect: () => Deno.connect({ port: ${served.addr.port} }),
});
console.log(await client.call("same", [1]), await client.call("same", [2]));`,
  ]);
  const { code, stdout, stderr } = await program.output();
  strictEqual(stderr, "");
  strictEqual(new TextDecoder().decode(stdout), "1 2\n");
  strictEqual(code, 0);
  strictEqual(Seen.connections.size, 1);
});

Deno.test("clients are refused that could not call", () => {
  const refuse = (
    message: RegExp,
    url: unknown,
    options: unknown = {},
    name = "TypeError",
  ) =>
    throws(
      () => new XMLRPCClient(url as string, options as XMLRPCClientOptions),
      { name, message },
    );
  const url = "http://localhost";
  refuse(/"localhost": give a URL that starts with http/, "localhost");
  refuse(/"ftp:\/\/localhost"/, "ftp://localhost");
  refuse(/"http:\/\/…@h:99999\/"/, "http://user:secret@h:99999/");
  refuse(/not percent-encoded UTF-8/, "http://%ff@localhost");
  refuse(/a name has no colon/, "http://a%3Ab:c@localhost");
  refuse(/unknown option "timout"; did you mean "timeout"/, url, { timout: 1 });
  refuse(/must be an object, received null/, url, null);
  refuse(
    /timeout must be a positive number/,
    url,
    { timeout: 0 },
    "RangeError",
  );
  refuse(/timeout must be/, url, { timeout: "1" }, "RangeError");
  refuse(/signal must be an AbortSignal/, url, { signal: 1 });
  refuse(/maxDepth/, url, { maxDepth: 0 }, "RangeError");
  refuse(/allowNil must be true or false, received 1/, url, { allowNil: 1 });
  refuse(/connect must be a function/, url, { connect: {} });
  refuse(/fetch must be a function/, url, { fetch: 1 });
  refuse(/connect or fetch, not both/, url, { connect: fetch, fetch });
  for (const name of ["Content-Length", "Host", "Connection", "Upgrade"]) {
    refuse(/is what the connection decides/, url, { headers: { [name]: "1" } });
  }
  refuse(/Header|header/, url, { headers: { "a b": "1" } });
  refuse(/both the URL and the headers say who calls/, "http://u:p@localhost", {
    headers: { authorization: "x" },
  });
});

Deno.test("calls are refused whose options are wrong", async () => {
  using client = new XMLRPCClient("http://localhost");
  const call = (options: unknown) => client.call("spam", [], options as object);
  await rejects(call({ timout: 1 }), /unknown option "timout"/);
  await rejects(call({ timeout: -1 }), RangeError);
  await rejects(call({ signal: {} }), /signal must be an AbortSignal/);
});

testCarriers(
  "a server that nothing is known of can be called",
  async ({ optionsFor }) => {
    await using served = await serveForTest(createEcho());
    using client = new XMLRPCClient(
      urlOf(served.server),
      optionsFor(served.addr),
    );
    const proxy = new ServerProxy<AnyXMLRPCMethods>(client);
    strictEqual(await proxy.same!(1), 1);
  },
);
