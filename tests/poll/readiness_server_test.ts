import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  createConnection,
  createConnectionSync,
  createServer,
  IPPROTO_TCP,
  type ReadinessConnection,
  type ReadinessHandlers,
  ReadinessServer,
  type ReadinessServerOptions,
  SHUT_WR,
  SO_LINGER,
  Socket,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../../poll/mod.ts";
import { duplicate } from "../../poll/_fcntl.ts";
import { Folder } from "../_program.ts";
import {
  closedDescriptor,
  decode,
  encode,
  failure,
  LOOPBACK,
  MODULE,
  run,
} from "./_sockets.ts";
import { runWithFewDescriptors } from "./_few_descriptors.ts";

/** More than the kernel's buffers at both ends of a connection hold, in bytes. */
const LARGE = 32_000_000;

/** A server that serves until it is disposed. */
class Serving implements AsyncDisposable {
  readonly server: ReadinessServer;
  readonly #ended: Promise<void>;

  constructor(
    handlers: ReadinessHandlers,
    options: ReadinessServerOptions = {},
  ) {
    this.server = new ReadinessServer(LOOPBACK, handlers, options);
    this.#ended = this.server.serveForever();
  }

  connect() {
    return createConnection(this.server.addr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.shutdown();
    await this.#ended;
  }
}

const echo: ReadinessHandlers = {
  data: (connection, bytes) => void connection.send(bytes),
};

Deno.test("ReadinessServer: opened, data and closed, with the connection's state", async () => {
  const notes: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await using serving = new Serving({
    opened(connection) {
      connection.state = "kept";
      notes.push(`opened ${connection.getpeername().transport}`);
    },
    data(connection, bytes) {
      notes.push(`data ${decode(bytes)}`);
      connection.send(decode(bytes).toUpperCase());
    },
    closed(connection, error) {
      notes.push(`closed ${connection.state} ${error}`);
      resolve();
    },
  });
  using client = await serving.connect();
  await client.sendAll(encode("hello"));
  strictEqual(decode(await client.recv(100)), "HELLO");
  strictEqual(serving.server.connections, 1);
  client.shutdown(SHUT_WR);
  await promise;
  deepStrictEqual(notes, ["opened tcp", "data hello", "closed kept undefined"]);
  strictEqual(serving.server.connections, 0);
});

Deno.test("ReadinessServer: what the kernel does not take is sent later, then drained and end", async () => {
  const bytes = new Uint8Array(LARGE).map((_, i) => i * 31);
  let drained = 0;
  await using serving = new Serving({
    opened(connection) {
      connection.send(bytes.subarray(0, LARGE / 2));
      strictEqual(connection.send(bytes.subarray(LARGE / 2)), false);
      ok(connection.buffered > 0);
    },
    data() {},
    drained(connection) {
      drained++;
      connection.end();
    },
  });
  using client = await serving.connect();
  const received = new Uint8Array(bytes.length + 1);
  let at = 0;
  while (true) {
    const count = await client.recvInto(received.subarray(at));
    if (count === 0) break;
    at += count;
  }
  strictEqual(at, bytes.length);
  deepStrictEqual(received.subarray(0, at), bytes);
  strictEqual(drained, 1);
});

Deno.test("ReadinessServer: end waits for what is unsent, and reads no more", async () => {
  await using serving = new Serving({
    opened(connection) {
      connection.send(new Uint8Array(LARGE));
      connection.end();
    },
    data() {
      throw new Error("read after end");
    },
  });
  using client = await serving.connect();
  await client.sendAll(encode("ignored"));
  let total = 0;
  const buffer = new Uint8Array(1_000_000);
  try {
    for (let count; (count = await client.recvInto(buffer)) > 0;) {
      total += count;
    }
  } catch (error) {
    // The kernel resets a connection that is closed with bytes unread.
    ok(error instanceof Deno.errors.ConnectionReset);
  }
  ok(total > LARGE / 2, `${total}`);
});

Deno.test("ReadinessServer: a connection that does not read is not read from", async () => {
  let most = 0;
  const stalled = Promise.withResolvers<void>();
  await using serving = new Serving({
    data(connection, bytes) {
      connection.send(bytes);
      most = Math.max(most, connection.buffered);
      if (most > 0) stalled.resolve();
    },
  }, { maxBuffered: 100_000, bufferSize: 10_000 });
  using client = await serving.connect();
  const bytes = new Uint8Array(LARGE);
  const sending = client.sendAll(bytes);
  await stalled.promise;
  using other = await serving.connect();
  await other.sendAll(encode("not held up"));
  strictEqual(decode(await other.recv(100)), "not held up");
  const buffer = new Uint8Array(1_000_000);
  for (let at = 0; at < bytes.length;) at += await client.recvInto(buffer);
  await sending;
  ok(most > 0 && most <= 110_000, `${most}`);
});

Deno.test("ReadinessServer: a peer that breaks off while it is not read from is closed", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using serving = new Serving({
    opened: (connection) => void connection.send(new Uint8Array(LARGE)),
    data() {},
    closed: (_connection, error) => resolve(error),
  }, { maxBuffered: 0 });
  using client = await serving.connect();
  await client.recv(1);
  client.setsockopt(
    SOL_SOCKET,
    SO_LINGER,
    new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]),
  );
  client.close();
  const error = await promise;
  ok(
    error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe,
    String(error),
  );
});

