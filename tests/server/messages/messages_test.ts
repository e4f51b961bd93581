import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { patiently } from "../../_patience.ts";
import { Client } from "../numbers/_ways.ts";
import { MANY, NAMES, type Received, start } from "./_ways.ts";

for (const way of NAMES) {
  Deno.test(`${way}, what handlers post arrives in order`, async () => {
    await using served = await start(way);
    const { server } = served;
    using client = await Client.connect(server);
    strictEqual(await client.ask("count 100"), "counted\n");
    const received = await patiently(server.until(100), () => "100 messages");
    deepStrictEqual(
      received.map(([message]) => message),
      Array.from({ length: 100 }, (_, number) => ({ is: "number", number })),
    );
    const [, from] = received[0]!;
    ok(received.every(([, each]) => each === from));
    strictEqual(from.id === 0, way === "on the event loop");
  });

  Deno.test(`${way}, a broadcast reaches all handlers, and one to a sender those beside it`, async () => {
    await using served = await start(way);
    const { server } = served;
    using one = await Client.connect(server);
    using other = await Client.connect(server);
    await one.send("hello one");
    await other.send("hello other");
    const received = await patiently(server.until(2), () => "both");
    const places = new Set(received.map(([, { id }]) => id));
    // A thread may have been started for the second, and the first have taken it.
    const reached = server.broadcast({ to: "all" });
    ok(reached >= places.size && reached <= MANY, `${reached}`);
    strictEqual(await one.read(), '> { to: "all" }\n');
    strictEqual(await other.read(), '> { to: "all" }\n');
    const [, place] = received.find(([message]) =>
      (message as { readonly name: string }).name === "one"
    )!;
    ok(place.post(["only", 1n]));
    strictEqual(await one.read(), '> [ "only", 1n ]\n');
    // The handlers of a thread share what their class has heard.
    strictEqual(
      await one.ask("heard"),
      '[ { to: "all" }, [ "only", 1n ] ]\n',
    );
  });

  Deno.test(`${way}, messages to handlers arrive in order`, async () => {
    await using served = await start(way);
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("config");
    let expected = "";
    for (let number = 0; number < 50; number++) {
      server.broadcast(number);
      expected += `> ${number}\n`;
    }
    let came = "";
    while (came.length < expected.length) came += await client.read();
    strictEqual(came, expected);
  });

  Deno.test(`${way}, what onMessage of a handler class and of a handler throw is told`, async () => {
    await using served = await start(way, {}, 1);
    const { server } = served;
    using client = await Client.connect(server);
    await client.ask("config");
    server.broadcast("whole class");
    server.broadcast("each handler");
    const errors = await served.untilErrors(2);
    deepStrictEqual(
      errors.map((error) => `${error}`).sort(),
      ["RangeError: a handler fails", "RangeError: the class fails"],
    );
    strictEqual(await client.read(), '> "whole class"\n');
    server.broadcast("post back");
    await patiently(server.until(1), () => "what the class posts");
    deepStrictEqual(server.received[0]![0], { is: "text", text: "back" });
  });

  Deno.test(`${way}, what onMessage of the server throws is told, and the next comes`, async () => {
    const seen: unknown[] = [];
    await using served = await start(way, {
      onMessage: (message) => {
        seen.push(message);
        if (seen.length === 1) throw new RangeError("at once");
        if (seen.length === 2) return Promise.reject(new RangeError("later"));
      },
    });
    using client = await Client.connect(served.server);
    await client.ask("count 3");
    const errors = await served.untilErrors(2);
    deepStrictEqual(
      errors.map((error) => (error as Error).message).sort(),
      ["at once", "later"],
    );
    while (seen.length < 3) await new Promise((done) => setTimeout(done, 1));
  });

  Deno.test(`${way}, messages that nobody takes are told of once`, async () => {
    await using served = await start(way, { onMessage: undefined as never });
    const { server } = served;
    using client = await Client.connect(server);
    strictEqual(await client.ask("count 3"), "counted\n");
    strictEqual(await client.ask("count 3"), "counted\n");
    const [error] = await served.untilErrors();
    match(
      `${error}`,
      /^NotSupported: A handler has posted a message, and nobody takes it; give the server the option onMessage/,
    );
    client.conn.close();
    await server.shutdown();
    deepStrictEqual(served.errors, []);
  });

  Deno.test(`${way}, a message that cannot travel is an error of the call`, async () => {
    await using served = await start(way);
    const { server } = served;
    using client = await Client.connect(server);
    match(
      await client.ask("bad"),
      /^TypeError: Cannot post a message: message\.text is a function, which cannot travel/,
    );
    throws(() => server.broadcast({ socket: client }), {
      name: "TypeError",
      message:
        /^Cannot broadcast a message: message\.socket is an instance of Client/,
    });
    throws(() => server.broadcast("x".repeat(1 << 17)), { name: "RangeError" });
    throws(() => server.post(Symbol()), { name: "TypeError" });
    deepStrictEqual(server.received, []);
  });

  Deno.test(`${way}, a handler that broadcasts does so, or is told who can`, async () => {
    await using served = await start(way);
    using client = await Client.connect(served.server);
    match(
      await client.ask("broadcast"),
      way === "on the event loop"
        // It hears of it, too.
        ? /^> "x"\n|^sent\n/
        : /^TypeError: Cannot broadcast: the server is not in this thread or process; post\(\) the message to it, and call broadcast\(\) in its onMessage\n$/,
    );
  });

  Deno.test(`${way}, who posts more than may wait is refused, and all before arrives`, async () => {
    await using served = await start(way);
    const { server } = served;
    using client = await Client.connect(server);
    const [count, name] = (await client.ask("flood 60000")).trim().split(" ");
    strictEqual(name, "Busy");
    // 16 MiB wait, and 512 KiB are on their way.
    ok(Number(count) >= 280 && Number(count) <= 300, count);
    await patiently(server.until(Number(count)), () => `${count} messages`);
    await client.send("post last");
    await patiently(server.until(Number(count) + 1), () => "one more");
  });

  Deno.test(`${way}, what a handler posts at its end arrives before the server has finished`, async () => {
    await using served = await start(way);
    const { server } = served;
    const client = await Client.connect(server);
    // More than a place may have on its way.
    strictEqual(await client.ask("farewell 4000"), "noted\n");
    client.conn.close();
    await server.shutdown();
    strictEqual(server.received.length, 4_000);
    strictEqual(server.broadcast("too late"), 0);
    strictEqual(server.received[0]![1].post("too late"), false);
    await patiently(server.received[0]![1].gone, () => "its end");
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("on the event loop, whoever awaits each post lets everything else go on", async () => {
  await using served = await start("on the event loop");
  let ended = false;
  setTimeout(() => ended = true);
  for (let count = 0; !ended; count++) {
    ok(count < 1_000_000, "no timer had a turn");
    await served.server.post("m");
  }
});

Deno.test("on the event loop, the server is what handlers see, and posts to itself", async () => {
  await using served = await start("on the event loop");
  const { server } = served;
  const message = { is: "number", number: 1 };
  server.post(message);
  message.number = 2;
  const [[received, from]] = await server.until(1) as unknown as [Received];
  deepStrictEqual(received, { is: "number", number: 1 });
  strictEqual(from.id, 0);
});
