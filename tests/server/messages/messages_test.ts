import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { patiently } from "../../_patience.ts";
import { Client } from "../numbers/_ways.ts";
import { NAMES, start } from "./_ways.ts";

for (const way of NAMES) {
  Deno.test(`${way}, handlers have a copy of the configuration, frozen`, async () => {
    const config = {
      greeting: "hi",
      rooms: ["lobby"],
      table: new Map([["key", Uint8Array.of(1, 2)]]),
    };
    await using server = start(way, { config });
    config.rooms.push("later");
    using client = await Client.connect(server);
    strictEqual(
      await client.ask("config"),
      `{ greeting: "hi", rooms: [ "lobby" ], table: Map(1) { "key" => Uint8Array(2) [ 1, 2 ] } }\n`,
    );
    strictEqual(await client.ask("change"), "TypeError\n");
    deepStrictEqual(server.config, { ...config, rooms: ["lobby"] });
  });

  Deno.test(`${way}, a handler without a configuration has none`, async () => {
    await using server = start(way);
    using client = await Client.connect(server);
    strictEqual(await client.ask("config"), "undefined\n");
  });

  Deno.test(`${way}, what handlers post arrives in order`, async () => {
    await using server = start(way);
    using client = await Client.connect(server);
    strictEqual(await client.ask("count 100"), "counted\n");
    const received = await patiently(server.until(100), () => "100 messages");
    deepStrictEqual(
      received.map(([message]) => message),
      Array.from({ length: 100 }, (_, number) => ({ is: "number", number })),
    );
    const [[, from]] = received as [typeof received[0]];
    ok(received.every(([, each]) => each === from));
    strictEqual(from.id === 0, way === "on the event loop");
  });

  Deno.test(`${way}, a broadcast reaches all handlers, and one to a sender those beside it`, async () => {
    await using server = start(way);
    using one = await Client.connect(server);
    using other = await Client.connect(server);
    await one.send("hello one");
    await other.send("hello other");
    const received = await patiently(server.until(2), () => "both");
    const places = new Set(received.map(([, { id }]) => id));
    strictEqual(server.broadcast({ to: "all" }), places.size);
    strictEqual(await one.read(), '> { to: "all" }\n');
    strictEqual(await other.read(), '> { to: "all" }\n');
    const [, place] = received.find(([message]) =>
      (message as { readonly name: string }).name === "one"
    )!;
    ok(place.post(["only", 1n]));
    strictEqual(await one.read(), '> [ "only", 1n ]\n');
    strictEqual(
      await one.ask("heard"),
      '[ { to: "all" }, [ "only", 1n ] ]\n',
    );
  });
}
