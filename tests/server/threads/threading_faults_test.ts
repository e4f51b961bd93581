import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  strictEqual,
} from "node:assert";
import { HandlerLostError } from "../../../mod.ts";
import { isDisconnect } from "../../../server/_core/accept_errors.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { ask, readAll } from "../../_loopback.ts";
import { ROUNDS } from "../../fuzz/_fuzzing.ts";
import { Random } from "../bridge/_random.ts";
import { testBoth, testMain } from "./_accept_modes.ts";
import { checksum, Obedient, pattern } from "./_threading_handlers.ts";
import {
  DatagramClient,
  order,
  startDatagramThreads,
  startThreads,
  Threads,
} from "./_threads.ts";

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "an answer");

/** Each order that ends its thread, and what handleError is told. */
const DEATHS = {
  "self.close()": "Its code called self.close()",
  "Deno.exit()": "Its code called Deno.exit(1)",
  "throw later": "uncaught",
  "reject": "unhandled",
};

for (const [death, why] of Object.entries(DEATHS)) {
  testBoth(
    `a thread that dies of ${death} takes its own requests alone, and is replaced`,
    async (mode) => {
      // Where threads accept for themselves, both clients may come to the first,
      // if the machine is too busy to start another: then it is tried again.
      const most = mode === "threads" ? 10 : 1;
      for (let attempt = 1; attempt <= most; attempt++) {
        if (await neighbourOutlives(death, why)) return;
      }
      throw new Error("both clients were on one thread each time");
    },
  );
}

/** Whether a client on another thread outlives one whose thread dies. */
async function neighbourOutlives(death: string, why: string): Promise<boolean> {
  await using served = await startThreads({ workers: 2 });
  // One on each thread: the least loaded is chosen.
  using neighbour = await order(served.addr, "lines");
  await neighbour.write(new TextEncoder().encode("a\n"));
  const answer = new Uint8Array(4);
  await neighbour.read(answer);
  const doomed = await order(served.addr, death);
  strictEqual(await soon(readAll(doomed)), "");
  const [error] = await served.untilErrors();
  ok(error instanceof HandlerLostError);
  strictEqual(
    error.message,
    `The thread that ran this request is gone: ${why}`,
  );
  strictEqual((error.cause as Error).message, why);
  const printed = Deno.inspect(error);
  strictEqual(printed.split(why).length, 2, printed);
  // The other lives, and a new one takes the place of the dead.
  const outlives = await neighbour.write(new TextEncoder().encode("b\n"))
    .then(() => neighbour.read(answer)).then((n) => n === 4, () => false);
  const first = await soon(ask(served.addr, "thread\n"));
  match(first, /-/);
  await neighbour.closeWrite().catch(() => {});
  await served.server.shutdown();
  // A neighbour that was lost is told as well.
  strictEqual(served.takeErrors().length, outlives ? 0 : 1);
  return outlives;
}

