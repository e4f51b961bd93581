import { ok, strictEqual } from "node:assert";
import { HandlerLostError } from "../../../mod.ts";
import { ask } from "../../_loopback.ts";
import { below, random } from "../../fuzz/_fuzzing.ts";
import { soon, startAccepting } from "./_accepting.ts";

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

for (const seed of [1, 2]) {
  Deno.test(`a server that is suspended, recycled and limited while its threads die answers everybody else (seed ${seed})`, async () => {
    const next = random(seed);
    await using served = await startAccepting({
      workers: 3,
      maxConnections: 8,
    });
    const { server } = served;
    let going = true;
    let deaths = 0;
    let lost = 0;
    let whole = 0;
    const clients = Array.from({ length: 12 }, async () => {
      while (going) {
        // One that is reset has lost its thread as well.
        const answer = await soon(
          ask(server.addr, "lines\nx\n").catch(() => ""),
        );
        if (answer === "") lost++;
        else {
          strictEqual(answer, "<x>\n");
          whole++;
        }
        await pause(5);
      }
    });
    const kill = () => {
      deaths++;
      void ask(server.addr, "self.close()\n").catch(() => "");
    };
    const recycled: Promise<void>[] = [];
    const steps = [
      () => server.suspend(),
      () => server.resume(),
      () => server.resume(),
      () => void (server.maxConnections = 1 + below(next, 10)),
      () => void recycled.push(server.recycle({ gracePeriod: 5_000 })),
      kill,
    ];
    for (let i = 0; i < 40; i++) {
      steps[below(next, steps.length)]!();
      await pause(below(next, 30));
    }
    server.resume();
    server.maxConnections = 8;
    // Those that die later take nobody with them who asked before.
    going = false;
    await soon(Promise.all(clients));
    await soon(Promise.all(recycled));
    strictEqual(await soon(ask(server.addr, "lines\nx\n")), "<x>\n");
    await soon(server.shutdown());
    ok(whole > 0);
    // Of those that are lost each is told, but for one of each thread that died
    // between an accept and its first note of it.
    const errors = served.takeErrors();
    ok(
      lost <= errors.length + deaths,
      `${lost} lost, ${deaths} deaths, ${errors.length} told`,
    );
    ok(errors.every((error) => error instanceof HandlerLostError), `${errors}`);
    strictEqual(server.stats().active, 0);
  });
}
