// ReadinessServer: a client that has ended its side still gets its answer.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  createConnection,
  createConnectionSync,
  type ReadinessConnection,
  type ReadinessHandlers,
  ReadinessServer,
  type ReadinessServerOptions,
  SHUT_WR,
  SO_LINGER,
  type Socket,
  SOL_SOCKET,
} from "../../poll/mod.ts";
import { decode, encode, LOOPBACK, MODULE, run } from "./_sockets.ts";

/** A server that serves until it is disposed, on TCP or a Unix path. */
class Serving implements AsyncDisposable {
  readonly server: ReadinessServer;
  readonly #ended: Promise<void>;

  constructor(
    handlers: ReadinessHandlers,
    options: ReadinessServerOptions = {},
    unix = false,
  ) {
    const address = unix ? { path: `\0${crypto.randomUUID()}` } : LOOPBACK;
    this.server = new ReadinessServer(address, handlers, options);
    this.#ended = this.server.serveForever();
  }

  async ask(text: string): Promise<Socket> {
    const client = await createConnection(this.server.addr);
    client.setTimeout(10_000);
    await client.sendAll(encode(text));
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.shutdown();
    await this.#ended;
  }
}

async function readAll(client: Socket): Promise<string> {
  let text = "";
  for (let bytes; (bytes = await client.recv(100_000)).length > 0;) {
    text += decode(bytes);
  }
  return text;
}

const LATER = 20;

for (const unix of [false, true]) {
  const on = unix ? "a Unix path" : "TCP";

  Deno.test(`a client that has ended its side gets an answer that comes later, on ${on}`, async () => {
    await using serving = new Serving(
      {
        data(connection, bytes) {
          const text = decode(bytes);
          setTimeout(() => {
            connection.send(`late ${text}`);
            connection.end();
          }, LATER);
        },
      },
      {},
      unix,
    );
    using client = await serving.ask("hello");
    client.shutdown(SHUT_WR);
    strictEqual(await readAll(client), "late hello");
    strictEqual(serving.server.connections, 0);
  });

  Deno.test(`and gets all parts of it, and the end after halfClosedTimeout, on ${on}`, async () => {
    await using serving = new Serving(
      {
        data(connection) {
          let part = 0;
          const timer = setInterval(() => {
            connection.send(`part ${++part} `);
            if (part === 3) clearInterval(timer);
          }, LATER);
        },
      },
      { halfClosedTimeout: 500 },
      unix,
    );
    using client = await serving.ask("hello");
    client.shutdown(SHUT_WR);
    strictEqual(await readAll(client), "part 1 part 2 part 3 ");
  });

  Deno.test(`what was answered at once is closed at once, on ${on}`, async () => {
    await using serving = new Serving(
      {
        data: (connection, bytes) => void connection.send(bytes),
      },
      { halfClosedTimeout: 3_600_000 },
      unix,
    );
    using client = await serving.ask("hello");
    client.shutdown(SHUT_WR);
    strictEqual(await readAll(client), "hello");
    // One that has said nothing is owed nothing.
    using silent = await serving.ask("");
    silent.shutdown(SHUT_WR);
    strictEqual(await readAll(silent), "");
  });

  Deno.test(`ended decides, and connections stay open until it does, on ${on}`, async () => {
    const notes: string[] = [];
    let received = 0;
    await using serving = new Serving(
      {
        data: (connection, bytes) => {
          received += bytes.length;
          connection.send("ok ");
        },
        ended(connection) {
          notes.push(`ended ${connection.peerEnded}`);
          setTimeout(() => {
            connection.send(`${received} bytes`);
            connection.end();
          }, LATER);
        },
        closed: (connection, error) =>
          void notes.push(`closed ${connection.peerEnded} ${error}`),
      },
      { halfClosedTimeout: 0 },
      unix,
    );
    using client = await serving.ask("hello");
    strictEqual(decode(await client.recv(100)), "ok ");
    client.shutdown(SHUT_WR);
    strictEqual(await readAll(client), "5 bytes");
    deepStrictEqual(notes, ["ended true", "closed true undefined"]);
  });

  Deno.test(`with halfClosedTimeout 0 an end closes, as when all was answered, on ${on}`, async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using serving = new Serving(
      {
        data() {},
        closed: (_connection, error) => resolve(error),
      },
      { halfClosedTimeout: 0 },
      unix,
    );
    using client = await serving.ask("hello");
    client.shutdown(SHUT_WR);
    strictEqual(await readAll(client), "");
    strictEqual(await promise, undefined);
  });

  Deno.test(`one that is never answered is closed after halfClosedTimeout, on ${on}`, async () => {
    await using serving = new Serving(
      { data() {} },
      { halfClosedTimeout: 10 },
      unix,
    );
    using one = await serving.ask("hello");
    using other = await serving.ask("hello");
    one.shutdown(SHUT_WR);
    other.shutdown(SHUT_WR);
    strictEqual(await readAll(one), "");
    strictEqual(await readAll(other), "");
    strictEqual(serving.server.connections, 0);
  });

  Deno.test(`a large answer comes whole, also to one that reads it after halfClosedTimeout, on ${on}`, async () => {
    const sent = Promise.withResolvers<number>();
    await using serving = new Serving(
      {
        data(connection) {
          setTimeout(() => {
            connection.send(new Uint8Array(8_000_000));
            sent.resolve(performance.now());
          }, LATER);
        },
      },
      { halfClosedTimeout: 2 * LATER },
      unix,
    );
    using client = await serving.ask("hello");
    client.shutdown(SHUT_WR);
    const due = await sent.promise + 3 * LATER;
    while (performance.now() < due) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    const buffer = new Uint8Array(100_000);
    let total = 0;
    for (let count; (count = await client.recvInto(buffer)) > 0;) {
      total += count;
    }
    strictEqual(total, 8_000_000);
  });
}

