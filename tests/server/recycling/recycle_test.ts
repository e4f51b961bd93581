import { match, ok, rejects, strictEqual } from "node:assert";
import { patiently } from "../../_patience.ts";
import { ThreadingTCPServer } from "../../../mod.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { Client, HandlerFile, make, start, WAYS } from "./_ways.ts";

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "its end");

for (const way of WAYS) {
  Deno.test(`recycle() has new code run (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    match(await ask(server.addr, "x\n"), /^1 /);
    file.write("2");
    await soon(server.recycle());
    match(await ask(server.addr, "x\n"), /^2 /);
    file.write("3");
    await soon(server.recycle());
    match(await ask(server.addr, "x\n"), /^3 /);
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`recycle() lets requests in old ones finish (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    using client = await Client.connect(server);
    match(await client.ask("hold"), /^1 /);
    file.write("2");
    let ended = false;
    const recycled = server.recycle().then(() => ended = true);
    strictEqual(await client.read(), "told\n");
    match(await ask(server.addr, "x\n"), /^2 /);
    match(await client.ask("x"), /^1 /);
    ok(!ended);
    client[Symbol.dispose]();
    await soon(recycled);
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`recycle() aborts requests after its grace period (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    using client = await Client.connect(server);
    match(await client.ask("x"), /^1 /);
    const recycled = server.recycle({ gracePeriod: 50 });
    strictEqual(await client.read().catch(() => ""), "");
    await soon(recycled);
    const [error] = await served.untilErrors();
    strictEqual((error as Error).name, "AbortError");
    strictEqual(
      (error as Error).message,
      "What ran the request was recycled and it did not finish within 50 ms",
    );
    match(await ask(server.addr, "x\n"), /^1 /);
  });

  Deno.test(`recycle() leaves what cannot be replaced (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file, {}, {
      // Another may have been wanted meanwhile, since the first was busy.
      allowErrors: (error) => /broken/.test(`${error}`),
    });
    const { server } = served;
    using client = await Client.connect(server);
    match(await client.ask("x"), /^1 /);
    file.breakIt();
    await rejects(soon(server.recycle()), /broken/);
    match(await client.ask("x"), /^1 /);
    match(await ask(server.addr, "x\n"), /^1 /);
    file.write("2");
    client[Symbol.dispose]();
    await soon(server.recycle());
    match(await ask(server.addr, "x\n"), /^2 /);
  });

  Deno.test(`recycle() under load loses nobody (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    let stopped = false;
    const load = async () => {
      while (!stopped) {
        match(await ask(served.addr, "x\n"), /^1 \d+ \d+\n/);
      }
    };
    const recycle = async () => {
      for (let i = 0; i < 3; i++) await soon(served.server.recycle());
    };
    await Promise.all([
      ...Array.from({ length: 8 }, load),
      recycle().finally(() => stopped = true),
    ]);
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`recycle() may be called while another is under way (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    match(await ask(server.addr, "x\n"), /^1 /);
    for (let i = 0; i < 3; i++) {
      await soon(Promise.all(Array.from({ length: 4 }, async (_, turns) => {
        while (turns-- > 0) await new Promise<void>((done) => setTimeout(done));
        await server.recycle();
      })));
    }
    file.write("2");
    await soon(Promise.all([server.recycle(), server.recycle()]));
    match(await ask(server.addr, "x\n"), /^2 /);
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`recycle() and a shutdown do not disturb each other (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    match(await ask(server.addr, "x\n"), /^1 /);
    const recycled = [server.recycle(), server.recycle()];
    await soon(server.shutdown());
    await soon(Promise.all(recycled));
    await soon(server.recycle());
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`recycle() before handleRequest(), and while it waits (${way})`, async () => {
    using file = new HandlerFile();
    const errors: unknown[] = [];
    await using server = await make(way, file, {
      onError: (error) => errors.push(error),
    });
    file.write("2");
    await soon(server.recycle());
    let handled = server.handleRequest();
    match(await ask(server.addr, "x\n"), /^2 /);
    await soon(handled);
    handled = server.handleRequest();
    file.write("3");
    await soon(server.recycle());
    match(await ask(server.addr, "x\n"), /^3 /);
    await soon(handled);
    strictEqual(errors.length, 0);
  });

  Deno.test(`recycle() refuses options that are none (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    await rejects(
      server.recycle({ gracePeriod: -1 }),
      new RangeError(
        "Cannot use gracePeriod: it must be a non-negative number of milliseconds, received -1",
      ),
    );
    await rejects(
      server.recycle({ graceperiod: 1 } as never),
      new TypeError(
        'Cannot recycle: unknown option "graceperiod"; did you mean "gracePeriod"?',
      ),
    );
  });
}

for (const way of ["threads accept", "main accepts"] as const) {
  Deno.test(`a thread that dies while its successor fails is replaced (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file, { workers: 1 });
    const { server } = served;
    using client = await Client.connect(server);
    match(await client.ask("x"), /^1 /);
    file.breakIt();
    const recycled = server.recycle();
    await client.send("die");
    await rejects(soon(recycled), /broken/);
    file.write("2");
    match(await soon(ask(server.addr, "x\n")), /^2 /);
    match(String(await served.untilErrors()), /^HandlerLostError: /);
  });
}

Deno.test("handleRequest() serves while another thread has the last request", async () => {
  using file = new HandlerFile();
  await using server = await make("threads accept", file);
  let handled = server.handleRequest();
  using first = await Client.connect(server);
  match(await first.ask("x"), /^1 /);
  await soon(handled);
  handled = server.handleRequest();
  using second = await Client.connect(server);
  match(await soon(second.ask("x")), /^1 /);
  await soon(handled);
});

Deno.test("handleRequest() serves while a thread that was replaced has requests", async () => {
  using file = new HandlerFile();
  await using server = await make("threads accept", file);
  let handled = server.handleRequest();
  using first = await Client.connect(server);
  match(await first.ask("hold"), /^1 /);
  await soon(handled);
  file.write("2");
  const recycled = server.recycle();
  strictEqual(await first.read(), "told\n");
  handled = server.handleRequest();
  match(await soon(ask(server.addr, "x\n")), /^2 /);
  await soon(handled);
  first[Symbol.dispose]();
  await soon(recycled);
});

Deno.test("recycle() has a client served that handleRequest() kept", async () => {
  using file = new HandlerFile();
  const Handler = await file.import();
  await using server = new ThreadingTCPServer(LOOPBACK, Handler, {
    ...{ workers: 1, accept: "threads", timeout: 0 },
  });
  await server.handleRequest();
  const kept = ask(server.addr, "x\n");
  await soon(server.recycle());
  // Whether it was accepted before or after, it is served.
  server.serveForever();
  match(await soon(kept), /^1 /);
});
