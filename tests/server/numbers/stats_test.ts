import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  DatagramRequestHandler,
  ForkingTCPServer,
  type Recyclable,
  StreamRequestHandler,
  TCPServer,
  ThreadingUDPServer,
  TLSServer,
  UDPServer,
} from "../../../mod.ts";
import { HTTPServer, ThreadingHTTPServer } from "../../../server/http/mod.ts";
import { ask, isDisconnect, LOOPBACK, reset } from "../../_loopback.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";
import { Bare, Lengths, TwicePacket, Watched } from "./_watched_handlers.ts";
import { Client, listWhen, statsWhen, WAYS } from "./_ways.ts";

for (const [way, start] of Object.entries(WAYS)) {
  Deno.test(`a request that has failed is counted once, also where it is closed later, ${way}`, async () => {
    await using served = await start();
    const { server } = served;
    using client = await Client.connect(server);
    await client.send("fail");
    const [lingering] = await listWhen(
      server,
      (list) => list[0]?.state === "lingering",
    );
    strictEqual(await server.closeConnection(lingering!.id), true);
    const { failed, aborted } = await statsWhen(
      server,
      (stats) => stats.lingering === 0,
    );
    deepStrictEqual([failed, aborted.closed], [1, 0]);
    match(String(await served.untilErrors()), /as it was told/);
  });
}

for (const [way, start] of Object.entries(WAYS)) {
  Deno.test(`stats() counts what is in progress, and what was, ${way}`, async () => {
    const before = Date.now();
    await using served = await start();
    const { server } = served;
    const none = server.stats();
    ok(none.since >= before - 1_000 && none.since <= Date.now());
    strictEqual(none.active + none.lingering + none.accepted, 0);
    strictEqual(none.bytesIn + none.bytesOut, 0);
    using one = await Client.connect(server);
    using two = await Client.connect(server);
    using three = await Client.connect(server);
    strictEqual(await one.ask("a"), "a\n");
    strictEqual(await two.ask("four"), "four\n");
    await three.send("fail");
    await three.closed();
    three.conn.close();
    const some = await statsWhen(
      server,
      (stats) => stats.failed === 1 && stats.lingering === 0,
    );
    deepStrictEqual(
      [some.active, some.waiting, some.accepted],
      [2, 0, 3],
    );
    deepStrictEqual([some.bytesIn, some.bytesOut], [2 + 5 + 5, 2 + 5]);
    deepStrictEqual(some.refused, {
      ...{ verify: 0, late: 0, proxy: 0 },
      ...{ deny: 0, perAddress: 0, rate: 0 },
    });
    one.conn.close();
    two.conn.close();
    const all = await statsWhen(server, (stats) => stats.active === 0);
    strictEqual(all.accepted, 3);
    await server.shutdown();
    const { active, lingering, failed, timedOut } = server.stats();
    deepStrictEqual([active, lingering, failed, timedOut], [0, 0, 1, 0]);
    match(String(served.takeErrors()), /as it was told/);
  });

  Deno.test(`a connection lingers whose handler has ended and whose client stays, ${way}`, async () => {
    await using served = await start();
    const { server } = served;
    using client = await Client.connect(server);
    strictEqual(await client.ask("end"), "ending\n");
    const { active } = await statsWhen(
      server,
      (stats) => stats.lingering === 1,
    );
    strictEqual(active, 0);
    const [connection] = await listWhen(
      server,
      ([connection]) => connection?.state === "lingering",
    );
    strictEqual(connection!.bytesOut, 7);
    client.conn.close();
    await statsWhen(server, (stats) => stats.lingering === 0);
  });

  Deno.test(`requests that are aborted are counted by reason, ${way}`, async () => {
    await using served = await start({ requestTimeout: 50 });
    const { server } = served;
    using client = await Client.connect(server);
    await client.closed();
    client.conn.close();
    const { aborted, timedOut, failed } = await statsWhen(
      server,
      (stats) => stats.accepted === 1 && stats.active + stats.lingering === 0,
    );
    strictEqual(aborted.requestTimeout, 1);
    deepStrictEqual([timedOut, failed], [1, 0]);
    match(String(await served.untilErrors()), /longer than requestTimeout/);
  });

  Deno.test(`those that a shutdown aborts are counted, ${way}`, async () => {
    await using served = await start();
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("a");
    await server.shutdown({ gracePeriod: 0 });
    const { aborted, active } = server.stats();
    deepStrictEqual([aborted.shutdown, active], [1, 0]);
    match(String(served.takeErrors()), /did not finish within 0 ms/);
  });

  Deno.test(`countBytes counts what passes by rfile and wfile, too, ${way}`, async () => {
    await using served = await start({ countBytes: true }, Bare);
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("a line");
    const { bytesIn, bytesOut } = await statsWhen(
      server,
      (stats) => stats.bytesOut > 0,
    );
    deepStrictEqual([bytesIn, bytesOut], [7, 7]);
  });
}

