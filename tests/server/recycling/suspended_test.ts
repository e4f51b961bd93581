// Threads and processes that are replaced while their server accepts nobody.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import { patiently } from "../../_patience.ts";
import { ask } from "../../_loopback.ts";
import {
  Client,
  HandlerFile,
  make,
  type Server,
  start,
  WAYS,
} from "./_ways.ts";

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "its end");

/** Clients that ask, and the answers that have come. */
class Asked {
  readonly answers: string[] = [];
  readonly #all: Promise<string[]>;

  constructor(server: Server, count: number) {
    this.#all = Promise.all(Array.from({ length: count }, async () => {
      const answer = await ask(server.addr, "x\n");
      this.answers.push(answer);
      return answer;
    }));
  }

  all(): Promise<string[]> {
    return soon(this.#all);
  }
}

for (const way of WAYS) {
  Deno.test(`recycle() of a suspended server serves nobody until it goes on (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    for (let version = 2; version < 5; version++) {
      // Some of these are being accepted just then.
      const early = new Asked(server, 4);
      await ask(server.addr, "x\n");
      server.suspend();
      const late = new Asked(server, 8);
      file.write(`${version}`);
      await soon(server.recycle());
      await soon(server.recycle());
      deepStrictEqual(late.answers, []);
      server.resume();
      for (const answer of await late.all()) match(answer, /^\d+ \d+ \d+\n$/);
      strictEqual((await early.all()).length, 4);
    }
    deepStrictEqual(served.errors, []);
  });

  Deno.test(`recycle() of a suspended server aborts requests after its grace period (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    using client = await Client.connect(server);
    match(await client.ask("x"), /^1 /);
    server.suspend();
    const late = new Asked(server, 4);
    const recycled = server.recycle({ gracePeriod: 50 });
    strictEqual(await client.read().catch(() => ""), "");
    await soon(recycled);
    deepStrictEqual(late.answers, []);
    const [error] = await served.untilErrors();
    strictEqual((error as Error).name, "AbortError");
    server.resume();
    strictEqual((await late.all()).length, 4);
  });

  Deno.test(`a shutdown serves those who wait for a server that was suspended and recycled (${way})`, async () => {
    using file = new HandlerFile();
    await using served = await start(way, file);
    const { server } = served;
    match(await ask(server.addr, "x\n"), /^1 /);
    server.suspend();
    const late = await Promise.all(
      Array.from({ length: 6 }, () => Client.connect(server)),
    );
    for (const client of late) await client.send("x");
    await soon(server.recycle());
    const ended = server.shutdown();
    for (const client of late) {
      match(await client.read(), /^1 /);
      client[Symbol.dispose]();
    }
    await soon(ended);
    deepStrictEqual(served.errors, []);
  });

  Deno.test(`a client that handleRequest() kept is served when a server that was suspended and recycled goes on (${way})`, async () => {
    using file = new HandlerFile();
    const errors: unknown[] = [];
    await using server = await make(way, file, {
      timeout: 0,
      onError: (error) => errors.push(error),
    });
    await server.handleRequest();
    const kept = new Asked(server, 1);
    // It has been let in, but by processes, which accept it when asked again.
    while (
      way === "threads accept" && (await server.connections()).length === 0
    );
    server.suspend();
    await soon(server.recycle());
    await server.handleRequest();
    deepStrictEqual(kept.answers, []);
    server.resume();
    while (kept.answers.length === 0) await server.handleRequest();
    match(kept.answers[0]!, /^1 /);
    deepStrictEqual(errors, []);
  });
}