Deno.test("a client that has closed is noticed at once on a Unix path, by an answer over TCP", async () => {
  for (const unix of [true, false]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const open = Promise.withResolvers<ReadinessConnection>();
    await using serving = new Serving(
      {
        opened: (connection) => open.resolve(connection),
        data() {},
        closed: () => resolve(),
      },
      { halfClosedTimeout: 3_600_000 },
      unix,
    );
    const client = await serving.ask("hello");
    const connection = await open.promise;
    client.close();
    // The first one meets a reset, which closes it.
    if (!unix) connection.send("anybody there?");
    await promise;
  }
});

Deno.test("a client that breaks off while it waits for an answer is an error", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const came = Promise.withResolvers<void>();
  await using serving = new Serving({
    data: () => came.resolve(),
    closed: (_connection, error) => resolve(error),
  }, { halfClosedTimeout: 3_600_000 });
  const client = await serving.ask("hello");
  await came.promise;
  client.setsockopt(
    SOL_SOCKET,
    SO_LINGER,
    new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]),
  );
  client.close();
  ok(await promise instanceof Deno.errors.ConnectionReset);
});

Deno.test("at maxConnections the one that waits longest for an answer gives its place away", async () => {
  const closed: unknown[] = [];
  const all: ReadinessConnection[] = [];
  await using serving = new Serving({
    opened: (connection) => connection.state = all.push(connection),
    data(connection, bytes) {
      if (decode(bytes) === "answer") connection.send("answer");
    },
    closed: (connection) => closed.push(connection.state),
  }, { maxConnections: 2, halfClosedTimeout: 3_600_000 });
  using first = await serving.ask("first");
  first.shutdown(SHUT_WR);
  while (!all[0]?.peerEnded) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  for (let i = 0; i < 3; i++) {
    using next = await serving.ask("answer");
    strictEqual(await next.recv(100).then(decode), "answer");
  }
  strictEqual((await first.recv(100)).length, 0);
  strictEqual(closed[0], 1);
});

Deno.test("shutdown closes those that wait for an answer", async () => {
  const came = Promise.withResolvers<void>();
  const serving = new Serving(
    { data: () => came.resolve() },
    { halfClosedTimeout: 3_600_000 },
  );
  using client = await serving.ask("hello");
  client.shutdown(SHUT_WR);
  await came.promise;
  await serving[Symbol.asyncDispose]();
  strictEqual((await client.recv(1)).length, 0);
});

Deno.test("serveForeverSync keeps the time of those that wait, too", () => {
  using server = new ReadinessServer(LOOPBACK, {
    data() {},
    closed: () => server.shutdown(),
  }, { halfClosedTimeout: 5 });
  using client = createConnectionSync(server.addr);
  client.sendSync(encode("hello"));
  client.shutdown(SHUT_WR);
  server.serveForeverSync();
  strictEqual(client.recvSync(1).length, 0);
});

Deno.test("what ended throws costs its connection alone", async () => {
  const errors: unknown[] = [];
  await using serving = new Serving({
    data: (connection, bytes) => void connection.send(bytes),
    ended() {
      throw new Error("in ended");
    },
    closed: (_connection, error) => errors.push(error),
  });
  using one = await serving.ask("one");
  using two = await serving.ask("two");
  one.shutdown(SHUT_WR);
  strictEqual(await readAll(one), "one");
  strictEqual(decode(await two.recv(100)), "two");
  deepStrictEqual(errors.map(String), ["Error: in ended"]);
});

Deno.test("handlers and options that nobody would look at are refused by name", () => {
  const make = (handlers: unknown, options?: unknown) => () =>
    new ReadinessServer(
      LOOPBACK,
      handlers as ReadinessHandlers,
      options as ReadinessServerOptions,
    );
  const data = () => {};
  for (
    const [call, message] of [
      [make({}), /undefined as the handler data\(\)/],
      [make({ data: 1 }), /1 as the handler data\(\)/],
      [make({ data, opened: {} }), /the handler opened\(\)/],
      [make({ *data() {} }), /a generator function as the handler data\(\)/],
      [
        make({ data, async *drained() {} }),
        /a generator function as the handler drained\(\)/,
      ],
      [make({ data, close: data }), /close\(\).*did you mean closed\(\)\?/],
      [make({ data, drain: data }), /drain\(\).*did you mean drained\(\)\?/],
      [make(null), /null as handlers/],
      [make({ data }, { maxConnection: 1 }), /did you mean "maxConnections"\?/],
      [make({ data }, { keepAlive: true }), /the option "keepAlive"/],
      [make({ data }, 5), /5 as options/],
    ] as const
  ) throws(call, { name: "TypeError", message });
  throws(make({ data }, { halfClosedTimeout: -1 }), RangeError);
  // Whatever else the handlers keep is theirs.
  make({ data, count: 5, send: data, data2: 1 })().close();
});

Deno.test("a server without handlers for it needs no other grant", async () => {
  const { stdout, stderr } = await run(
    ["--allow-ffi"],
    `import { createConnection, ReadinessServer, SHUT_WR } from ${MODULE};
    using server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
      data: (connection) => void setTimeout(() => {
        connection.send("late");
        connection.end();
      }, 50),
    });
    const ended = server.serveForever();
    using client = await createConnection(server.addr);
    await client.sendAll(new TextEncoder().encode("hello"));
    client.shutdown(SHUT_WR);
    console.log(new TextDecoder().decode(await client.recv(100)));
    console.log((await client.recv(100)).length);
    server.shutdown();
    await ended;`,
  );
  strictEqual(stdout, "late\n0\n", stderr);
});
