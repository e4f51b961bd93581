import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { type StreamRequestHandler, ThreadingUDPServer } from "../../../mod.ts";
import { restartPause } from "../../../server/_bridge/remote_pool.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { Child, Folder } from "../../_program.ts";
import { ask, readAll } from "../../_loopback.ts";
import { acceptMode, testBoth, testMain } from "./_accept_modes.ts";
import { Datagrams, Obedient } from "./_threading_handlers.ts";
import { DatagramClient, order, startThreads, Threads } from "./_threads.ts";

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "an answer");

/** Has `_threading_program.ts` do something, and gives what it measured. */
async function scene(
  name: string,
  flags = "--expose-gc",
  ...args: string[]
): Promise<Record<string, number>> {
  await using child = new Child(Deno.execPath(), [
    ...["run", "--quiet", "--allow-all", "--unstable-net"],
    ...[
      `--v8-flags=${flags}`,
      `${import.meta.dirname}/_threading_program.ts`,
    ],
    ...[acceptMode(), name],
    ...args,
  ]);
  const { code, stdout, stderr } = await child.output();
  strictEqual(code, 0, stderr);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A client whose handler runs until it is closed, and the thread it runs in. */
async function hold(
  server: Threads,
): Promise<{ client: Deno.Conn; thread: string }> {
  const client = await order(server.addr, "thread, then lines");
  const buffer = new Uint8Array(100);
  const n = await soon(client.read(buffer));
  return { client, thread: new TextDecoder().decode(buffer.subarray(0, n!)) };
}

// Which thread, and how many.

testBoth(
  "threads start when they are needed, and no more than workers says",
  async (mode) => {
    await using served = await startThreads({ workers: 3 });
    const used = new Set<string>();
    for (let i = 0; i < 10; i++) used.add(await ask(served.addr, "thread\n"));
    // A thread that accepts for itself has the next started with its first.
    ok(used.size <= (mode === "threads" ? 2 : 1), `${used.size} threads`);
    const held: Awaited<ReturnType<typeof hold>>[] = [];
    const threads = () => new Set(held.map(({ thread }) => thread)).size;
    // Threads that accept for themselves wait only briefly for one that starts.
    const most = mode === "threads" ? 500 : 7;
    while (held.length < 7 || threads() < 3 && held.length < most) {
      held.push(await hold(served.server));
    }
    strictEqual(threads(), 3);
    for (const { client } of held) client.close();
  },
);

testMain("the least loaded thread is chosen", async () => {
  await using served = await startThreads({ workers: 2 });
  const { server } = served;
  const held = [];
  for (let i = 0; i < 10; i++) held.push(await hold(server));
  const [first] = held;
  const onFirst = held.filter(({ thread }) => thread === first!.thread);
  strictEqual(onFirst.length, 5);
  // The first thread is freed: it takes the next ones.
  for (const { client } of onFirst) {
    await client.closeWrite();
    strictEqual(await readAll(client), "");
  }
  const next = [];
  for (let i = 0; i < 5; i++) next.push(await hold(server));
  deepStrictEqual(
    next.map(({ thread }) => thread),
    Array(5).fill(first!.thread),
  );
  for (const { client, thread } of [...held, ...next]) {
    if (thread !== first!.thread || next.some((n) => n.client === client)) {
      client.close();
    }
  }
});

for (
  const [limit, options, most] of [
    ["connectionsPerWorker", { workers: 2, connectionsPerWorker: 2 }, 4],
    ["maxConnections", { workers: 2, maxConnections: 3 }, 3],
  ] as const
) {
  testMain(
    `${limit} makes the server stop accepting, and drops nobody`,
    async () => {
      let running = 0;
      let peak = 0;
      class Watched extends Threads {
        override async finishRequest(
          ...request: Parameters<Threads["finishRequest"]>
        ) {
          peak = Math.max(peak, ++running);
          await super.finishRequest(...request);
          running--;
        }
      }
      await using served = await serveForTest(Obedient, {
        server: Watched,
        options,
      });
      const answers = await soon(Promise.all(
        Array.from({ length: 40 }, () => ask(served.addr, "spin for 5 ms\n")),
      ));
      deepStrictEqual(answers, Array(40).fill("spun"));
      strictEqual(peak, most);
      deepStrictEqual(served.errors, []);
    },
  );
}

testBoth(
  "a client waits in the backlog while all threads are full",
  async () => {
    await using served = await startThreads({ connectionsPerWorker: 1 });
    const { client } = await hold(served.server);
    const waiting = ask(served.addr, "thread\n");
    await client.write(new TextEncoder().encode("still\n"));
    await client.read(new Uint8Array(100));
    await client.closeWrite();
    await readAll(client);
    strictEqual((await soon(waiting)).length, 36);
  },
);

Deno.test("while a thread takes nothing, no more datagrams are received than its ring holds", async () => {
  const SENT = 60;
  let received = 0;
  class Counting extends ThreadingUDPServer {
    override verifyRequest() {
      received++;
      return true;
    }
  }
  await using served = await serveForTest(Datagrams, {
    server: Counting,
    options: { workers: 1 },
  });
  using client = new DatagramClient();
  await client.send(served.addr, "spin for a second");
  const turn = () => new Promise<void>((done) => setTimeout(done));
  for (let i = 0; i < SENT; i++) {
    await client.send(served.addr, "x".repeat(60_000));
    await turn();
  }
  ok(received > 10 && received < SENT / 2, `${received} received`);
  // It goes on when the thread does; until then what is sent may be dropped.
  using other = new DatagramClient();
  let answer = "";
  const answered = soon(other.receive()).then((text) => answer = text);
  while (answer === "") {
    await other.send(served.addr, "again");
    await turn();
  }
  await answered;
  strictEqual(answer, "<again>");
});

// Threads that die at once.

testBoth(
  "a thread that dies before it has served anything is replaced after a growing pause",
  async () => {
    await using served = await startThreads();
    const pauses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const started = performance.now();
      await soon(readAll(await order(served.addr, "self.close()")));
      pauses.push(performance.now() - started);
    }
    // Timers may be a little early.
    for (const [i, least] of [0, 95, 195, 395].entries()) {
      ok(pauses[i]! >= least, `${pauses}`);
    }
    strictEqual((await soon(ask(served.addr, "thread\n"))).length, 36);
    // It has served: the next takes its place without a pause.
    await soon(readAll(await order(served.addr, "self.close()")));
    await soon(ask(served.addr, "thread\n"));
    for (const error of await served.untilErrors(5)) {
      match(String(error), /is gone: Its code called self\.close\(\)$/);
    }
  },
);