for (
  const [way, order, kind] of [
    ["in threads that accept", "die", "threads"],
    ["in threads where main accepts", "die", "threads"],
    ["in processes", "end the process", "processes"],
  ] as const
) {
  Deno.test(`stats() tells of the ${kind}, of lost and of replaced ones, ${way}`, async () => {
    await using served = await WAYS[way]!();
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("a");
    const { workers } = server.stats();
    strictEqual(workers!.kind, kind);
    strictEqual(workers!.most, 2);
    deepStrictEqual([workers!.lost, workers!.replaced], [0, 0]);
    strictEqual(workers!.running.reduce((sum, { load }) => sum + load, 0), 1);
    ok(workers!.running.every(({ since }) => since >= server.stats().since));
    strictEqual(
      new Set(workers!.running.map(({ id }) => id)).size,
      workers!.running.length,
    );
    await client.send(order);
    await client.closed();
    const { failed, active } = await statsWhen(
      server,
      ({ workers, failed }) => workers!.lost === 1 && failed === 1,
    );
    deepStrictEqual([failed, active], [1, 0]);
    using next = await Client.connect(server);
    strictEqual(await next.ask("b"), "b\n");
    await statsWhen(server, ({ workers }) => workers!.replaced === 1);
    match(String(await served.untilErrors()), /^HandlerLostError: /);
  });
}

Deno.test("threads and processes that are recycled are retired, and not lost", async () => {
  for (const way of Object.keys(WAYS).slice(1)) {
    await using served = await WAYS[way]!();
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("a");
    client.conn.close();
    await statsWhen(server, (stats) => stats.active === 0);
    const { started } = server.stats().workers!;
    await (server as TCPServer & Recyclable).recycle();
    const { workers, accepted } = server.stats();
    ok(workers!.retired >= 1 && workers!.started > started, way);
    deepStrictEqual([workers!.lost, workers!.replaced], [0, 0], way);
    strictEqual(accepted, 1, way);
  }
});

Deno.test("requests that a recycle aborts are counted as those that a shutdown does", async () => {
  for (const way of Object.keys(WAYS).slice(1)) {
    await using served = await WAYS[way]!();
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("a");
    await (server as TCPServer & Recyclable).recycle({ gracePeriod: 0 });
    const { aborted } = await statsWhen(server, (stats) => stats.active === 0);
    deepStrictEqual([aborted.shutdown, aborted.connection], [1, 0], way);
    match(String(await served.untilErrors()), /did not finish within 0 ms/);
  }
});

Deno.test("processes that have served what they may are retired, and not lost", async () => {
  await using served = await serveForTest(Watched, {
    server: ForkingTCPServer,
    options: { maxChildren: 2 },
  });
  strictEqual(await ask(served.addr, "one\n"), "one\n");
  const { workers } = await statsWhen(
    served.server,
    ({ workers }) => workers!.retired === 1,
  );
  deepStrictEqual([workers!.lost, workers!.replaced], [0, 0]);
});

Deno.test("what is accepted and has no process yet waits", async () => {
  await using served = await serveForTest(
    Watched,
    {
      server: ForkingTCPServer,
      options: { maxChildren: 1, spareChildren: 0 },
    },
  );
  const { server } = served;
  using client = await Client.connect(server);
  const [waiting] = await listWhen(
    server,
    ([connection]) => connection?.state === "waiting",
  );
  strictEqual(waiting!.id, 1);
  const { active, waiting: count, workers } = server.stats();
  deepStrictEqual([active, count, workers!.starting], [1, 1, 1]);
  strictEqual(await client.ask("a"), "a\n");
  strictEqual(server.stats().waiting, 0);
});

