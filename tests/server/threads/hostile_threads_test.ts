import { match, ok, strictEqual } from "node:assert";
import { HandlerLostError } from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { ask, readAll } from "../../_loopback.ts";
import { ROUNDS } from "../../fuzz/_fuzzing.ts";
import { testBoth, testMain } from "./_accept_modes.ts";
import { Hostile, HOSTILE_ORDERS } from "./_hostile_handlers.ts";
import { order, Threads } from "./_threads.ts";

const soon = <T>(coming: Promise<T>, what: string) =>
  patiently(coming, () => `an answer after: ${what}`);

/** Gives an order to a handler, and waits until its request is over. */
async function command(server: Threads, what: string): Promise<void> {
  const client = await order(server.addr, what);
  await soon(readAll(client).catch(() => ""), what);
}

/** Asks until a thread that was not harmed answers. */
async function answers(server: Threads, after: string): Promise<void> {
  let answer = "";
  // A thread that was harmed may be found out only by what it answers.
  for (let tries = 0; answer !== "fine" && tries < 5; tries++) {
    answer = await soon(ask(server.addr, "thread\n").catch(() => ""), after);
  }
  strictEqual(answer, "fine", after);
}

function start(
  options: { readonly requestTimeout?: number } = {},
  allowErrors: boolean | ((error: unknown) => boolean) = false,
): Promise<TestServer<Threads>> {
  return serveForTest(Hostile, {
    server: Threads,
    options: { workers: 2, ...options },
    allowErrors,
  });
}

for (const what of HOSTILE_ORDERS) {
  // It may be that nothing comes of it, and the handler has to be given up.
  const isExpected = (error: unknown) =>
    error instanceof HandlerLostError ||
    (error as Error).name === "TimeoutError" || what.includes("throw");
  testMain(
    `a handler that could ${what} harms its own thread alone`,
    async () => {
      await using served = await start({ requestTimeout: 1_000 }, isExpected);
      await command(served.server, what);
      await answers(served.server, what);
      for (const error of await served.untilErrors()) {
        ok(isExpected(error), `${error}`);
      }
    },
  );
}

testMain(
  "a thread that writes random words over all it shares is replaced, and the other serves",
  async () => {
    await using served = await start(
      { requestTimeout: 1_000 },
      // What becomes of its requests is chance.
      true,
    );
    const { server } = served;
    const rounds = Math.ceil(ROUNDS / 20);
    for (let seed = 1; seed <= rounds; seed++) {
      const what = `scribble ${seed}`;
      // Holds one of the threads, so that both take part.
      const waiting = await Deno.connect(server.addr);
      await command(server, what);
      waiting.close();
      await answers(server, what);
    }
    const lost = served.takeErrors().filter((error) =>
      error instanceof HandlerLostError
    );
    ok(lost.length > rounds / 4, `${lost.length} of ${rounds} were found out`);
  },
);

testBoth("a thread posts no message, and serves on", async () => {
  await using served = await start();
  const { server } = served;
  const orders = HOSTILE_ORDERS.filter((what) => what.includes("messages"));
  ok(orders.length > 1);
  for (const what of orders) await command(server, what);
  for (const error of await served.untilErrors(orders.length)) {
    ok(error instanceof TypeError, `${error}`);
    match(error.message, /^Cannot post a message: nobody listens/);
  }
  await answers(server, "all of them");
});