Deno.test("ReadinessServer: a handler that throws costs its connection alone", async () => {
  const errors: unknown[] = [];
  await using serving = new Serving({
    opened(connection) {
      connection.state = serving.server.connections;
      if (connection.state === 2) throw new Error("in opened");
    },
    data(connection, bytes) {
      if (decode(bytes) === "throw") throw "in data";
      connection.send(bytes);
    },
    closed: (_connection, error) => errors.push(error),
  });
  using one = await serving.connect();
  await one.sendAll(encode("fine"));
  strictEqual(decode(await one.recv(10)), "fine");
  using two = await serving.connect();
  strictEqual((await two.recv(1)).length, 0);
  await one.sendAll(encode("throw"));
  strictEqual((await one.recv(1)).length, 0);
  deepStrictEqual(errors.map(String), [
    "Error: in opened",
    'Error: A handler threw "in data"',
  ]);
});

Deno.test("ReadinessServer: at maxConnections the others wait, and are served then", async () => {
  let most = 0;
  await using serving = new Serving({
    opened: () => most = Math.max(most, serving.server.connections),
    data: (connection, bytes) => void connection.send(bytes),
  }, { maxConnections: 3 });
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    using client = await serving.connect();
    await client.sendAll(encode(`${i}`));
    return decode(await client.recv(10));
  }));
  deepStrictEqual(answers, answers.map((_, i) => `${i}`));
  strictEqual(most, 3);
});

Deno.test("ReadinessServer: at maxConnections, one closed out of the loop makes room", async () => {
  const opened: ReadinessConnection[] = [];
  await using serving = new Serving({
    opened: (connection) => void opened.push(connection),
    data: (connection, bytes) => void connection.send(bytes),
  }, { maxConnections: 1 });
  using one = await serving.connect();
  await one.sendAll(encode("x"));
  await one.recv(1);
  // The loop waits, with nothing else to wake it.
  await new Promise((resolve) => setTimeout(resolve));
  opened[0]!.close();
  using two = await serving.connect();
  two.setTimeout(10_000);
  await two.sendAll(encode("room"));
  strictEqual(decode(await two.recv(10)), "room");
});

Deno.test("ReadinessServer: a closed handler that throws is printed, and costs nothing", async () => {
  const { code, stdout, stderr } = await run(
    ["--allow-ffi"],
    `import { createConnection, ReadinessServer } from ${MODULE};
    const server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
      data: (connection, bytes) => void connection.send(bytes),
      closed() {
        throw new Error("in closed");
      },
    });
    const ended = server.serveForever();
    for (const length of [1, 2]) {
      using client = await createConnection(server.addr);
      await client.sendAll(new Uint8Array(length));
      console.log((await client.recv(10)).length);
    }
    server.shutdown();
    await ended;
    console.log("ended");`,
  );
  deepStrictEqual({ code, stdout }, { code: 0, stdout: "1\n2\nended\n" });
  strictEqual(stderr.match(/Error: in closed/g)?.length, 2, stderr);
});