Deno.test("what verify refuses is counted", async () => {
  await using served = await serveForTest(Watched, {
    options: { verify: () => false },
  });
  strictEqual(await ask(served.addr), "");
  const stats = await statsWhen(
    served.server,
    ({ refused }) => refused.verify === 1,
  );
  deepStrictEqual([stats.accepted, stats.failed], [1, 0]);
});

Deno.test("the times of a connection are counted by their options' names", async () => {
  for (
    const [options, name] of [
      [{ idleTimeout: 50 }, "idleTimeout"],
      [{ requestTimeout: 50 }, "requestTimeout"],
      [{ lingerTimeout: 50 }, "lingerTimeout"],
    ] as const
  ) {
    await using served = await serveForTest(
      async ({ wfile, rfile }) => {
        if (name !== "lingerTimeout") return void await rfile.read();
        // More than the kernel takes of a client that reads nothing.
        wfile.write(new Uint8Array(16_000_000)).catch(() => {});
      },
      { options },
    );
    const { server } = served;
    using _client = await Client.connect(server);
    const { aborted, timedOut } = await statsWhen(
      server,
      (stats) => stats.timedOut > 0,
    );
    deepStrictEqual([aborted[name], timedOut], [1, 1], name);
    match(
      String(await served.untilErrors()),
      new RegExp(`${name}, 50 ms$`),
    );
  }
});

Deno.test("a handler's own time limit and a client's reset are counted apart", async () => {
  await using http = await serveForTest(
    () => new Response(new Uint8Array(16_000_000)),
    {
      server: HTTPServer,
      options: {
        limits: { writeTimeout: 50 },
      },
    },
  );
  using idle = await Client.connect(http.server);
  await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r");
  const { aborted } = await statsWhen(
    http.server,
    (stats) => stats.timedOut > 0,
  );
  strictEqual(aborted.timeout, 1);
  strictEqual(((await http.untilErrors())[0] as Error).name, "TimeoutError");
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      await rfile.readLine();
      while (true) await wfile.write("unread");
    },
  );
  const { server } = served;
  using client = await Client.connect(server);
  await client.send("a");
  await reset(client.conn);
  const stats = await statsWhen(server, (stats) => stats.active === 0);
  deepStrictEqual([stats.aborted.connection, stats.failed], [1, 0]);
  ok(isDisconnect((await served.untilErrors())[0]));
});

Deno.test("a handshake that takes too long is counted", async () => {
  const certificate = await selfSignedCertificate();
  await using served = await serveForTest(
    new TLSServer(
      { ...LOOPBACK, ...certificate },
      () => {},
      { handshakeTimeout: 50, onError: () => {} },
    ),
  );
  const { server } = served;
  using silent = new Client(await Deno.connect(server.addr));
  const [{ state } = { state: "" }] = await listWhen(
    server,
    (list) => list.length === 1,
  );
  strictEqual(state, "accepted");
  await silent.closed();
  const { aborted } = await statsWhen(server, (stats) => stats.timedOut === 1);
  strictEqual(aborted.handshakeTimeout, 1);
  match(String(await served.untilErrors()), /longer than handshakeTimeout/);
});

