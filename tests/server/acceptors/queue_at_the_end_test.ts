// What becomes of those who wait in the kernel's queue when a server shuts down
// while threads die.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { patiently } from "../../_patience.ts";
import { ask, LOOPBACK, readAll } from "../../_loopback.ts";
import { HandlerFile, start } from "../recycling/_ways.ts";
import { order } from "../threads/_threads.ts";
import { Commanded } from "./_accepted_handlers.ts";
import { Accepting, begin, soon, startAccepting } from "./_accepting.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Clients whom the kernel has let in, and who have given an order. */
const waitIn = (address: Deno.ConnectOptions, orders: readonly string[]) =>
  Promise.all(orders.map((line) => order(address, line)));

Deno.test("a shutdown while no thread lives has one serve those who wait", async () => {
  for (let round = 0; round < 2; round++) {
    await using served = await startAccepting({
      workers: 1,
      maxConnections: 1,
    });
    const { server } = served;
    strictEqual((await soon(ask(server.addr, "thread\n"))).length, 36);
    const { client } = await begin(
      server.addr,
      "greet, then end with a line",
    );
    const waiting = await waitIn(server.addr, Array(10).fill("thread"));
    await client.write(encode("\n"));
    await served.untilErrors();
    deepStrictEqual(server.stats().workers!.running, []);
    const ended = server.shutdown();
    const answers = await soon(Promise.all(waiting.map(readAll)));
    deepStrictEqual(answers.map(({ length }) => length), Array(10).fill(36));
    await soon(ended);
    deepStrictEqual(served.errors, []);
    client.close();
  }
});

Deno.test("threads that die while they serve those who wait at a shutdown take nobody else with them", async () => {
  await using served = await startAccepting({ workers: 2, maxConnections: 1 });
  const { client } = await begin(served.addr, "thread, then lines");
  const orders = ["thread", "self.close()", "thread", "self.close()", "thread"];
  const waiting = await waitIn(served.addr, orders);
  const ended = served.server.shutdown();
  client.close();
  const answers = await soon(Promise.all(waiting.map(readAll)));
  deepStrictEqual(answers.map(({ length }) => length), [36, 0, 36, 0, 36]);
  await soon(ended);
  strictEqual(served.takeErrors().length, 2);
});

Deno.test("a shutdown of a server that was asked for one request at a time, while no thread lives, has those served who wait", async () => {
  const server = new Accepting(LOOPBACK, Commanded, {
    ...{ workers: 1, maxConnections: 1, accept: "threads" },
  });
  const handled = server.handleRequest();
  strictEqual(await soon(ask(server.addr, "self.close()\n")), "");
  await soon(handled);
  await patiently(
    (async () => {
      while (server.clients.length === 0) {
        await new Promise((resolve) => setTimeout(resolve));
      }
    })(),
    () => "the error",
  );
  const waiting = await waitIn(server.addr, Array(5).fill("thread"));
  const ended = server.shutdown();
  const answers = await soon(Promise.all(waiting.map(readAll)));
  deepStrictEqual(answers.map(({ length }) => length), Array(5).fill(36));
  await soon(ended);
});

Deno.test("a shutdown ends where no thread lives and none can be started", async () => {
  using file = new HandlerFile();
  await using served = await start("threads accept", file, { workers: 1 });
  const { server } = served;
  match(await ask(server.addr, "x\n"), /^1 /);
  file.breakIt();
  await soon(ask(server.addr, "die\n").catch(() => ""));
  const [lost] = await served.untilErrors();
  const waiting = await order(server.addr, "x");
  await soon(server.shutdown());
  strictEqual(await soon(readAll(waiting).catch(() => "")), "");
  const errors = [lost, ...served.takeErrors()];
  ok(errors.some((error) => /broken/.test(`${error}`)));
});

Deno.test("a shutdown without a grace period, and close(), start no thread", async () => {
  for (const end of ["shutdown", "close"] as const) {
    await using served = await startAccepting({ workers: 1 });
    const { server } = served;
    strictEqual((await soon(ask(server.addr, "thread\n"))).length, 36);
    await soon(ask(server.addr, "self.close()\n"));
    await served.untilErrors();
    if (end === "close") server.close();
    else void server.shutdown({ gracePeriod: 0 });
    await soon(server.finished);
    strictEqual(server.stats().workers!.started, 1);
  }
});
