import { match, ok, rejects, strictEqual } from "node:assert";
import { StreamRequestHandler } from "../../../mod.ts";
import {
  MOST_SHUTDOWNS,
  Shutdowns,
} from "../../../server/_bridge/shutdowns.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { testBoth } from "./_accept_modes.ts";
import { order, Threads } from "./_threads.ts";

/** Asks for shutdowns without end, in several ways. */
export class Flooding extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const { server, signal } = this;
    const ignore = () => {};
    switch (await this.rfile.readLine()) {
      case "at once":
        for (let i = 0; i < 100_000; i++) server.shutdown().catch(ignore);
        break;
      case "one after the other":
        while (!signal.aborted) {
          server.shutdown().catch(ignore);
          await null;
          await new Promise((resolve) => setTimeout(resolve));
        }
        break;
      case "each sooner than the one before":
        for (let ms = 100_000; ms > 0; ms--) {
          server.shutdown({ gracePeriod: ms / 1_000 }).catch(ignore);
        }
        break;
      case "when the handler has ended":
        setTimeout(() => {
          for (let ms = 100_000; ms > 0; ms--) {
            server.shutdown({ gracePeriod: ms / 1_000 });
          }
        });
    }
  }
}

for (
  const what of [
    "at once",
    "one after the other",
    "each sooner than the one before",
    "when the handler has ended",
  ]
) {
  testBoth(
    `a flood of shutdowns does not keep a server from ending: ${what}`,
    async () => {
      await using served = await serveForTest(Flooding, {
        server: Threads,
        options: { workers: 1, gracePeriod: 100 },
      });
      using _ = await order(served.addr, what);
      await patiently(served.server.finished, () => "the end of the server");
      // Whoever only shuts down has no time to end, nor to answer.
      for (const error of served.takeErrors()) {
        match(String(error), /did not finish within 100 ms|did not answer/);
      }
    },
  );
}

Deno.test("a shutdown that changes nothing is not asked for again, and ends with the first", async () => {
  const shutdowns = new Shutdowns();
  let asked = 0;
  const ask = () => void asked++;
  const promises = [
    shutdowns.add({ gracePeriod: 100 }, ask),
    shutdowns.add({ gracePeriod: 100 }, ask),
    shutdowns.add({ gracePeriod: Infinity }, ask),
  ];
  strictEqual(asked, 1);
  // The server's own grace period is not known here, and a shorter one counts.
  promises.push(shutdowns.add({}, ask), shutdowns.add({ gracePeriod: 5 }, ask));
  strictEqual(asked, 3);
  for (let i = 0; i < asked; i++) shutdowns.settleOne();
  await Promise.all(promises);
});

Deno.test("a handler can ask for so many shutdowns and no more, until they are done", async () => {
  const shutdowns = new Shutdowns();
  const waiting: Promise<void>[] = [];
  for (let i = 0; i < MOST_SHUTDOWNS; i++) {
    waiting.push(shutdowns.add({ gracePeriod: 1_000 - i }, () => {}));
  }
  ok(shutdowns.full);
  await rejects(
    Promise.try(() => shutdowns.add({ gracePeriod: 1 }, () => {})),
    Deno.errors.Busy,
  );
  shutdowns.settleAll();
  await Promise.all(waiting);
  ok(!shutdowns.full);
});
