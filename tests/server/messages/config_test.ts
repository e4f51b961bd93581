import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  ForkingTCPServer,
  type Recyclable,
  TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { Client } from "../numbers/_ways.ts";
import { type Config, Messenger } from "./_messaging_handlers.ts";
import { NAMES, start } from "./_ways.ts";

const CONFIG: Config = { greeting: "hi", rooms: ["lobby"] };
const other = (greeting: string): Config => ({ greeting, rooms: [] });

/** Waits until the handler of a client has another configuration. */
async function untilConfig(client: Client, text: string): Promise<void> {
  while (!(await client.ask("config")).includes(text));
}

for (const way of NAMES) {
  Deno.test(`${way}, handlers have a copy of the configuration, frozen`, async () => {
    const table = new Map([["key", Uint8Array.of(1, 2)]]);
    const config = { greeting: "hi", rooms: ["lobby"], table };
    await using served = await start(way, { config });
    const { server } = served;
    config.rooms.push("later");
    using client = await Client.connect(server);
    strictEqual(
      await client.ask("config"),
      `{ greeting: "hi", rooms: [ "lobby" ], table: Map(1) { "key" => Uint8Array(2) [ 1, 2 ] } }\n`,
    );
    strictEqual(await client.ask("change"), "TypeError\n");
    deepStrictEqual(server.config, { ...config, rooms: ["lobby"] });
    ok(Object.isFrozen(server.config));
  });

  Deno.test(`${way}, a handler without a configuration has none`, async () => {
    await using served = await start(way);
    const { server } = served;
    using client = await Client.connect(server);
    strictEqual(await client.ask("config"), "undefined\n");
    strictEqual(server.config, undefined);
  });

  Deno.test(`${way}, a configuration that is set anew reaches handlers that run, and later ones`, async () => {
    await using served = await start(way, { config: CONFIG });
    const { server } = served;
    using client = await Client.connect(server);
    await untilConfig(client, "hi");
    server.config = other("salut");
    await untilConfig(client, "salut");
    using later = await Client.connect(server);
    ok((await later.ask("config")).includes("salut"));
    // What cannot be copied changes nothing.
    throws(() => server.config = { at: [() => {}] }, {
      name: "TypeError",
      message: /^Cannot configure handlers: config\.at\[0\] is a function/,
    });
    deepStrictEqual(server.config, other("salut"));
    server.config = undefined;
    await untilConfig(client, "undefined");
  });

  Deno.test(`${way}, a configuration is set before messages that follow it`, async () => {
    await using served = await start(way, { config: CONFIG });
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("config");
    server.config = other("salut");
    server.broadcast("set");
    strictEqual(await client.read(), '> "set"\n');
    ok((await client.ask("config")).includes("salut"));
  });

  Deno.test(`${way}, a configuration has any size`, async () => {
    const config = other("x".repeat(1_000_000));
    await using served = await start(way, { config });
    const { server } = served;
    using client = await Client.connect(server);
    strictEqual(await client.ask("size"), "1000000 characters\n");
    server.config = other("y".repeat(1_000_001));
    while (await client.ask("size") !== "1000001 characters\n");
  });

  Deno.test(`${way}, a server is not made with what cannot be copied`, () => {
    const make = () => start(way, { config: { list: [new WeakMap()] } });
    throws(make, {
      name: "TypeError",
      message:
        /^Cannot configure handlers: config\.list\[0\] is an instance of WeakMap, which cannot travel/,
    });
  });
}

for (const way of NAMES.slice(1)) {
  Deno.test(`${way}, those that come after a recycle() are configured, and sent nothing of before`, async () => {
    await using served = await start(way, { config: CONFIG });
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("config");
    server.broadcast("before");
    strictEqual(await client.read(), '> "before"\n');
    server.config = other("salut");
    client.conn.close();
    await (server as unknown as Recyclable).recycle({ gracePeriod: 1_000 });
    using later = await Client.connect(server);
    ok((await later.ask("config")).includes("salut"));
    strictEqual(await later.ask("heard"), "[]\n");
    server.broadcast("after");
    strictEqual(await later.read(), '> "after"\n');
  });
}

for (
  const make of [
    () =>
      new ThreadingTCPServer(LOOPBACK, Messenger, {
        ...{ config: CONFIG, requestsPerWorker: 1, workers: 1 },
      }),
    () =>
      new ThreadingTCPServer(LOOPBACK, Messenger, {
        ...{ config: CONFIG, requestsPerWorker: 1, workers: 1, accept: "main" },
      }),
    () =>
      new ForkingTCPServer(LOOPBACK, Messenger, {
        ...{ config: CONFIG, requestsPerChild: 1, maxChildren: 2 },
      }),
  ]
) {
  Deno.test(`each thread or process of few requests is configured: ${make}`, async () => {
    const server = make();
    await using _served = await serveForTest(server);
    for (let round = 0; round < 4; round++) {
      using client = await Client.connect(server);
      ok((await client.ask("config")).includes("hi"));
      server.config = CONFIG;
    }
  });
}

Deno.test("the options of messages are checked", () => {
  const make = (options: object) => new TCPServer(LOOPBACK, () => {}, options);
  throws(() => make({ onMessage: 1 }), {
    name: "TypeError",
    message: /^Cannot create server: onMessage must be a function, received 1/,
  });
  class Generating extends Messenger {}
  // No types allow it.
  Object.assign(Generating, { *onMessage() {} });
  throws(() => new TCPServer(LOOPBACK, Generating), {
    name: "TypeError",
    message:
      /onMessage\(\) of the class "Generating" is a generator function, which does not run/,
  });
});