Deno.test("ReadinessServer: what cannot be taken over stays as it was", () => {
  using listener = createServer(LOOPBACK);
  using server = new ReadinessServer(LOOPBACK, echo);
  const shared = server.share();
  const missing = closedDescriptor();
  throws(
    () => new ReadinessServer({ ...shared, listener: missing }, echo),
    Deno.errors.BadResource,
  );
  throws(
    () => new ReadinessServer({ ...shared, stop: NaN }, echo),
    TypeError,
  );
  throws(
    () => new ReadinessServer({ ...shared, listener: listener.fileno() }, echo),
    Deno.errors.Busy,
  );
  // Neither descriptor has an owner after that.
  const second = new ReadinessServer(shared, echo);
  deepStrictEqual(second.addr, server.addr);
  second.close();
});

Deno.test("ReadinessServer: one that cannot be made leaves no descriptor", async () => {
  const program = `import { ReadinessServer, Socket } from ${MODULE};
    const address = { hostname: "127.0.0.1", port: 0 };
    const make = () => new ReadinessServer(address, { data() {} }).close();
    make();
    const held = [];
    const fill = () => {
      try {
        while (true) held.push(new Socket());
      } catch (error) {
        return held.length;
      }
    };
    const room = fill();
    // It needs three: without the first, the second and the third of them.
    for (let free = 0; free < 3; free++) {
      for (let i = 0; i < free; i++) held.pop().close();
      try {
        make();
      } catch (error) {
        console.log(error.code, fill() === room);
      }
    }`;
  await using folder = new Folder();
  const file = folder.at("program.ts");
  await Deno.writeTextFile(file, program);
  strictEqual(await runWithFewDescriptors(file), "EMFILE true\n".repeat(3));
});

Deno.test("ReadinessServer: handlers may close, end and send to any connection", async () => {
  const all: ReadinessConnection[] = [];
  await using serving = new Serving({
    opened: (connection) => void all.push(connection),
    data(connection, bytes) {
      for (const each of all) {
        if (!each.closed) each.send(bytes);
      }
      for (const each of all) if (each !== connection) each.close();
      connection.end();
    },
  });
  using one = await serving.connect();
  using two = await serving.connect();
  await one.sendAll(encode("to all"));
  for (const client of [one, two]) {
    strictEqual(decode(await client.recv(100)), "to all");
    strictEqual((await client.recv(100)).length, 0);
  }
  const closed = all[0]!;
  strictEqual(closed.closed, true);
  throws(() => closed.send("x"), Deno.errors.BadResource);
  throws(() => closed.getpeername(), Deno.errors.BadResource);
  closed.close();
});

Deno.test("ReadinessServer: a handler that gives the buffer away gets another", async () => {
  await using serving = new Serving({
    data(connection, bytes) {
      connection.send(bytes);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    },
  });
  using client = await serving.connect();
  for (const text of ["one", "two", "three"]) {
    await client.sendAll(encode(text));
    strictEqual(decode(await client.recv(100)), text);
  }
});

Deno.test("ReadinessServer: send of what is no bytes throws in the handler", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using serving = new Serving({
    data: (connection) => void connection.send(1 as unknown as string),
    closed: (_connection, error) => resolve(error),
  });
  using client = await serving.connect();
  await client.sendAll(encode("x"));
  ok(await promise instanceof TypeError);
});

Deno.test("ReadinessServer: shutdown in a handler, a signal, and close end it", async () => {
  const stopping = new ReadinessServer(LOOPBACK, {
    data: () => stopping.shutdown(),
  });
  let ended = stopping.serveForever();
  ok(await failure(() => stopping.serveForever()) instanceof Deno.errors.Busy);
  using client = await createConnection(stopping.addr);
  await client.sendAll(encode("x"));
  await ended;
  strictEqual((await client.recv(1)).length, 0);
  stopping.shutdown();
  stopping.close();
  ok(
    await failure(() => stopping.serveForever()) instanceof
      Deno.errors.BadResource,
  );
  throws(() => stopping.share(), Deno.errors.BadResource);

  const aborted = new ReadinessServer(LOOPBACK, echo);
  const abort = new AbortController();
  ended = aborted.serveForever({ signal: abort.signal });
  setTimeout(() => abort.abort(), 1);
  await ended;

  const closed = new ReadinessServer(LOOPBACK, echo);
  ended = closed.serveForever();
  setTimeout(() => closed.close(), 1);
  await ended;
});

