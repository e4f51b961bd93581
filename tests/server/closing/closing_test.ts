import { deepStrictEqual, strictEqual } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import {
  type StreamRequestHandler,
  TCPServer,
  UnixStreamServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import {
  ask,
  isDisconnect,
  LOOPBACK,
  readAll,
  reset,
} from "../../_loopback.ts";
import { Folder } from "../../_program.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("a reply arrives whole though the client's bytes were left unread", async () => {
  const size = 400_000;
  await using served = await serveForTest(
    new TCPServer(
      LOOPBACK,
      ({ wfile }) => void wfile.write(new Uint8Array(size)),
    ),
  );
  const clients = Array.from({ length: 50 }, async () => {
    using client = await Deno.connect(served.addr);
    await client.write(new Uint8Array(10_000));
    const part = new Uint8Array(4096);
    let total = 0;
    for (let n; (n = await client.read(part)) !== null;) {
      total += n;
      // More that nobody will read, while the reply is on its way.
      if (total % 7 === 0) await client.write(new Uint8Array(100));
    }
    return total;
  });
  deepStrictEqual(await Promise.all(clients), Array(50).fill(size));
});

Deno.test("a reply arrives though the client never ends its side", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, ({ wfile }) => void wfile.write("bye")),
  );
  const client = await Deno.connect(served.addr);
  await client.write(encode("unread"));
  strictEqual(await readAll(client), "bye");
});

Deno.test("lingerTimeout: 0 closes at once", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, ({ wfile }) => void wfile.write("bye"), {
      lingerTimeout: 0,
    }),
  );
  using client = await Deno.connect(served.addr);
  strictEqual(await client.read(new Uint8Array(10)), 3);
  await served.server.shutdown();
  strictEqual(await client.read(new Uint8Array(10)), null);
});

Deno.test("lingerTimeout ends the wait for a client that goes on sending", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, () => {}, { lingerTimeout: 20 }),
  );
  using client = await Deno.connect(served.addr);
  let failed: unknown;
  while (failed === undefined) {
    await client.write(new Uint8Array(100)).catch((error) => failed = error);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await served.server.shutdown();
});

Deno.test("shutdown() past its grace period closes lingering connections too", async () => {
  await using served = await serveForTest(new TCPServer(LOOPBACK, () => {}));
  using client = await Deno.connect(served.addr);
  strictEqual(await client.read(new Uint8Array(1)), null);
  await served.server.shutdown({ gracePeriod: 1 });
});

Deno.test("a client that half-closes still gets its answer, and so does one that is half-closed", async () => {
  const { promise: rest, resolve } = Promise.withResolvers<string>();
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      const question = await rfile.readLine();
      await wfile.write(`answer to ${question}`);
      await wfile.closeWrite();
      resolve(new TextDecoder().decode(await rfile.readAll()));
    }),
  );
  strictEqual(await ask(served.addr, "half"), "answer to half");
  strictEqual(await rest, "");

  const { promise: later, resolve: resolveLater } = Promise.withResolvers<
    string
  >();
  await using second = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      await wfile.closeWrite();
      resolveLater(new TextDecoder().decode(await rfile.readAll()));
    }),
  );
  using client = await Deno.connect(second.addr);
  strictEqual(await client.read(new Uint8Array(1)), null);
  await client.write(encode("after your end"));
  await client.closeWrite();
  strictEqual(await later, "after your end");
});

Deno.test("unawaited writes are sent before the connection closes", async () => {
  const part = "x".repeat(100_000);
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ wfile }) => {
      for (let i = 0; i < 20; i++) {
        wfile.write(part);
        await Promise.resolve();
      }
    }),
  );
  strictEqual((await ask(served.addr)).length, 2_000_000);
});

Deno.test("handler.signal aborts when the peer resets while nothing is read", async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ wfile, signal }) => {
      await wfile.write("xx");
      await new Promise<void>((done) =>
        signal.addEventListener("abort", () => done())
      );
      resolve(signal.reason);
    }),
  );
  // Deno's close() sends FIN before RST, and a reader sees the end first.
  const client = connect(served.addr.port, served.addr.hostname);
  client.once("data", () => client.resetAndDestroy());
  await once(client, "close");
  strictEqual(await aborted instanceof Deno.errors.ConnectionReset, true);
});

Deno.test("writing to a peer that reset is an error of that client alone", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      if (await rfile.readLine() === "ok") return wfile.write("served");
      while (true) await wfile.write(new Uint8Array(65536));
    }),
  );
  const client = await Deno.connect(served.addr);
  await client.write(encode("flood\n"));
  await reset(client);
  const [error] = await served.untilErrors();
  strictEqual(
    error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe,
    true,
    String(error),
  );
  strictEqual(await ask(served.addr, "ok\n"), "served");
});

Deno.test("a write after the request has ended is refused and unhandled by nobody", async () => {
  const { promise, resolve } = Promise.withResolvers<StreamRequestHandler>();
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, (handler) => {
      handler.wfile.write("in time");
      resolve(handler);
    }),
  );
  strictEqual(await ask(served.addr), "in time");
  const handler = await promise;
  handler.wfile.write("too late, and not awaited");
  const error = await handler.wfile.write("too late").catch((e) => e);
  strictEqual(
    error.message,
    "Cannot write 8 bytes: the request is finished; did handle() await all that it started?",
  );
});

Deno.test("a handler may close its connection itself", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, ({ request }) => request.close()),
  );
  strictEqual(await ask(served.addr), "");
  await served.server.shutdown();
  deepStrictEqual(served.errors, []);
});

Deno.test("2,000 connections opened and reset at once leave the server serving", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      await wfile.write(`${await rfile.readLine()}`);
    }, { backlog: 128 }),
    // The kernel sends again what did not fit into its queue, seconds later.
    { gracePeriod: 30_000, allowErrors: isDisconnect },
  );
  await Promise.all(Array.from({ length: 2_000 }, async () => {
    const client = await Deno.connect(served.addr);
    await client.write(encode("no end"));
    client.close();
  }));
  strictEqual(await ask(served.addr, "next\n"), "next");
});

Deno.test("a fast client is served among 1,000 that send nothing", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      for await (const line of rfile) await wfile.write(line);
    }),
  );
  const slow = [];
  for (let i = 0; i < 1_000; i++) {
    const client = await Deno.connect(served.addr);
    await client.write(encode("h"));
    slow.push(client);
  }
  for (let i = 0; i < 100; i++) {
    strictEqual(await ask(served.addr, "fast\n"), "fast");
  }
  for (const client of slow) client.close();
});

Deno.test("a client that sends one byte at a time is understood", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(
    new UnixStreamServer(
      { path: folder.at("drip.sock") },
      async ({ rfile, wfile }) => {
        await wfile.write(`<${await rfile.readLine()}>`);
      },
    ),
  );
  const client = await Deno.connect({
    transport: "unix",
    path: served.addr.path!,
  });
  for (const byte of encode("drop\r\n")) {
    await client.write(new Uint8Array([byte]));
  }
  strictEqual(await readAll(client), "<drop>");
});
