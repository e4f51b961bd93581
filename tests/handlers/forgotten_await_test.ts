import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { ForkingTCPServer, ThreadingTCPServer, UDPServer } from "../../mod.ts";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";
import { FAILING, Forgetful, WORKS } from "./_forgetful_handlers.ts";

/** Every way of running, in one place each: what ends it ends its count. */
const SERVERS = {
  "on the event loop": () => serveForTest(Forgetful),
  "in a thread": () =>
    serveForTest(Forgetful, {
      server: ThreadingTCPServer,
      options: { workers: 1 },
    }),
  "in a process": () =>
    serveForTest(Forgetful, {
      server: ForkingTCPServer,
      options: {
        maxChildren: 1,
        spareChildren: 0,
        requestsPerChild: Infinity,
        connectionsPerChild: 100,
      },
    }),
} as const;

/** What is told of a read or a write that comes when its request is over. */
const LEFT_BEHIND =
  /^BadResource: .*did handle\(\) await all that it started\?$/;
/** What is told of the others: how the orders fail, and the end of the server. */
const FAILED =
  /^(LimitOverrunError|IncompleteReadError|BrokenPipe|ConnectionReset|AbortError): /;

const connect = (addr: Deno.Addr) =>
  Deno.connect(addr as Deno.NetAddr & { readonly transport: "tcp" });
const encode = (text: string) => new TextEncoder().encode(text);

for (const [where, start] of Object.entries(SERVERS)) {
  Deno.test(`what a handler ${where} leaves behind ends nothing but itself`, async () => {
    await using served = await start();
    const before = Number(await ask(served.addr, "requests\n"));
    for (const order of WORKS) {
      // What comes behind the order may come when the request is over.
      const client = await connect(served.addr);
      await client.write(encode(`${order}\n`));
      await client.write(encode("more\n")).catch(() => {});
      await client.closeWrite().catch(() => {});
      await readAll(client).catch(() => "");
    }
    const after = Number(await ask(served.addr, "requests\n"));
    strictEqual(after, before + WORKS.length + 1);
    await served.server.shutdown();
    for (const error of served.takeErrors()) match(`${error}`, LEFT_BEHIND);
  });

  Deno.test(`what a client makes fail that a handler ${where} does not await ends nothing else`, async () => {
    await using served = await start();
    const before = Number(await ask(served.addr, "requests\n"));
    for (const order of FAILING) {
      const client = await connect(served.addr);
      await client.write(encode(`${order}\na line that is too long`));
      await client.closeWrite();
      // The handler still runs, and so does what it was served by.
      strictEqual(
        Number(await ask(served.addr, "requests\n")),
        before + 2 * FAILING.indexOf(order) + 2,
      );
      client.close();
    }
    await served.server.shutdown({ gracePeriod: 0 });
    for (const error of served.takeErrors()) match(`${error}`, FAILED);
  });
}

Deno.test("the error of what a handler left behind asks whether handle() awaited it, and is reported", async () => {
  let learned: unknown;
  const hooked: unknown[] = [];
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  await using served = await serveForTest(
    (handler) => {
      const work = async () => {
        try {
          await handler.rfile.readLine();
        } catch (error) {
          // Whoever awaits learns of it.
          learned = error;
          tell();
          throw error;
        }
      };
      void work();
    },
    { options: { onError: (error) => void hooked.push(error) } },
  );
  strictEqual(await ask(served.addr), "");
  await told;
  const [reported] = await served.untilErrors();
  strictEqual(reported, learned);
  deepStrictEqual(hooked, [learned]);
  ok(learned instanceof Deno.errors.BadResource);
  match(
    learned.message,
    /^Cannot read: the request is finished; did handle\(\) await all that it started\?$/,
  );
});

Deno.test("a read whose promise nobody has looked at is reported where it still waits in the end", async () => {
  await using served = await serveForTest(
    ({ rfile, wfile }) => {
      // The client would be sent "[object Promise]".
      wfile.write(`You said ${rfile.readLine()}`);
    },
  );
  strictEqual(await ask(served.addr), "You said [object Promise]");
  const [error] = await served.untilErrors();
  match(
    `${error}`,
    /^BadResource: Cannot read: the request is finished; did handle\(\) await all that it started\?$/,
  );
  // One that has what it asks for has done no harm.
  const { promise, resolve } = Promise.withResolvers<void>();
  await using other = await serveForTest(
    async ({ rfile }) => {
      await rfile.peek();
      void rfile.readLine();
      resolve();
    },
  );
  strictEqual(await ask(other.addr, "a line\n"), "");
  await promise;
  await other.server.shutdown();
  strictEqual(other.errors.length, 0);
});

Deno.test("streams that a handler uses for the first time when its request is over say so", async () => {
  const errors: Error[] = [];
  const { promise: done, resolve: end } = Promise.withResolvers<void>();
  await using served = await serveForTest(
    (handler) => {
      setTimeout(async () => {
        await handler.wfile.write("x").catch((error) => errors.push(error));
        await handler.rfile.read().catch((error) => errors.push(error));
        end();
      });
    },
  );
  strictEqual(await ask(served.addr), "");
  await done;
  strictEqual(errors.length, 2);
  for (const error of errors) match(error.message, /did handle\(\) await/);
  strictEqual(served.errors.length, 0);
});

Deno.test("what a handler of HTTP leaves behind ends nothing but itself", async () => {
  class Late extends BaseHTTPRequestHandler {
    override logMessage() {}

    doPOST(): void {
      void this.#read();
      void this.#write();
      this.sendResponse(200);
      this.endHeaders();
      this.wfile.write("in time");
    }

    async #read(): Promise<void> {
      while (await this.rfile.readLine() !== null);
    }

    async #write(): Promise<void> {
      const { wfile } = this;
      await new Promise((resolve) => setTimeout(resolve));
      await wfile.write("late");
    }
  }
  await using served = await serveForTest(Late, { server: HTTPServer });
  const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  for (let times = 0; times < 2; times++) {
    // Its body is never whole.
    const client = await connect(served.addr);
    await client.write(encode(`${head}Content-Length: 10\r\n\r\nab`));
    match(await readAll(client), /^HTTP\/1\.1 200 [^]*in time/);
  }
  const errors = await served.untilErrors(4);
  for (const error of errors) ok(error instanceof Deno.errors.BadResource);
});

Deno.test("what a handler of datagrams leaves behind ends nothing but itself", async () => {
  await using served = await serveForTest(
    (handler) => {
      const read = async () => {
        await new Promise((resolve) => setTimeout(resolve));
        await handler.rfile.readLine();
      };
      const write = async () => {
        await new Promise((resolve) => setTimeout(resolve));
        await handler.wfile.write("late");
      };
      void read();
      void write();
    },
    { server: UDPServer },
  );
  const client = Deno.listenDatagram({ ...LOOPBACK, transport: "udp" });
  for (let times = 0; times < 2; times++) {
    await client.send(encode("x"), served.addr);
  }
  const errors = await served.untilErrors(4);
  for (const error of errors) match(`${error}`, /did handle\(\) await/);
  client.close();
});

Deno.test("an error that is nobody's stream's ends a program as it always does", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { StreamReader } from ${
        JSON.stringify(import.meta.resolve("../../mod.ts"))
      };
      const rfile = new StreamReader({
        read: () => Promise.reject(new Error("the client's own")),
      });
      async function work() { await rfile.read(); }
      void work();
      await new Promise((resolve) => setTimeout(resolve, 1_000));`,
    ],
  }).output();
  strictEqual(code, 1);
  match(new TextDecoder().decode(stderr), /Uncaught .*the client's own/);
});