Deno.test("ReadinessServer: on a Unix path, blocking its thread", async () => {
  await using folder = new Folder();
  const path = folder.at("s");
  using server = new ReadinessServer({ path }, {
    data(_connection, bytes) {
      strictEqual(decode(bytes), "stop");
      server.shutdown();
    },
  });
  using client = createConnectionSync({ path });
  client.sendSync(encode("stop"));
  server.serveForeverSync();
  strictEqual(client.recvSync(1).length, 0);
});

Deno.test("ReadinessServer: options that are none throw", () => {
  for (
    const options of [
      { maxConnections: 0 },
      { maxConnections: NaN },
      { bufferSize: 0 },
      { maxBuffered: -1 },
      { backlog: -1 },
    ]
  ) {
    throws(() => new ReadinessServer(LOOPBACK, echo, options));
  }
});

Deno.test("ReadinessServer: several Workers serve one listening socket", async () => {
  const server = new ReadinessServer(LOOPBACK, echo);
  const code = `import { ReadinessServer } from ${MODULE};
    onmessage = ({ data: { shared, name } }) => {
      const server = new ReadinessServer(shared, {
        data: (connection) => void connection.send(name),
      });
      postMessage("ready");
      server.serveForeverSync();
      postMessage("stopped");
    };`;
  const workers = ["a", "b"].map((name) => {
    const worker = new Worker(
      `data:text/javascript,${encodeURIComponent(code)}`,
      { type: "module", name },
    );
    worker.postMessage({ shared: server.share(), name });
    return worker;
  });
  const told = (worker: Worker) =>
    new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  await Promise.all(workers.map(told));
  const names = new Set<string>();
  const address = server.addr;
  // Whichever thread is awake first accepts: both do sooner or later.
  for (let i = 0; i < 5000 && names.size < 2; i++) {
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => createConnection(address)),
    );
    for (const client of clients) await client.sendAll(encode("?"));
    for (const client of clients) {
      names.add(decode(await client.recv(10)));
      client.close();
    }
  }
  deepStrictEqual([...names].sort(), ["a", "b"]);
  const stopped = workers.map(told);
  server.shutdown();
  deepStrictEqual(await Promise.all(stopped), ["stopped", "stopped"]);
  server.close();
  for (const worker of workers) worker.terminate();
});

Deno.test("ReadinessServer: out of descriptors it pauses, and goes on", async () => {
  const program =
    `import { createConnectionSync, ReadinessServer, Socket } from ${MODULE};
    const server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
      data: (connection, bytes) => void connection.send(bytes),
    });
    const ended = server.serveForever();
    const clients = [];
    // As many as there are descriptors for, so that none is left to the server.
    try {
      while (true) {
        clients.push(createConnectionSync(server.addr));
      }
    } catch (error) {
      console.log(error.code);
    }
    // The server comes to its turn, and finds no descriptor either.
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const client of clients.splice(5)) client.close();
    for (const client of clients) {
      await client.sendAll(new Uint8Array(3));
      console.log((await client.recv(10)).length);
      client.close();
    }
    server.shutdown();
    await ended;`;
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/program.ts`;
    await Deno.writeTextFile(file, program);
    strictEqual(
      await runWithFewDescriptors(file),
      "EMFILE\n" + "3\n".repeat(5),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ReadinessServer needs --allow-ffi alone", async () => {
  const { stdout, stderr } = await run(
    ["--allow-ffi"],
    `import { createConnection, ReadinessServer } from ${MODULE};
    using server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
      data: (connection, bytes) => void connection.send(bytes),
    });
    const ended = server.serveForever();
    using client = await createConnection(server.addr);
    await client.sendAll(new Uint8Array(4));
    console.log((await client.recv(10)).length);
    server.shutdown();
    await ended;`,
  );
  strictEqual(stdout, "4\n", stderr);
});

Deno.test("ReadinessServer: what is sent in two calls is not held back", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  await using serving = new Serving({
    opened(connection) {
      const action = "look at a connection";
      using same = Socket.fromFd(duplicate(connection.fileno(), action));
      resolve(same.getsockopt(IPPROTO_TCP, TCP_NODELAY));
    },
    data() {},
  });
  using _client = await serving.connect();
  strictEqual(await promise, 1);
});
