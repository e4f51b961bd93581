import { match, ok, strictEqual, throws } from "node:assert";
import { ThreadingTCPServer } from "../../../mod.ts";
import { requestsOfThread } from "../../../server/_threads/requests_per_worker.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { patiently } from "../../_patience.ts";
import { Client, HandlerFile, start } from "./_ways.ts";

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "its end");

/** Whether an error says that the file of the handlers was broken. */
const isBroken = (error: unknown) => /broken/.test(`${error}`);

for (const way of ["threads accept", "main accepts"] as const) {
  Deno.test(`a thread is replaced after requestsPerWorker, and nobody is lost (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file, {
      ...{ requestsPerWorker: 10, workers: 1 },
    });
    using held = await Client.connect(served.server);
    const first = await held.ask("hold");
    const threads = new Set<string>([first]);
    while (threads.size < 2) threads.add(await ask(served.addr, "x\n"));
    // The first has told its handler, and waits for it as long as it takes.
    strictEqual(await held.read(), "told\n");
    strictEqual(await held.ask("x"), first);
    held[Symbol.dispose]();
    while (threads.size < 4) threads.add(await ask(served.addr, "x\n"));
    strictEqual(served.errors.length, 0);
  });

  Deno.test(`a thread that cannot be replaced after requestsPerWorker goes on (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file, {
      ...{ requestsPerWorker: 5, workers: 1 },
    }, {
      // One more may be on its way.
      allowErrors: isBroken,
    });
    const first = await ask(served.addr, "x\n");
    file.breakIt();
    // It is tried anew after as many requests again, and told each time.
    while (served.errors.length < 2) {
      strictEqual(await ask(served.addr, "x\n"), first);
    }
    ok(served.errors.every(isBroken), String(served.errors));
    file.write("2");
    let last = first;
    while (last === first) last = await ask(served.addr, "x\n");
    match(last, /^2 /);
  });
}

for (const way of ["threads accept", "main accepts"] as const) {
  Deno.test(`recycle() ends the requests of threads that were spent (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file, {
      ...{ requestsPerWorker: 1, workers: 1 },
    });
    const { server } = served;
    const clients = [];
    for (let i = 0; i < 4; i++) {
      const client = await Client.connect(server);
      clients.push(client);
      match(await client.ask("x"), /^1 /);
    }
    file.write("2");
    await soon(server.recycle({ gracePeriod: 50 }));
    for (const client of clients) {
      strictEqual(await client.read().catch(() => ""), "");
      client[Symbol.dispose]();
    }
    match(await ask(server.addr, "x\n"), /^2 /);
    for (const error of await served.untilErrors(4)) {
      match(String(error), /did not finish within 50 ms$/);
    }
  });
}

Deno.test("threads that begin together are not replaced together", () => {
  const found = new Set(
    Array.from({ length: 1_000 }, () => requestsOfThread(1_000)),
  );
  ok(found.size > 10);
  for (const requests of found) ok(requests > 899 && requests <= 1_000);
  strictEqual(requestsOfThread(1), 1);
  strictEqual(requestsOfThread(Infinity), Infinity);
});

Deno.test("requestsPerWorker that is no count is refused", async () => {
  using file = new HandlerFile();
  const Handler = await file.import();
  throws(
    () => new ThreadingTCPServer(LOOPBACK, Handler, { requestsPerWorker: 0 }),
    new RangeError(
      "Cannot create server: requestsPerWorker must be an integer of at least 1, received 0",
    ),
  );
});
