import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import {
  type ConnectionInfo,
  StreamRequestHandler,
  type TCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { Folder } from "../../_program.ts";
import type { BlockConfig } from "./_watched_handlers.ts";
import { Client, listWhen, statsWhen, WAYS } from "./_ways.ts";

for (const [way, start] of Object.entries(WAYS)) {
  Deno.test(`connections() lists what is in progress, and closeConnection() ends one, ${way}`, async () => {
    await using served = await start();
    const { server } = served;
    const before = Date.now();
    using one = await Client.connect(server);
    using two = await Client.connect(server);
    await one.ask("a");
    await two.ask("four");
    const list = await server.connections();
    strictEqual(list.length, 2);
    const of = ({ conn }: Client) =>
      list.find(({ address }) =>
        (address as Deno.NetAddr).port === conn.localAddr.port
      )!;
    for (const client of [one, two]) {
      const { address, since, state, buffered } = of(client);
      deepStrictEqual({ ...address }, { ...client.conn.localAddr });
      deepStrictEqual([state, buffered], ["active", 0]);
      ok(
        since >= before && since < before + 20_000,
        `${since - before} ms`,
      );
    }
    deepStrictEqual([of(one).bytesIn, of(one).bytesOut], [2, 2]);
    deepStrictEqual([of(two).bytesIn, of(two).bytesOut], [5, 5]);
    ok(of(one).id > 0 && of(two).id > 0 && of(one).id !== of(two).id);
    strictEqual(await server.closeConnection(of(one).id + 1_000), false);
    strictEqual(await server.closeConnection(-1), false);
    strictEqual(await server.closeConnection(NaN), false);
    strictEqual(await server.closeConnection(of(one).id), true);
    await one.closed();
    // It may linger as long as its client stays.
    one.conn.close();
    const [rest] = await listWhen(server, (list) => list.length === 1);
    strictEqual(rest!.id, of(two).id);
    strictEqual(await server.closeConnection(of(one).id), false);
    strictEqual(await two.ask("b"), "b\n");
    strictEqual(server.stats().aborted.closed, 1);
    deepStrictEqual(served.errors, []);
    await rejects(server.closeConnection("1" as never), {
      name: "TypeError",
      message:
        'Cannot close a connection: its id must be a number that connections() has told, received "1"',
    });
  });

  Deno.test(`connections() tells how much a client has not taken, ${way}`, async () => {
    await using served = await start();
    const { server } = served;
    using client = await Client.connect(server);
    await client.send("write much");
    const [{ id, buffered }] = await listWhen(
      server,
      ([connection]) => (connection?.buffered ?? 0) > 0,
    ) as [never];
    ok(buffered > 0 && buffered <= 8_000_000, `${buffered}`);
    strictEqual(await server.closeConnection(id), true);
    await statsWhen(server, (stats) => stats.active === 0);
  });

  Deno.test(`closeConnection() ends a connection that lingers, ${way}`, async () => {
    await using served = await start();
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("end");
    const [{ id }] = await listWhen(
      server,
      ([connection]) => connection?.state === "lingering",
    ) as [never];
    strictEqual(await server.closeConnection(id), true);
    await statsWhen(server, (stats) => stats.lingering === 0);
  });
}

Deno.test("the signal of a handler tells who has closed its connection", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  class Waiting extends StreamRequestHandler {
    override async handle() {
      await this.wfile.write("here");
      await new Promise<void>((end) =>
        this.signal.addEventListener("abort", () => {
          resolve(this.signal.reason);
          end();
        })
      );
    }
  }
  await using served = await serveForTest(Waiting);
  const { server } = served;
  using client = await Client.connect(server);
  await client.read();
  const [{ id }] = await server.connections() as [never];
  strictEqual(await server.closeConnection(id), true);
  const reason = await promise;
  ok(reason instanceof DOMException && reason.name === "AbortError");
  strictEqual(reason.message, "The connection was closed by closeConnection()");
});

Deno.test("a handler that does not heed its end is listed as aborted", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  await using served = await serveForTest(() => end);
  const { server } = served;
  using _client = await Client.connect(server);
  const [{ id }] = await listWhen(server, (list) => list.length === 1) as [
    never,
  ];
  await server.closeConnection(id);
  const [{ state }] = await server.connections() as [never];
  strictEqual(state, "aborted");
  resolve();
  await statsWhen(server, (stats) => stats.active === 0);
});

Deno.test("numbers of connections are never used again, in the place of a thread that died either", async () => {
  await using served = await WAYS["in threads that accept"]!();
  const { server } = served;
  const seen = new Set<number>();
  for (let round = 0; round < 3; round++) {
    using client = await Client.connect(server);
    await client.ask("a");
    const [{ id }] = await server.connections() as [never];
    ok(!seen.has(id), `${id} again`);
    seen.add(id);
    await client.send("die");
    await client.closed();
    await statsWhen(server, ({ workers }) => workers!.lost === round + 1);
    match(String(await served.untilErrors()), /^HandlerLostError: /);
  }
  strictEqual(server.stats().accepted, 3);
  strictEqual(server.stats().active, 0);
});

/** The number of a client's connection. */
async function idOf(server: TCPServer, { conn }: Client): Promise<number> {
  const isIts = ({ address }: ConnectionInfo) =>
    (address as Deno.NetAddr).port === conn.localAddr.port;
  const list = await listWhen(server, (list) => list.some(isIts));
  return list.find(isIts)!.id;
}

/** A client on another of two threads, which is started when the first is busy. */
async function connectElsewhere(
  server: TCPServer,
  other: Client,
): Promise<Client> {
  for (let tries = 0; tries < 100; tries++) {
    const client = await Client.connect(server);
    const [one, another] = [client, other].map((each) =>
      each.ask("which thread")
    );
    if (await one !== await another) return client;
    client[Symbol.dispose]();
    await listWhen(server, (list) => list.length === 1);
  }
  throw new Error("Expected the second thread to take a client");
}

Deno.test("a thread that blocks is not waited for, and owes no second answer", async () => {
  await using folder = new Folder();
  const config: BlockConfig = { until: folder.at("until") };
  await using served = await WAYS["in threads that accept"]!({ config });
  const { server } = served;
  await using blocked = new AsyncDisposableStack();
  blocked.defer(() => Deno.writeTextFile(config.until, ""));
  using idle = await Client.connect(server);
  await idle.ask("a");
  using busy = await connectElsewhere(server, idle);
  const idleId = await idOf(server, idle);
  const busyId = await idOf(server, busy);
  strictEqual(await busy.ask("block"), "blocking\n");
  const asked = server.connections();
  // Who asks meanwhile gets the same answer.
  strictEqual(server.stats().active, 2);
  await rejects(server.closeConnection(busyId), {
    name: "TimedOut",
    message:
      `Cannot close connection ${busyId}: the event loop of its thread did not answer for 1000 ms`,
  });
  ok((await asked).every(({ id }) => id === idleId));
  // On a busy machine the other thread may take as long, now and then.
  let quick = false;
  for (let tries = 0; tries < 10 && !quick; tries++) {
    const before = performance.now();
    const list = await server.connections();
    quick = performance.now() - before < 900 && list.length === 1 &&
      list[0]!.id === idleId;
  }
  ok(quick, "it was asked again");
  await blocked.disposeAsync();
  await busy.closed();
  // It has answered late, which is no crime, and does so in time again.
  using again = await Client.connect(server);
  await again.ask("c");
  strictEqual(await idle.ask("d"), "d\n");
  await listWhen(server, (list) => list.length === 2);
  strictEqual(server.stats().workers!.lost, 0);
});