Deno.test("of TLS the text is counted, from startTLS on too", async () => {
  const certificate = await selfSignedCertificate();
  class Upgrading extends StreamRequestHandler {
    override async handle() {
      strictEqual(await this.rfile.readLine(), "go");
      this.wfile.write("ready\n");
      await this.startTLS(certificate);
      await this.wfile.write(`${await this.rfile.readLine()}\n`);
    }
  }
  await using tls = await serveForTest(
    new TLSServer({ ...LOOPBACK, ...certificate }, Watched),
  );
  await using plain = await serveForTest(Upgrading);
  const trust = { caCerts: [certificate.cert], hostname: "localhost" };
  const connect = async (conn: Promise<Deno.TlsConn>) => {
    using client = await conn;
    await client.write(new TextEncoder().encode("a line\n"));
    await client.read(new Uint8Array(100));
  };
  await connect(Deno.connectTls({ ...trust, port: tls.addr.port }));
  const { bytesIn, bytesOut } = await statsWhen(
    tls.server,
    (it) => it.active === 0,
  );
  deepStrictEqual([bytesIn, bytesOut], [7, 7]);
  const conn = await Deno.connect(plain.addr);
  await conn.write(new TextEncoder().encode("go\n"));
  await conn.read(new Uint8Array(100));
  await connect(Deno.startTls(conn, trust));
  const both = await statsWhen(plain.server, (it) => it.active === 0);
  deepStrictEqual([both.bytesIn, both.bytesOut], [3 + 7, 6 + 7]);
});

Deno.test("every way of rfile and wfile is counted, also before the handler runs", async () => {
  class Early extends StreamRequestHandler {
    readonly early = this.rfile.readExactly(2);
    readonly greeting = this.wfile.write("hi");
    override async handle() {
      await this.early;
      await this.rfile.readInto(new Uint8Array(2));
      await new Response(
        this.rfile.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
      ).bytes();
      const writer = this.wfile.writable.getWriter();
      await writer.write(new Uint8Array(100_000));
      await writer.close();
    }
  }
  await using served = await serveForTest(Early);
  const answer = await ask(served.addr, "abcdefgh");
  strictEqual(answer.length, 100_002);
  const { bytesIn, bytesOut } = await statsWhen(
    served.server,
    (stats) => stats.active === 0,
  );
  deepStrictEqual([bytesIn, bytesOut], [8, 100_002]);
});

Deno.test("of HTTP all bytes are counted, on the event loop and in threads", async () => {
  const request =
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
  for (
    const start of [
      () => serveForTest(Lengths),
      () =>
        serveForTest(Lengths, {
          server: ThreadingHTTPServer,
          options: { workers: 1 },
        }),
    ]
  ) {
    await using served = await start();
    const answer = await ask(served.addr, request);
    ok(answer.endsWith("\r\n5\r\n0\r\n\r\n") || answer.endsWith("5"), answer);
    const { bytesIn, bytesOut } = await statsWhen(
      served.server,
      (stats) => stats.accepted === 1 && stats.active === 0,
    );
    deepStrictEqual([bytesIn, bytesOut], [request.length, answer.length]);
  }
});

for (const Server of [UDPServer, ThreadingUDPServer]) {
  Deno.test(`datagrams are counted with their bytes: ${Server.name}`, async () => {
    await using served = await serveForTest(TwicePacket, { server: Server });
    const client = Deno.listenDatagram({ ...LOOPBACK, transport: "udp" });
    await client.send(new Uint8Array(7), served.addr);
    await client.receive();
    await client.receive();
    client.close();
    const { accepted, bytesIn, bytesOut } = await statsWhen(
      served.server,
      (stats) => stats.active === 0 && stats.accepted > 0,
    );
    deepStrictEqual([accepted, bytesIn, bytesOut], [1, 7, 14]);
  });
}

Deno.test("connections() of a server of datagrams lists those being handled", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  class Slow extends DatagramRequestHandler {
    override async handle() {
      await end;
    }
  }
  await using served = await serveForTest(Slow, { server: UDPServer });
  const client = Deno.listenDatagram({ ...LOOPBACK, transport: "udp" });
  await client.send(new Uint8Array(3), served.addr);
  const [{ address, bytesIn, state }] = await listWhen(
    served.server,
    (list) => list.length === 1,
  ) as [never];
  deepStrictEqual({ ...address as object }, { ...client.addr });
  deepStrictEqual([bytesIn, state], [3, "active"]);
  resolve();
  client.close();
});

Deno.test("countBytes is true or false", () => {
  for (const countBytes of [1, "yes", null]) {
    try {
      new TCPServer(LOOPBACK, () => {}, { countBytes: countBytes as never })
        .close();
    } catch (error) {
      ok(error instanceof TypeError);
      ok(error.message.includes("countBytes must be true or false"));
      continue;
    }
    throw new Error(`${countBytes} was taken`);
  }
});
