// Servers that accept nobody for a while, and limits that change while they serve.

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  UDPServer,
  UnixStreamServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Folder } from "../_program.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";
import { lineServers } from "./_line_servers.ts";
import { Lines, Packets } from "./_lines_handler.ts";

/** A client that talks line by line. */
class Talker implements Disposable {
  readonly #connection: Deno.Conn;
  #closed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async connect(address: Deno.Addr): Promise<Talker> {
    return new Talker(await Deno.connect(address as Deno.ConnectOptions));
  }

  /** Says something, and waits for the answer, `""` if it is the end. */
  async talk(line: string): Promise<string> {
    await this.#connection.write(new TextEncoder().encode(`${line}\n`));
    const buffer = new Uint8Array(100);
    const n = await this.#connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, n ?? 0));
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }
}

/** Something that is awaited, and whether it has come. */
class Awaited {
  came = false;
  readonly #promise: Promise<string>;

  constructor(promise: Promise<string>) {
    this.#promise = promise.finally(() => this.came = true);
  }

  value(what: string): Promise<string> {
    return patiently(this.#promise, () => what);
  }
}

/** So much time goes by that others would have been served, if any were. */
async function longEnough(busy: Talker): Promise<void> {
  for (let i = 0; i < 20; i++) {
    strictEqual(await busy.talk(`${i}`), `<${i}>\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const [where, start] of lineServers(2)) {
  Deno.test(`handlers ${where} go on while their server is suspended, and clients wait`, async () => {
    await using served = await serveForTest(start());
    const { server } = served;
    using busy = await Talker.connect(server.addr);
    strictEqual(await busy.talk("before"), "<before>\n");
    server.suspend();
    server.suspend();
    const waiting = Array.from(
      { length: 8 },
      () => new Awaited(ask(server.addr, "waits")),
    );
    await longEnough(busy);
    deepStrictEqual(waiting.filter(({ came }) => came), []);
    server.resume();
    server.resume();
    for (const each of waiting) {
      strictEqual(await each.value("who has waited"), "<waits>\n");
    }
    strictEqual(await ask(server.addr, "after"), "<after>\n");
    server.suspend();
    server.resume();
    strictEqual(await ask(server.addr, "again"), "<again>\n");
  });

  Deno.test(`a shutdown of a suspended server serves those who wait (${where})`, async () => {
    await using served = await serveForTest(start());
    const { server } = served;
    strictEqual(await ask(server.addr, "first"), "<first>\n");
    server.suspend();
    const waiting = Array.from(
      { length: 8 },
      () => new Awaited(ask(server.addr, "waits")),
    );
    using busy = await Talker.connect(server.addr);
    // They have been let in by the kernel.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = server.shutdown();
    for (const each of waiting) {
      strictEqual(await each.value("who has waited"), "<waits>\n");
    }
    strictEqual(await busy.talk("too"), "<too>\n");
    busy[Symbol.dispose]();
    await patiently(ended, () => "the end of the shutdown");
    server.suspend();
    server.resume();
  });

  Deno.test(`a suspended server can be ended at once (${where})`, async () => {
    await using served = await serveForTest(start());
    const { server } = served;
    using busy = await Talker.connect(server.addr);
    strictEqual(await busy.talk("before"), "<before>\n");
    server.suspend();
    const waiting = new Awaited(
      ask(server.addr, "waits").catch(() => ""),
    );
    await longEnough(busy);
    await patiently(
      server.shutdown({ gracePeriod: 0 }),
      () => "the end of the shutdown",
    );
    strictEqual(await waiting.value("the end"), "");
    for (const error of served.takeErrors()) {
      match(String(error), /did not finish within 0 ms$/);
    }
  });

  Deno.test(`handleRequest() serves nobody while its server is suspended (${where})`, async () => {
    await using server = start({ timeout: 100 });
    let timeouts = 0;
    server.handleTimeout = () => void timeouts++;
    server.suspend();
    const waiting = new Awaited(ask(server.addr, "waits"));
    await server.handleRequest();
    await server.handleRequest();
    deepStrictEqual([timeouts, waiting.came], [2, false]);
    server.resume();
    // Processes and threads may have to start first.
    while (!waiting.came && timeouts < 100) await server.handleRequest();
    strictEqual(await waiting.value("who has waited"), "<waits>\n");
  });

  Deno.test(`maxConnections can be changed while a server serves (${where})`, async () => {
    await using served = await serveForTest(start({ maxConnections: 3 }));
    const { server } = served;
    strictEqual(server.maxConnections, 3);
    const talkers: Talker[] = [];
    const answers: Awaited[] = [];
    const connect = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const talker = await Talker.connect(server.addr);
        talkers.push(talker);
        answers.push(new Awaited(talker.talk("hello")));
      }
    };
    const answered = async (count: number) => {
      for (let i = 0; i < count; i++) {
        strictEqual(await answers[i]!.value(`answer ${i}`), "<hello>\n");
      }
    };
    try {
      await connect(3);
      await answered(3);
      await connect(27);
      await longEnough(talkers[0]!);
      strictEqual(answers.filter(({ came }) => came).length, 3);
      // More than at first; all that are there.
      server.maxConnections = 100;
      strictEqual(server.maxConnections, 100);
      await answered(30);
      // Less than there are: those go on.
      server.maxConnections = 2;
      await connect(1);
      await longEnough(talkers[0]!);
      strictEqual(answers[30]!.came, false);
      for (const talker of talkers.splice(2, 28)) talker[Symbol.dispose]();
      // Two of them are left, and it still waits.
      await longEnough(talkers[0]!);
      strictEqual(answers[30]!.came, false);
      talkers.shift()![Symbol.dispose]();
      strictEqual(await answers[30]!.value("the last"), "<hello>\n");
    } finally {
      for (const talker of talkers) talker[Symbol.dispose]();
    }
  });
}

Deno.test("one client at a time is served where maxConnections becomes 1, by whichever thread", async () => {
  await using served = await serveForTest(Lines, {
    server: ThreadingTCPServer,
    options: { accept: "threads", workers: 3 },
  });
  {
    // All threads have started, and wait for clients.
    const talkers = await Promise.all(
      Array.from({ length: 6 }, () => Talker.connect(served.addr)),
    );
    await Promise.all(talkers.map((talker) => talker.talk("x")));
    for (const talker of talkers) talker[Symbol.dispose]();
  }
  served.server.maxConnections = 1;
  for (let round = 0; round < 5; round++) {
    using first = await Talker.connect(served.addr);
    strictEqual(await first.talk("first"), "<first>\n");
    const second = new Awaited(ask(served.addr, "second"));
    await longEnough(first);
    strictEqual(second.came, false);
    first[Symbol.dispose]();
    strictEqual(await second.value("the second"), "<second>\n");
  }
});

Deno.test("a limit that is none is refused, and changes nothing", async () => {
  await using served = await serveForTest(Lines);
  const { server } = served;
  strictEqual(server.maxConnections, 16_384);
  for (const none of [0, -1, 1.5, NaN, "5", undefined]) {
    throws(() => server.maxConnections = none as number, {
      name: "RangeError",
      message:
        `Cannot change the server: maxConnections must be an integer of at least 1, received ${
          Deno.inspect(none)
        }`,
    });
  }
  strictEqual(server.maxConnections, 16_384);
  server.maxConnections = Infinity;
  strictEqual(server.maxConnections, Infinity);
});

Deno.test("maxConnections is never more than threads and processes take", async () => {
  await using threads = new ThreadingTCPServer(LOOPBACK, Lines, {
    ...{ workers: 2, connectionsPerWorker: 3, accept: "main" },
  });
  await using processes = new ForkingTCPServer(LOOPBACK, Lines, {
    maxChildren: 5,
  });
  deepStrictEqual([threads.maxConnections, processes.maxConnections], [6, 5]);
  threads.maxConnections = processes.maxConnections = 100;
  deepStrictEqual([threads.maxConnections, processes.maxConnections], [6, 5]);
  threads.maxConnections = processes.maxConnections = 4;
  deepStrictEqual([threads.maxConnections, processes.maxConnections], [4, 4]);
});

Deno.test("datagrams and clients of a Unix socket wait while a server is suspended", async () => {
  await using folder = new Folder();
  await using packets = await serveForTest(Packets, { server: UDPServer });
  await using lines = await serveForTest(
    new UnixStreamServer({ path: folder.at("socket") }, Lines),
  );
  const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  const received = async () => {
    const [packet] = await client.receive();
    return new TextDecoder().decode(packet);
  };
  const send = (text: string) =>
    client.send(new TextEncoder().encode(text), packets.addr);
  using busy = await Talker.connect(lines.addr);
  await send("before");
  strictEqual(await received(), "before");
  packets.server.suspend();
  lines.server.suspend();
  const datagram = new Awaited(received());
  await send("waits");
  const connection = new Awaited(ask(lines.addr, "waits"));
  await busy.talk("x");
  strictEqual(datagram.came, false);
  packets.server.resume();
  lines.server.resume();
  strictEqual(await datagram.value("the datagram"), "waits");
  strictEqual(await connection.value("the connection"), "<waits>\n");
  client.close();
});

Deno.test("a server that is suspended before it serves serves nobody until it goes on", async () => {
  await using server = new TCPServer(LOOPBACK, Lines);
  server.suspend();
  server.serveForever();
  const client = await Deno.connect(server.addr);
  await client.write(new TextEncoder().encode("hello\n"));
  await client.closeWrite();
  const answer = new Awaited(readAll(client));
  await new Promise((resolve) => setTimeout(resolve, 50));
  strictEqual(answer.came, false);
  server.resume();
  strictEqual(await answer.value("the answer"), "<hello>\n");
});
