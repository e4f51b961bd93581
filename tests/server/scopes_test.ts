// What runs for one request is never taken for another's.

import { deepStrictEqual, strictEqual } from "node:assert";
import { StreamRequestHandler, TCPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";

/** Clients that keep their side open are let go soon. */
const BRIEFLY = { lingerTimeout: 50 };

const elapse = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Reads until the end of the stream, a little at a time. */
async function readSlowly(client: Deno.Conn): Promise<number> {
  const part = new Uint8Array(64 * 1024);
  let total = 0;
  for (let n; (n = await client.read(part)) !== null;) {
    total += n;
    if (total % 7 === 0) await elapse(0);
  }
  client.close();
  return total;
}

Deno.test("a synchronous handler's reply arrives whole beside a handler that waits", async () => {
  const SIZE = 8_000_000;
  const waiting = Promise.withResolvers<void>();
  let count = 0;
  class First extends StreamRequestHandler {
    override handle(): void | Promise<void> {
      if (count++ === 0) return void this.wfile.write(new Uint8Array(SIZE));
      return this.rfile.readAll().then(() => waiting.promise);
    }
  }
  await using served = await serveForTest(First);
  const first = await Deno.connect(served.addr);
  await first.write(new Uint8Array(1_000));
  await first.read(new Uint8Array(1));
  const second = await Deno.connect(served.addr);
  await second.closeWrite();
  strictEqual(await readSlowly(first), SIZE - 1);
  waiting.resolve();
  await readSlowly(second);
  deepStrictEqual(served.errors, []);
});

Deno.test("maxConnections and requestTimeout stay with their requests where a handler waits for nothing", async () => {
  let count = 0;
  let running = 0;
  let most = 0;
  class Mixed extends StreamRequestHandler {
    override handle(): void | Promise<void> {
      if (count++ === 0) {
        return void this.wfile.write(new Uint8Array(8_000_000));
      }
      most = Math.max(most, ++running);
      return this.rfile.readAll().then(() => {
        running--;
      }, () => {
        running--;
      });
    }
  }
  await using served = await serveForTest(
    Mixed,
    {
      options: {
        maxConnections: 2,
        requestTimeout: 300,
      },
    },
  );
  const first = await Deno.connect(served.addr);
  await first.read(new Uint8Array(1));
  const others = [];
  for (let i = 0; i < 3; i++) others.push(await Deno.connect(served.addr));
  await readSlowly(first);
  // All three time out in the end, two at a time.
  await served.untilErrors(3);
  strictEqual(most <= 2, true, `${most} at once`);
  for (const other of others) other.close();
});

Deno.test("shutdown() by what a handler has left running waits for the handlers that run", async () => {
  let count = 0;
  let running = false;
  const resolved = Promise.withResolvers<boolean>();
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  class Leaving extends StreamRequestHandler {
    override handle(): void | Promise<void> {
      if (count++ === 0) {
        void begun.promise.then(async () => {
          setTimeout(end.resolve, 50);
          await this.server.shutdown({ gracePeriod: 10_000 });
          resolved.resolve(running);
        });
        return;
      }
      running = true;
      begun.resolve();
      return end.promise.then(() => {
        running = false;
      });
    }
  }
  await using served = await serveForTest(Leaving, { options: BRIEFLY });
  (await Deno.connect(served.addr)).close();
  const second = await Deno.connect(served.addr);
  strictEqual(
    await patiently(resolved.promise, () => "the end of the shutdown"),
    false,
  );
  second.close();
  await served.server.finished;
});

Deno.test("shutdown() by serviceActions waits for every handler", async () => {
  let running = 0;
  const resolved = Promise.withResolvers<number>();
  class Serviced extends TCPServer {
    #called = false;
    override async serviceActions() {
      if (this.#called) return;
      this.#called = true;
      await elapse(20);
      await this.shutdown({ gracePeriod: 10_000 });
      resolved.resolve(running);
    }
  }
  await using served = await serveForTest(
    async ({ rfile }) => {
      running++;
      await rfile.readAll();
      running--;
    },
    { server: Serviced },
  );
  const clients = [
    await Deno.connect(served.addr),
    await Deno.connect(served.addr),
  ];
  await elapse(60);
  for (const client of clients) client.close();
  strictEqual(
    await patiently(resolved.promise, () => "the end of the shutdown"),
    0,
  );
});

Deno.test("shutdown() in onShutdown does not wait for its own handler", async () => {
  let count = 0;
  const told = Promise.withResolvers<void>();
  class Both extends StreamRequestHandler {
    #first = false;
    override async handle() {
      this.#first = count++ === 0;
      await this.wfile.write("ready");
      if (this.#first) {
        await this.rfile.readLine();
        await this.server.shutdown({ gracePeriod: 10_000 });
      } else await told.promise;
    }
    override async onShutdown() {
      if (this.#first) return;
      await this.server.shutdown({ gracePeriod: 10_000 });
      told.resolve();
    }
  }
  await using served = await serveForTest(Both, { options: BRIEFLY });
  const first = await Deno.connect(served.addr);
  await first.read(new Uint8Array(10));
  const second = await Deno.connect(served.addr);
  await second.read(new Uint8Array(10));
  await first.write(new TextEncoder().encode("go\n"));
  await patiently(served.server.finished, () => "the end of the server");
  first.close();
  second.close();
});

Deno.test("shutdown() inside a handler waits for those who are still let in", async () => {
  let answered = 0;
  let atEnd = 0;
  let count = 0;
  class Caller extends StreamRequestHandler {
    override async handle() {
      if (count++ === 0) {
        await this.rfile.readLine();
        await this.server.shutdown({ gracePeriod: 10_000 });
        atEnd = answered;
        return;
      }
      await elapse(20);
      answered++;
    }
  }
  await using served = await serveForTest(Caller, { options: BRIEFLY });
  const first = await Deno.connect(served.addr);
  const others = [];
  await first.write(new TextEncoder().encode("go\n"));
  for (let i = 0; i < 10; i++) {
    others.push(Deno.connect(served.addr).catch(() => undefined));
  }
  await patiently(served.server.finished, () => "the end of the server");
  strictEqual(atEnd, answered);
  first.close();
  for (const other of await Promise.all(others)) other?.close();
});
