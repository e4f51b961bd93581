import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { StreamRequestHandler } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask, readAll } from "../_loopback.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("maxConnections: 1 serves strictly one after the other and drops nobody", async () => {
  let running = 0;
  let most = 0;
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      most = Math.max(most, ++running);
      await wfile.write(`${await rfile.readLine()}`);
      running--;
    },
    { options: { maxConnections: 1 } },
  );
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => ask(served.addr, `${i}\n`)),
  );
  deepStrictEqual(answers, Array.from({ length: 50 }, (_, i) => `${i}`));
  strictEqual(most, 1);
});

Deno.test("maxConnections counts a client no more while its reply is on its way out", async () => {
  await using served = await serveForTest(
    ({ wfile }) => void wfile.write("x"),
    { options: { maxConnections: 1 } },
  );
  // None of them closes before all have been answered.
  const clients = [];
  for (let i = 0; i < 5; i++) {
    const client = await Deno.connect(served.addr);
    strictEqual(await client.read(new Uint8Array(10)), 1);
    clients.push(client);
  }
  for (const client of clients) client.close();
});

Deno.test("requestTimeout ends a handler that takes too long, and tells its signal", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using served = await serveForTest(
    async ({ rfile, signal }) => {
      signal.addEventListener("abort", () => resolve(signal.reason));
      await rfile.readLine();
    },
    { options: { requestTimeout: 10 } },
  );
  strictEqual(await readAll(await Deno.connect(served.addr)), "");
  strictEqual((await promise as DOMException).name, "TimeoutError");
  strictEqual((await served.untilErrors())[0], await promise);
});

Deno.test("requestTimeout frees the place of a handler that never returns", async () => {
  let hang = true;
  await using served = await serveForTest(
    ({ wfile }) => {
      if (!hang) return wfile.write("served");
      hang = false;
      return new Promise(() => {});
    },
    { options: { requestTimeout: 10, maxConnections: 1 } },
  );
  const hung = readAll(await Deno.connect(served.addr));
  strictEqual(await ask(served.addr), "served");
  strictEqual(await hung, "");
  match(String(await served.untilErrors()), /longer than requestTimeout/);
});

Deno.test("requestTimeout leaves requests alone that end in time", async () => {
  await using served = await serveForTest(
    ({ wfile }) => wfile.write("quick"),
    { options: { requestTimeout: 60_000 } },
  );
  for (let i = 0; i < 10; i++) strictEqual(await ask(served.addr), "quick");
  deepStrictEqual(served.errors, []);
});

Deno.test("idleTimeout closes a silent connection and spares a busy one", async () => {
  // Longer than what other tests keep this process from its event loop.
  const idleTimeout = 300;
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      for await (const line of rfile) await wfile.write(line + "\n");
    },
    { options: { idleTimeout } },
  );
  const silent = readAll(await Deno.connect(served.addr));
  const busy = await Deno.connect(served.addr);
  const started = performance.now();
  const answer = new Uint8Array(10);
  // Busy for as long as it takes to be five times past the timeout.
  while (performance.now() - started < 5 * idleTimeout) {
    await busy.write(encode("x\n"));
    strictEqual(await busy.read(answer), 2);
  }
  strictEqual(await silent, "");
  busy.close();
  const [error] = await served.untilErrors();
  strictEqual((error as DOMException).name, "TimeoutError");
  deepStrictEqual(served.errors, []);
});

Deno.test("idleTimeout sees the bytes of request.readable and request.writable", async () => {
  await using served = await serveForTest(
    ({ request }) => request.readable.pipeTo(request.writable),
    { options: { idleTimeout: 10_000 } },
  );
  strictEqual(await ask(served.addr, "through streams"), "through streams");
});

Deno.test("a reader's limit is the handler's to set", async () => {
  class Small extends StreamRequestHandler {
    override setup() {
      this.rfile.limit = 10;
    }
    override async handle() {
      await this.rfile.readLine().catch((error) =>
        this.wfile.write(error.message)
      );
    }
  }
  await using served = await serveForTest(Small);
  strictEqual(
    await ask(served.addr, "0123456789abc\n"),
    "Cannot read a line: it is longer than 10 bytes; raise the reader's limit to allow it, or take what has come by read()",
  );
});

Deno.test("the server reports writes that were refused and nobody looked at", async () => {
  const MIB = 2 ** 20;
  await using served = await serveForTest(
    ({ wfile }) => {
      for (let i = 0; i < 20; i++) wfile.write(new Uint8Array(MIB));
    },
  );
  const client = await Deno.connect(served.addr);
  const part = new Uint8Array(64 * 1024);
  let total = 0;
  // What was not refused arrives, and then no end that would look like that of all.
  await rejects(async () => {
    for (let n; (n = await client.read(part)) !== null;) total += n;
  }, Deno.errors.ConnectionReset);
  client.close();
  strictEqual(total <= 17 * MIB, true, `${total}`);
  const [error] = await served.untilErrors();
  strictEqual((error as Error).name, "LimitOverrunError");
});

Deno.test("the accept loop waits while there are no descriptors, and goes on", async () => {
  // In a process of its own, whose limit can be low.
  const program = `
    import { TCPServer } from ${
    JSON.stringify(import.meta.resolve("../../mod.ts"))
  };
    const reported: string[] = [];
    class Server extends TCPServer {
      override handleError(error: unknown) { reported.push(String(error)); }
    }
    await using server = new Server({ hostname: "127.0.0.1", port: 0 }, async ({ rfile, wfile }) => {
      await rfile.readLine();
      await wfile.write("served");
    });
    server.serveForever();
    console.log(server.addr.port);
    await Deno.stdin.read(new Uint8Array(1));
    console.log(reported.length, reported[0]);
    await server.shutdown({ gracePeriod: 0 });
    Deno.exit(0);`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const child = new Deno.Command("sh", {
    args: ["-c", 'ulimit -n 64; exec "$0" run -A "$1"', Deno.execPath(), file],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await out.read()).value);
  const clients = await Promise.all(
    Array.from(
      { length: 100 },
      () => Deno.connect({ hostname: "127.0.0.1", port }),
    ),
  );
  // All are answered in the end: those who were let in first make room.
  const answers = await Promise.all(clients.map(async (client) => {
    await client.write(encode("go\n"));
    return await readAll(client);
  }));
  deepStrictEqual(answers, Array(100).fill("served"));
  const stdin = child.stdin.getWriter();
  await stdin.write(encode("x"));
  await stdin.close();
  let rest = "";
  for (let part; !(part = await out.read()).done;) rest += part.value;
  strictEqual((await child.status).code, 0);
  await Deno.remove(file);
  // Whether the limit was met depends on how fast the first ones left.
  strictEqual(
    /^(0 undefined|[1-9]\d* .*Too many open files.*)\n$/.test(rest),
    true,
    rest,
  );
});