Deno.test("the pause before the next start grows from nothing to 10 s", () => {
  deepStrictEqual(
    [0, 1, 2, 3, 8, 100].map(restartPause),
    [0, 100, 200, 400, 10_000, 10_000],
  );
});

/** A server whose handler class is in a file of its own, in `folder`. */
async function startFromFile(folder: Folder, workers: number) {
  const file = folder.at("handler.ts");
  await Deno.writeTextFile(
    file,
    `import { StreamRequestHandler } from ${
      JSON.stringify(import.meta.resolve("../../../mod.ts"))
    };
    export class Vanishing extends StreamRequestHandler {
      override async handle() {
        if (await this.rfile.readLine() === "end") self.close();
        await this.wfile.write("served");
      }
    }`,
  );
  const { Vanishing } = await import(`file://${file}`);
  Object.defineProperty(Vanishing, "moduleUrl", { value: `file://${file}` });
  const served = await serveForTest(Vanishing as typeof StreamRequestHandler, {
    server: Threads,
    options: { workers },
    // Threads that cannot be started are started again and again.
    allowErrors: (error) => `${error}`.includes(file),
  });
  return { file, served };
}

testMain(
  "a thread that never comes up again is told to the requests that wait for it",
  async () => {
    await using folder = new Folder();
    const { file, served } = await startFromFile(folder, 1);
    await using _ = served;
    const { server } = served;
    strictEqual(await ask(server.addr, "x\n"), "served");
    await Deno.remove(file);
    await soon(ask(server.addr, "end\n"));
    const answers = await soon(
      Promise.all([ask(server.addr, "x\n"), ask(server.addr, "x\n")]),
    );
    deepStrictEqual(answers, ["", ""]);
    const [lost, ...failed] = await served.untilErrors(3) as Error[];
    strictEqual(lost!.name, "HandlerLostError");
    for (const { message } of failed) ok(message.includes(file), message);
    // It is tried again for each that comes, and waits longer each time.
    strictEqual(await soon(ask(server.addr, "x\n")), "");
  },
);

testBoth(
  "a thread that cannot be started beside others is reported, and they serve",
  async () => {
    await using folder = new Folder();
    const { file, served } = await startFromFile(folder, 2);
    await using _ = served;
    const { server } = served;
    await Deno.remove(file);
    // Takes the one there is.
    using idle = await Deno.connect(server.addr);
    strictEqual(await soon(ask(server.addr, "x\n")), "served");
    const [error] = await served.untilErrors() as Error[];
    ok(error!.message.includes(file), error!.message);
    await idle.write(new TextEncoder().encode("x\n"));
    strictEqual(await idle.read(new Uint8Array(10)), 6);
  },
);

for (const when of ["", " after a timer"]) {
  testBoth(
    `a thread that runs out of memory${when} takes its own requests alone, and is replaced`,
    async (mode) => {
      // MiB: what a thread may use is what the main thread may.
      const once = () => scene("glutton", "--max-old-space-size=64", when);
      let measured = await once();
      // Threads that accept for themselves may both serve on one, on a machine too
      // busy to start another: then the one that was to live is lost with it.
      for (let more = 5; mode === "threads" && !measured.lived && more > 0;) {
        more--;
        measured = await once();
      }
      deepStrictEqual(
        measured,
        { answered: 0, lived: 1, served: 1, told: 1, errors: 1 },
      );
    },
  );
}

// Windows.

testBoth(
  "connections that stall hold up no other, and hold a window each",
  async () => {
    const { stalled, grown } = await scene("stalled");
    // One window each way, twice on the near side, in MiB, and the allocator's.
    ok(grown! < 1.5 * stalled!, `${grown} MiB for ${stalled} connections`);
  },
);

testBoth(
  "requestTimeout ends a handler that writes without end to a client that reads nothing",
  async () => {
    const { grown, ...rest } = await scene("flood");
    deepStrictEqual(rest, { timedOut: 1, served: 1, errors: 1 });
    ok(grown! < 32, `${grown} MiB`);
  },
);

testBoth(
  "four threads serve 5,000 connections at once, a quarter of them each",
  async (mode) => {
    const { right, threads, least, errors } = await scene("crowd");
    deepStrictEqual(
      { right, threads, errors },
      { right: 5_000, threads: 4, errors: 0 },
    );
    // The main thread chooses; threads only give way to each other.
    ok(least! >= (mode === "threads" ? 1_000 : 1_250), `${least} by one`);
  },
);

testBoth("threads that have nothing to do take no processor time", async () => {
  const { ticks } = await scene("idle");
  // Of the 50 ticks that went by.
  ok(ticks! <= 5, `${ticks} ticks`);
});
