import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { HandlerLostError, ThreadingTCPServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask, LOOPBACK, readAll } from "../../_loopback.ts";
import { order } from "../threads/_threads.ts";
import { Commanded, Greeting } from "./_accepted_handlers.ts";
import {
  Accepting,
  begin,
  holdAll,
  soon,
  startAccepting,
} from "./_accepting.ts";

const encode = (text: string) => new TextEncoder().encode(text);

// Errors.

for (
  const [what, expected] of [
    ["throw a function", /^Error: Threw \[Function/],
    ["throw a symbol", /^Error: Threw Symbol\(thrown\)/],
    ["throw an error with a port", /^RangeError: with a port/],
    [
      "throw a proxy that was revoked",
      /^Error: Threw what cannot be looked at/,
    ],
  ] as const
) {
  Deno.test(`handleError is told with the client's address in the main thread: ${what}`, async () => {
    await using served = await startAccepting();
    const client = await order(served.addr, what);
    const { localAddr } = client;
    strictEqual(await soon(readAll(client)), "");
    const [error] = await served.untilErrors() as Error[];
    match(String(error), expected);
    deepStrictEqual(served.server.clients, [{ ...localAddr }]);
    if (what.includes("error")) match(error!.stack!, /_accepted_handlers\.ts/);
  });
}

Deno.test("what waits for handleError waits, and what it waits for may be the shutdown", async () => {
  const handled = Promise.withResolvers<void>();
  class Shutting extends Accepting {
    override async handleError(): Promise<void> {
      await this.shutdown();
      handled.resolve();
    }
  }
  await using served = await serveForTest(Commanded, {
    server: Shutting,
    options: { workers: 2, accept: "threads" },
  });
  strictEqual(await soon(ask(served.addr, "throw a symbol\n")), "");
  await soon(handled.promise);
  await soon(served.server.finished);
  match(String(served.takeErrors()), /^Error: Threw Symbol\(thrown\)/);
});

Deno.test("onError is called in the main thread where handleError is not overridden", async () => {
  const told = Promise.withResolvers<[unknown, unknown, unknown]>();
  await using served = await serveForTest(
    Commanded,
    {
      server: ThreadingTCPServer,
      options: {
        workers: 1,
        accept: "threads",
        onError: (...what) => told.resolve(what as [unknown, unknown, unknown]),
      },
    },
  );
  const client = await order(served.addr, "throw an error with a port");
  const { localAddr } = client;
  await soon(readAll(client));
  const [error, request, address] = await soon(told.promise);
  strictEqual((error as Error).name, "RangeError");
  strictEqual(request, undefined);
  deepStrictEqual(address, { ...localAddr });
  deepStrictEqual(await served.untilErrors(), [error]);
});

// Limits over all threads.

for (
  const [limit, most] of [
    [{ maxConnections: 1 }, 1],
    [{ maxConnections: 3 }, 3],
    [{ connectionsPerWorker: 2 }, 4],
    [{ connectionsPerWorker: 2, maxConnections: 3 }, 3],
  ] as const
) {
  Deno.test(`never more than ${most} are in progress with ${JSON.stringify(limit)}, and all are served`, async () => {
    await using served = await startAccepting({ workers: 2, ...limit });
    const CLIENTS = 20;
    let inside = 0;
    let peak = 0;
    const full = Promise.withResolvers<void>();
    const turns = Array.from({ length: CLIENTS }, async () => {
      const { client } = await begin(served.addr, "thread, then lines");
      peak = Math.max(peak, ++inside);
      // As many as may come in are in at the same time.
      if (peak === most) full.resolve();
      await full.promise;
      for (let i = 0; i < 3; i++) {
        await client.write(encode("a\n"));
        await client.read(new Uint8Array(10));
      }
      inside--;
      await client.closeWrite();
      await readAll(client);
    });
    await soon(Promise.all(turns));
    strictEqual(peak, most);
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("the places of a thread that died are free again", async () => {
  await using served = await startAccepting({ workers: 2, maxConnections: 2 });
  for (let i = 0; i < 6; i++) {
    strictEqual(await soon(ask(served.addr, "self.close()\n")), "");
    strictEqual((await soon(ask(served.addr, "thread\n"))).length, 36);
    ok((await served.untilErrors())[0] instanceof HandlerLostError);
  }
});

// Sharing.

Deno.test("threads share connections that stay, and what comes goes to who is free", async () => {
  await using served = await startAccepting({ workers: 2 });
  const held = await holdAll(served.addr, 2);
  while (held.length < 40) {
    held.push(await begin(served.addr, "thread, then lines"));
  }
  const counts = new Map<string, number>();
  for (const { answer } of held) {
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  ok(Math.min(...counts.values()) >= 10, `${[...counts.values()]}`);
  // While one of them computes, the other takes all.
  const [busy] = counts.keys();
  const computing = held.find(({ answer }) => answer === busy)!;
  const before = performance.now();
  const computed = soon(ask(served.addr, "compute\n"));
  const answers = await soon(
    Promise.all(
      Array.from({ length: 20 }, () => ask(served.addr, "thread\n")),
    ),
  );
  strictEqual(answers.every(({ length }) => length === 36), true);
  strictEqual(await computed, "computed");
  ok(performance.now() - before < 20_000);
  await computing.client.write(encode("a\n"));
  for (const { client } of held) client.close();
});

// Faults.

Deno.test("a thread that dies takes its own connections, each told with its address, and who waits notices nothing", async () => {
  await using served = await startAccepting({ workers: 2 });
  const held = await holdAll(served.addr, 2);
  const [first] = held;
  const doomed = held.filter(({ answer }) => answer === first!.answer);
  const others = held.filter(({ answer }) => answer !== first!.answer);
  const portOf = ({ localAddr }: Deno.Conn) => (localAddr as Deno.NetAddr).port;
  const killer = await order(served.addr, "self.close()");
  await soon(readAll(killer).catch(() => ""));
  const [firstLoss] = await served.untilErrors();
  const ports = served.server.clients.map((client) => client?.port);
  // Whichever thread it was: it had its own, all of them, and no other's.
  const [lost, kept] = ports.includes(portOf(doomed[0]!.client))
    ? [doomed, others]
    : [others, doomed];
  deepStrictEqual(
    new Set(ports),
    new Set([portOf(killer), ...lost.map(({ client }) => portOf(client))]),
  );
  for (const { client } of kept) {
    await client.write(encode("a\n"));
    strictEqual(await client.read(new Uint8Array(10)), 4);
  }
  const errors = [firstLoss, ...served.takeErrors()] as Error[];
  ok(errors.every((error) => error instanceof HandlerLostError));
  ok(
    errors.every(({ message }) =>
      message ===
        "The thread that ran this request is gone: Its code called self.close()"
    ),
  );
  const answers = await soon(
    Promise.all(
      Array.from({ length: 30 }, () => ask(served.addr, "thread\n")),
    ),
  );
  strictEqual(answers.every(({ length }) => length === 36), true);
  for (const { client } of held) client.close();
});

Deno.test("clients that wait to be accepted while the only thread dies are served by the next", async () => {
  await using served = await startAccepting({ workers: 1, maxConnections: 1 });
  for (let i = 0; i < 3; i++) {
    const { client } = await begin(served.addr, "thread, then lines");
    const dying = order(served.addr, "self.close()");
    const waiting = Array.from(
      { length: 10 },
      () => ask(served.addr, "thread\n"),
    );
    client.close();
    await soon(readAll(await dying));
    const answers = await soon(Promise.all(waiting));
    deepStrictEqual(answers.map(({ length }) => length), Array(10).fill(36));
    ok((await served.untilErrors())[0] instanceof HandlerLostError);
  }
});

Deno.test("a thread in an endless loop is told with its clients, and the others serve", async () => {
  await using served = await startAccepting({
    workers: 2,
    requestTimeout: 300,
  });
  const { client, answer } = await begin(served.addr, "loop");
  strictEqual(answer, "looping");
  const port = (client.localAddr as Deno.NetAddr).port;
  const answers = await soon(
    Promise.all(
      Array.from({ length: 10 }, () => ask(served.addr, "thread\n")),
    ),
  );
  strictEqual(answers.every(({ length }) => length === 36), true);
  const [error] = await served.untilErrors() as Error[];
  strictEqual(
    error!.message,
    "The thread that ran this request is gone: its event loop did not answer for 1000 ms",
  );
  strictEqual(served.server.clients[0]?.port, port);
  strictEqual((await soon(ask(served.addr, "thread\n"))).length, 36);
  client.close();
});

Deno.test("a shutdown does not wait for a thread in an endless loop", async () => {
  await using served = await startAccepting({ workers: 1 });
  const { client } = await begin(served.addr, "loop");
  await soon(served.server.shutdown({ gracePeriod: 50 }));
  ok(served.takeErrors()[0] instanceof HandlerLostError);
  client.close();
});

// Shutting down.

Deno.test("handlers in several threads may wait for the shutdown at the same time", async () => {
  await using served = await startAccepting({ workers: 2 });
  const held = await holdAll(served.addr, 2);
  // All before the first asks for the shutdown: then nobody is let in any more.
  const waiting = await Promise.all(
    Array.from({ length: 4 }, () => Deno.connect(served.addr)),
  );
  for (const client of waiting) {
    await client.write(encode("shut down\n"));
    strictEqual(await soon(client.read(new Uint8Array(8))), 8);
  }
  const answers = waiting.map(readAll);
  // They wait for these, wherever they are.
  for (const { client } of held) client.close();
  deepStrictEqual(await soon(Promise.all(answers)), Array(4).fill("shut down"));
  await soon(served.server.finished);
  deepStrictEqual(served.errors, []);
});

Deno.test("a shutdown in the middle of accepts drops nobody who was let in", async () => {
  for (let round = 0; round < 3; round++) {
    await using served = await serveForTest(Greeting, {
      server: Accepting,
      options: { workers: 4, accept: "threads" },
    });
    const { server } = served;
    let going = true;
    let whole = 0;
    let refused = 0;
    const others: string[] = [];
    const clients = Array.from({ length: 16 }, async () => {
      while (going) {
        try {
          const answer = await readAll(await Deno.connect(server.addr));
          if (answer === "hello") whole++;
          else others.push(answer);
        } catch {
          // Not accepted any more: the kernel has reset or refused it.
          refused++;
        }
        if (whole === 100) void server.shutdown();
      }
    });
    await soon(server.finished);
    going = false;
    await soon(Promise.all(clients));
    ok(whole >= 100 && refused > 0);
    // An end without an answer is one of a connection that was accepted.
    deepStrictEqual(others, []);
  }
});

Deno.test("shutdown() may be called again, with a shorter time", async () => {
  await using served = await startAccepting({ workers: 2 });
  const { server } = served;
  const { client } = await begin(server.addr, "thread, then lines");
  void server.shutdown({ gracePeriod: Infinity });
  await soon(server.shutdown({ gracePeriod: 20 }));
  const [error] = served.takeErrors() as Error[];
  strictEqual(error!.name, "AbortError");
  client.close();
});

Deno.test("close() stops listening, and lets what is in progress go on", async () => {
  await using served = await startAccepting({ workers: 2 });
  const { server } = served;
  const { client } = await begin(server.addr, "thread, then lines");
  server.close();
  await client.write(encode("a\n"));
  strictEqual(await client.read(new Uint8Array(10)), 4);
  await client.closeWrite();
  strictEqual(await readAll(client), "");
  await soon(server.finished);
});

// One request at a time.

Deno.test("handleRequest serves one connection, keeps one that comes too late, and serves all then", async () => {
  await using server = new Accepting(LOOPBACK, Commanded, {
    workers: 2,
    accept: "threads",
    timeout: 20,
  });
  await soon(server.handleRequest());
  const answered = ask(server.addr, "lines\na\n");
  let answer: string | undefined;
  void answered.then((text) => answer = text);
  while (answer === undefined) await soon(server.handleRequest());
  strictEqual(answer, "<a>\n");
  const late = ask(server.addr, "lines\nb\n");
  const serving = server.serveForever();
  strictEqual(await soon(late), "<b>\n");
  strictEqual(await soon(ask(server.addr, "lines\nc\n")), "<c>\n");
  await server.shutdown();
  await serving;
});

Deno.test("handleRequest finds another thread where the one that was asked dies", async () => {
  await using server = new Accepting(LOOPBACK, Commanded, {
    workers: 1,
    accept: "threads",
  });
  for (let i = 0; i < 3; i++) {
    const handled = server.handleRequest();
    strictEqual(await soon(ask(server.addr, "self.close()\n")), "");
    await soon(handled);
    const next = server.handleRequest();
    strictEqual((await soon(ask(server.addr, "thread\n"))).length, 36);
    await soon(next);
  }
});

Deno.test("a storm of clients while threads start is answered whole", async () => {
  await using served = await startAccepting({ workers: 4 });
  const answers = await soon(Promise.all(
    Array.from({ length: 400 }, (_, i) => ask(served.addr, `lines\n${i}\n`)),
  ));
  deepStrictEqual(answers, answers.map((_, i) => `<${i}>\n`));
  strictEqual(served.errors.length, 0);
});

Deno.test("a server that is shut down as it begins to listen has nobody keep its socket", async () => {
  const server = new Accepting(LOOPBACK, Commanded, {
    ...{ workers: 1, accept: "threads" },
    onListen: () => void server.shutdown(),
  });
  // A timer that goes on would have a keeper hold the port for ever.
  await server.serveForever();
});