testBoth(
  "a thread that dies without requests is reported once, and replaced",
  async () => {
    await using served = await startThreads();
    const before = await ask(served.addr, "thread\n");
    strictEqual(
      await readAll(await order(served.addr, "throw after the end")),
      "",
    );
    const [error] = await served.untilErrors();
    ok(error instanceof HandlerLostError);
    strictEqual(
      error.message,
      "A thread that ran no request is gone: left running",
    );
    strictEqual((error.cause as Error).message, "left running");
    // Once, and from where it was thrown.
    match(
      Deno.inspect(error),
      /^HandlerLostError: A thread that ran no request is gone: left running\n +at .*_threading_handlers\.ts.*\n(?: +at .*\n?)*$/,
    );
    notStrictEqual(await soon(ask(served.addr, "thread\n")), before);
    await served.server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

testMain(
  "a handler that transfers what it reads into fails alone",
  async () => {
    await using served = await startThreads();
    const neighbour = await order(served.addr, "lines");
    const careless = await order(served.addr, "transfer what is read into");
    const told = new Uint8Array(20);
    strictEqual(await soon(careless.read(told)), 11);
    await careless.write(new Uint8Array(3));
    strictEqual(await soon(readAll(careless)), "");
    const [error] = await served.untilErrors() as Error[];
    strictEqual(error!.name, "TypeError");
    await neighbour.write(new TextEncoder().encode("a\n"));
    strictEqual(await soon(neighbour.read(told)), 4);
    neighbour.close();
    await served.server.shutdown();
    deepStrictEqual(served.errors, []);
  },
);

for (const what of ["a loop of reads", "a loop of bare reads", "a pipe"]) {
  testBoth(
    `a handler that leaves ${what} behind harms nobody in its thread`,
    async () => {
      await using served = await startThreads();
      const before = await ask(served.addr, "thread\n");
      const silent = await order(served.addr, `leave ${what} behind`);
      strictEqual(await soon(readAll(silent)), "left");
      strictEqual(await soon(ask(served.addr, "thread\n")), before);
      await served.server.shutdown();
      deepStrictEqual(served.errors, []);
    },
  );
}

testBoth(
  "all requests of a thread that dies are closed and reported, whatever they wait for",
  async () => {
    await using served = await startThreads();
    const clients = await Promise.all([
      order(served.addr, "never return"),
      order(served.addr, "never read"),
      order(served.addr, "lines"),
      order(served.addr, "signal"),
    ]);
    // Each has been taken: the last has answered.
    await clients[3].read(new Uint8Array(10));
    await ask(served.addr, "thread\n");
    const doomed = await order(served.addr, "self.close()");
    const answers = await soon(Promise.all([...clients, doomed].map(readAll)));
    deepStrictEqual(answers, ["", "", "", "", ""]);
    strictEqual((await served.untilErrors(5)).length, 5);
  },
);

testBoth(
  "the reply of a request that ended before its thread died arrives",
  async () => {
    await using served = await startThreads();
    const answered = await order(served.addr, "answer before the end");
    const doomed = await order(served.addr, "end soon");
    await doomed.read(new Uint8Array(10));
    // Until the reply and the death have both come.
    const until = performance.now() + 100;
    while (performance.now() < until);
    strictEqual(await soon(readAll(answered)), "answered");
    strictEqual(await soon(readAll(doomed)), "");
    strictEqual((await served.untilErrors()).length, 1);
  },
);

testMain(
  "an endless loop past requestTimeout ends its thread, which is replaced",
  async () => {
    await using served = await startThreads({ requestTimeout: 200 });
    const before = await ask(served.addr, "thread\n");
    const looping = await order(served.addr, "loop");
    strictEqual(await soon(readAll(looping)), "");
    const [error] = await served.untilErrors() as Error[];
    strictEqual(error!.name, "TimeoutError");
    let after = "";
    // Those that come while it is looked at run into their own timeout.
    while (after === "") after = await soon(ask(served.addr, "thread\n"));
    notStrictEqual(after, before);
    for (const error of served.takeErrors()) {
      strictEqual((error as Error).name, "TimeoutError");
    }
  },
);

testMain(
  "an endless loop ends with a shutdown past its grace period",
  async () => {
    await using served = await startThreads();
    const looping = await order(served.addr, "loop");
    // Taken for sure: nobody else is answered any more.
    await soon(served.server.shutdown({ gracePeriod: 100 }));
    strictEqual(await readAll(looping), "");
    const [error] = await served.untilErrors() as Error[];
    strictEqual(error!.name, "AbortError");
  },
);

testBoth(
  "a handler that never returns gives its place back after requestTimeout",
  async () => {
    await using served = await startThreads({
      requestTimeout: 50,
      connectionsPerWorker: 1,
    });
    for (let i = 0; i < 3; i++) {
      strictEqual(
        await soon(readAll(await order(served.addr, "never return"))),
        "",
      );
      let answer = "";
      while (answer === "") answer = await soon(ask(served.addr, "thread\n"));
      match(answer, /-/);
    }
    // One that was asked while the place was taken may have had no time either.
    for (
      const error of [...await served.untilErrors(3), ...served.takeErrors()]
    ) {
      match(String(error), /longer than requestTimeout, 50 ms$/);
    }
  },
);

Deno.test("a datagram whose thread dies is reported, and the next is served", async () => {
  await using served = await startDatagramThreads();
  using client = new DatagramClient();
  await client.send(served.addr, "self.close()");
  const [error] = await served.untilErrors();
  ok(error instanceof HandlerLostError);
  strictEqual(await soon(client.ask(served.addr, "again")), "<again>");
});

Deno.test("a datagram that is answered after its request was aborted harms nobody", async () => {
  await using served = await startDatagramThreads({ requestTimeout: 1_500 });
  using client = new DatagramClient();
  const thread = await client.ask(served.addr, "thread");
  const late = "reply when aborted";
  strictEqual(await soon(client.ask(served.addr, late)), late);
  const [error] = await served.untilErrors() as Error[];
  strictEqual(error!.name, "TimeoutError");
  await client.send(served.addr, late);
  strictEqual(await soon(client.ask(served.addr, "thread")), thread);
  await soon(served.server.shutdown({ gracePeriod: 0 }));
  strictEqual(served.takeErrors().length, 1);
});

testMain(
  "a handler that was aborted may still wait for a shutdown",
  async () => {
    const outcomes: string[] = [];
    class Watched extends Threads {
      override async finishRequest(
        ...request: Parameters<Threads["finishRequest"]>
      ) {
        try {
          await super.finishRequest(...request);
          outcomes.push("ended");
        } catch (error) {
          outcomes.push(`${error}`);
          throw error;
        }
      }
    }
    await using served = await serveForTest(Obedient, {
      server: Watched,
      options: { workers: 1, requestTimeout: 500 },
    });
    const client = await order(served.addr, "shut down when aborted");
    strictEqual(await soon(readAll(client)), "waiting");
    await soon(served.server.finished);
    // One that waited in vain would be lost with its thread.
    deepStrictEqual(outcomes, ["ended"]);
    match(String(served.takeErrors()), /longer than requestTimeout, 500 ms$/);
  },
);

testBoth(
  "a thread that dies as shutdown waits for it holds it up no longer",
  async () => {
    await using served = await startThreads();
    const waiting = await order(served.addr, "lines");
    const doomed = await Deno.connect(served.addr);
    await ask(served.addr, "thread\n");
    const down = served.server.shutdown({ gracePeriod: Infinity });
    await doomed.write(new TextEncoder().encode("self.close()\n"));
    strictEqual(await soon(readAll(waiting)), "");
    strictEqual(await soon(readAll(doomed)), "");
    await soon(down);
    strictEqual(served.takeErrors().length, 2);
  },
);

testBoth(
  "requests that wait for a thread which dies as it starts are served by the next",
  async () => {
    await using served = await startThreads({ workers: 1 });
    for (let i = 0; i < 5; i++) {
      await soon(readAll(await order(served.addr, "self.close()")));
      const answers = await soon(
        Promise.all(
          Array.from({ length: 20 }, () => ask(served.addr, "thread\n")),
        ),
      );
      deepStrictEqual(answers.map(({ length }) => length), Array(20).fill(36));
      const [error] = await served.untilErrors();
      match(String(error), /is gone: Its code called self\.close\(\)$/);
    }
  },
);

testMain(
  "a request that is aborted while it waits for a thread never reaches one",
  async () => {
    await using served = await startThreads({ requestTimeout: 100 });
    strictEqual(await soon(readAll(await order(served.addr, "loop"))), "");
    // The thread is asked whether it still answers, and given nothing meanwhile.
    const waiting = await Promise.all(
      Array.from(
        { length: 5 },
        () => order(served.addr, "throw").then(readAll),
      ),
    );
    deepStrictEqual(waiting, ["", "", "", "", ""]);
    // The next thread may take longer to come than a request may wait.
    let answer = "";
    while (answer === "") answer = await soon(ask(served.addr, "thread\n"));
    strictEqual(answer.length, 36);
    const names = served.takeErrors().map((error) => (error as Error).name);
    deepStrictEqual(names.slice(0, 6), Array(6).fill("TimeoutError"));
  },
);

testBoth("shutdown ends whatever happens at the same time", async () => {
  const orders = [
    "self.close()",
    "lines",
    "never return",
    "write without end",
    "write a million bytes",
    "throw later",
    "shut down",
    "thread",
  ];
  const random = new Random(31);
  for (let round = 0; round < ROUNDS / 10; round++) {
    await using served = await startThreads(
      { workers: 1 + random.below(3) },
      // What happens is random, and so are its errors.
      { allowErrors: true },
    );
    const clients: Promise<void>[] = [];
    for (let i = random.below(6); i > 0; i--) {
      clients.push(
        order(served.addr, random.pick(orders)).then(async (conn) => {
          using client = conn;
          for (let n = random.below(3); n > 0; n--) {
            await client.read(new Uint8Array(1_000));
          }
        }).catch((error) => {
          // The server has gone.
          if (!isDisconnect(error)) throw error;
        }),
      );
    }
    for (let turns = random.below(6); turns > 0; turns--) {
      await new Promise((done) => setTimeout(done));
    }
    await soon(
      served.server.shutdown({ gracePeriod: random.pick([0, 5, 20]) }),
    );
    await soon(Promise.all(clients));
  }
});

testBoth(
  "a stampede of deaths loses no byte of connections on threads that live",
  async (mode) => {
    // Threads that accept for themselves die among clients that nobody else knows.
    const DURATION = mode === "threads" ? 10_000 : 3_000;
    await using served = await startThreads({ workers: 2 }, {
      allowErrors: (error) => error instanceof HandlerLostError,
    });
    const bytes = pattern(300_000);
    const expected = `${bytes.length} ${checksum(bytes)}`;
    const until = performance.now() + DURATION;
    let whole = 0;
    let lost = 0;
    let deaths = 0;
    let isServed = Promise.withResolvers<void>();
    let killing = true;
    const transfer = async () => {
      while (killing) {
        try {
          const client = await order(served.addr, "everything");
          try {
            for (let done = 0; done < bytes.length;) {
              done += await client.write(bytes.subarray(done));
            }
            await client.closeWrite();
          } catch {
            // Its thread has died.
          }
          const answer = await readAll(client);
          if (answer === "") lost++;
          else {
            strictEqual(answer, expected);
            whole++;
            isServed.resolve();
          }
        } catch (error) {
          if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
          lost++;
        }
        // Without a pause, no other file of tests would have a processor.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const kill = async () => {
      while (performance.now() < until || deaths <= 5) {
        deaths++;
        isServed = Promise.withResolvers();
        await readAll(await order(served.addr, "self.close()"));
        await new Promise((resolve) => setTimeout(resolve, 100));
        // Where threads are slow to start, nothing else would ever be done.
        await soon(isServed.promise);
      }
      killing = false;
    };
    await Promise.all([kill(), ...Array.from({ length: 8 }, transfer)]);
    strictEqual((await soon(ask(served.addr, "thread\n"))).length, 36);
    // Each loss is one that was reported, beside those that asked for it. A thread
    // that accepts for itself may die between an accept and its first note of it.
    const untold = mode === "threads" ? deaths : 0;
    const errors = served.takeErrors();
    const reported = errors.length;
    ok(whole >= deaths && deaths > 5, `${whole} whole, ${deaths} deaths`);
    ok(
      lost + deaths <= reported + untold,
      `${lost} lost, ${deaths} deaths, ${reported}`,
    );
    ok(
      errors.every((error) => error instanceof HandlerLostError),
    );
  },
);
