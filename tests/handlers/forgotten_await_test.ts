import { match, ok, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  UDPServer,
} from "../../mod.ts";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { ask, LOOPBACK, readAll, Reports, serve } from "../_serve.ts";
import { FAILING, Forgetful, WORKS } from "./_forgetful_handlers.ts";

class Plain extends TCPServer {
  readonly reports = new Reports();
  override handleError = this.reports.take;
}

class Threads extends ThreadingTCPServer {
  readonly reports = new Reports();
  override handleError = this.reports.take;
}

class Processes extends ForkingTCPServer {
  readonly reports = new Reports();
  override handleError = this.reports.take;
}

/** Every way of running, in one place each: what ends it ends its count. */
const SERVERS = {
  "on the event loop": () => new Plain(LOOPBACK, Forgetful),
  "in a thread": () => new Threads(LOOPBACK, Forgetful, { workers: 1 }),
  "in a process": () =>
    new Processes(LOOPBACK, Forgetful, {
      maxChildren: 1,
      spareChildren: 0,
      requestsPerChild: Infinity,
      connectionsPerChild: 100,
    }),
} as const;

const connect = (addr: Deno.Addr) =>
  Deno.connect(addr as Deno.NetAddr & { readonly transport: "tcp" });
const encode = (text: string) => new TextEncoder().encode(text);

for (const [where, make] of Object.entries(SERVERS)) {
  Deno.test(`what a handler ${where} leaves behind ends nothing but itself`, async () => {
    await using server = serve(make());
    const before = Number(await ask(server.addr, "requests\n"));
    for (const order of WORKS) {
      // What comes behind the order may come when the request is over.
      const client = await connect(server.addr);
      await client.write(encode(`${order}\n`));
      await client.write(encode("more\n")).catch(() => {});
      await client.closeWrite().catch(() => {});
      await readAll(client).catch(() => "");
    }
    const after = Number(await ask(server.addr, "requests\n"));
    strictEqual(after, before + WORKS.length + 1);
  });

  Deno.test(`what a client makes fail that a handler ${where} does not await ends nothing else`, async () => {
    await using server = serve(make());
    const before = Number(await ask(server.addr, "requests\n"));
    for (const order of FAILING) {
      const client = await connect(server.addr);
      await client.write(encode(`${order}\na line that is too long`));
      await client.closeWrite();
      // The handler still runs, and so does what it was served by.
      strictEqual(
        Number(await ask(server.addr, "requests\n")),
        before + 2 * FAILING.indexOf(order) + 2,
      );
      client.close();
    }
    await server.shutdown({ gracePeriod: 0 });
  });
}

Deno.test("the error of what a handler left behind asks whether handle() awaited it, and is reported", async () => {
  let learned: unknown;
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  await using server = serve(
    new Plain(LOOPBACK, (handler) => {
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
    }),
  );
  strictEqual(await ask(server.addr), "");
  await told;
  const [reported] = await server.reports.until(1);
  strictEqual(reported, learned);
  ok(learned instanceof Deno.errors.BadResource);
  match(
    learned.message,
    /^Cannot read: the request is finished; did handle\(\) await all that it started\?$/,
  );
});

Deno.test("a read whose promise nobody has looked at is reported where it still waits in the end", async () => {
  await using server = serve(
    new Plain(LOOPBACK, ({ rfile, wfile }) => {
      // The client would be sent "[object Promise]".
      wfile.write(`You said ${rfile.readLine()}`);
    }),
  );
  strictEqual(await ask(server.addr), "You said [object Promise]");
  const [error] = await server.reports.until(1);
  match(
    `${error}`,
    /^BadResource: Cannot read: the request is finished; did handle\(\) await all that it started\?$/,
  );
  // One that has what it asks for has done no harm.
  const { promise, resolve } = Promise.withResolvers<void>();
  await using other = serve(
    new Plain(LOOPBACK, async ({ rfile }) => {
      await rfile.peek();
      void rfile.readLine();
      resolve();
    }),
  );
  strictEqual(await ask(other.addr, "a line\n"), "");
  await promise;
  await other.shutdown();
  strictEqual(other.reports.errors.length, 0);
});

Deno.test("streams that a handler uses for the first time when its request is over say so", async () => {
  const errors: Error[] = [];
  const { promise: done, resolve: end } = Promise.withResolvers<void>();
  await using server = serve(
    new Plain(LOOPBACK, (handler) => {
      setTimeout(async () => {
        await handler.wfile.write("x").catch((error) => errors.push(error));
        await handler.rfile.read().catch((error) => errors.push(error));
        end();
      });
    }),
  );
  strictEqual(await ask(server.addr), "");
  await done;
  strictEqual(errors.length, 2);
  for (const error of errors) match(error.message, /did handle\(\) await/);
  strictEqual(server.reports.errors.length, 0);
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
  const reports = new Reports();
  class Server extends HTTPServer {
    override handleError = reports.take;
  }
  await using server = serve(new Server(LOOPBACK, Late));
  const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  for (let times = 0; times < 2; times++) {
    // Its body is never whole.
    const client = await connect(server.addr);
    await client.write(encode(`${head}Content-Length: 10\r\n\r\nab`));
    match(await readAll(client), /^HTTP\/1\.1 200 [^]*in time/);
  }
  const errors = await reports.until(4);
  for (const error of errors) ok(error instanceof Deno.errors.BadResource);
});

Deno.test("what a handler of datagrams leaves behind ends nothing but itself", async () => {
  const reports = new Reports();
  class Server extends UDPServer {
    override handleError = reports.take;
  }
  await using server = serve(
    new Server(LOOPBACK, (handler) => {
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
    }),
  );
  const client = Deno.listenDatagram({ ...LOOPBACK, transport: "udp" });
  for (let times = 0; times < 2; times++) {
    await client.send(encode("x"), server.addr);
  }
  const errors = await reports.until(4);
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
