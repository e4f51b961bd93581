import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { TCPServer, UDPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";

class Quiet extends TCPServer {
  // The tests take its errors.
  override handleError(): void {}
}

/** Connects until the server lets nobody in any more, and returns who got in. */
async function untilRefused(address: Deno.NetAddr): Promise<Deno.Conn[]> {
  const letIn: Deno.Conn[] = [];
  for (let i = 0; i < 10_000; i++) {
    try {
      letIn.push(await Deno.connect(address as Deno.ConnectOptions));
    } catch (error) {
      // Refused, or reset if it came while the kernel was closing the socket.
      match((error as Error).message, /refused|reset/);
      return letIn;
    }
  }
  throw new Error("The server goes on accepting");
}

Deno.test("shutdown() before serveForever() makes it return at once", async () => {
  const server = new TCPServer(LOOPBACK, () => {});
  await server.shutdown();
  await server.serveForever();
  await server.finished;
  await rejects(server.handleRequest(), Deno.errors.BadResource);
});

Deno.test("shutdown() waits for running handlers, twice as well as once", async () => {
  let finish!: () => void;
  const finishing = new Promise<void>((resolve) => finish = resolve);
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const server = new TCPServer(LOOPBACK, async ({ wfile }) => {
    start();
    await finishing;
    await wfile.write("drained");
  }, { onError: (error) => void errors.push(error) });
  const served = server.serveForever();
  const answer = ask(server.addr);
  await started;
  const both = [server.shutdown(), server.shutdown({ gracePeriod: 60_000 })];
  // Some may still be let in, the last of them while the socket is being closed.
  const letIn = await untilRefused(server.addr);
  finish();
  strictEqual(await answer, "drained");
  await Promise.allSettled(letIn.map(readAll));
  await Promise.all([...both, served, server.finished]);
  deepStrictEqual(errors, []);
});

Deno.test("shutdown() aborts and closes what outlasts the grace period", async () => {
  const { promise: reason, resolve } = Promise.withResolvers<unknown>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Quiet(LOOPBACK, async ({ rfile, signal }) => {
      signal.addEventListener("abort", () => resolve(signal.reason));
      start();
      await rfile.readLine();
    }),
  );
  const client = await Deno.connect(served.addr);
  await started;
  await served.server.shutdown({ gracePeriod: 0 });
  strictEqual((await reason as DOMException).name, "AbortError");
  deepStrictEqual(served.takeErrors(), [await reason]);
  strictEqual(await readAll(client), "");
});

Deno.test("shutdown() ends though a handler never does", async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Quiet(LOOPBACK, () => {
      start();
      return new Promise<void>(() => {});
    }),
  );
  using client = await Deno.connect(served.addr);
  await started;
  await served.server.shutdown({ gracePeriod: 1 });
  strictEqual(served.takeErrors().length, 1);
  strictEqual(await client.read(new Uint8Array(1)), null);
});

Deno.test("shutdown() can be awaited inside handlers, several at once", async () => {
  const server = new Quiet(LOOPBACK, async ({ rfile, wfile, server }) => {
    await rfile.readLine();
    await server.shutdown();
    await wfile.write("after shutdown");
  });
  const served = server.serveForever();
  const clients = await Promise.all([
    Deno.connect(server.addr),
    Deno.connect(server.addr),
  ]);
  for (const client of clients) {
    await client.write(new TextEncoder().encode("go\n"));
  }
  deepStrictEqual(await Promise.all(clients.map(readAll)), [
    "after shutdown",
    "after shutdown",
  ]);
  await served;
});

Deno.test("serveForever({ signal }) and the signal option shut down", async () => {
  const one = new AbortController();
  const first = new TCPServer(LOOPBACK, () => {});
  const served = first.serveForever({ signal: one.signal });
  one.abort();
  await served;

  const two = new AbortController();
  const second = new TCPServer(LOOPBACK, () => {}, { signal: two.signal });
  const servedToo = second.serveForever();
  two.abort();
  await servedToo;

  await new TCPServer(LOOPBACK, () => {}, { signal: AbortSignal.abort() })
    .serveForever();
});

Deno.test("close() stops listening and lets handlers go on", async () => {
  const server = new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
    await wfile.write("ready\n");
    await wfile.write(`${await rfile.readLine()}`);
  });
  const served = server.serveForever();
  const client = await Deno.connect(server.addr);
  await client.read(new Uint8Array(6));
  server.close();
  server.close();
  // Refused, or reset if it came while the kernel was closing the socket.
  await rejects(Deno.connect(server.addr), /refused|reset/);
  await client.write(new TextEncoder().encode("still here\n"));
  strictEqual(await readAll(client), "still here");
  await served;
});

Deno.test("serveForever() refuses to run twice at once", async () => {
  await using served = await serveForTest(new TCPServer(LOOPBACK, () => {}));
  const { server } = served;
  await rejects(server.serveForever(), Deno.errors.Busy);
  await rejects(server.handleRequest(), Deno.errors.Busy);
});

Deno.test("onListen is told the address when serving starts", async () => {
  let told: Deno.NetAddr | undefined;
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, () => {}, {
      onListen: (address) => told = address,
    }),
  );
  deepStrictEqual(told, served.addr);
});

Deno.test("handleRequest() serves exactly one, and keeps the next for the next call", async () => {
  let served = 0;
  await using server = new TCPServer(LOOPBACK, ({ wfile }) => {
    wfile.write(`${++served}`);
  });
  const answers = [ask(server.addr), ask(server.addr)];
  await server.handleRequest();
  strictEqual(served, 1);
  await server.handleRequest();
  deepStrictEqual((await Promise.all(answers)).sort(), ["1", "2"]);
});

Deno.test("handleRequest() calls handleTimeout, and a later client is not lost", async () => {
  let timeouts = 0;
  class Timed extends TCPServer {
    override handleTimeout() {
      timeouts++;
    }
  }
  await using server = new Timed(
    LOOPBACK,
    ({ wfile }) => void wfile.write("late"),
    { timeout: 5 },
  );
  await server.handleRequest();
  await server.handleRequest();
  strictEqual(timeouts, 2);
  const answer = ask(server.addr);
  const served = new Promise<void>((resolve) => answer.then(() => resolve()));
  let done = false;
  served.then(() => done = true);
  while (!done) await server.handleRequest();
  strictEqual(await answer, "late");
});

Deno.test("handleRequest() ends when the server is shut down", async () => {
  const server = new TCPServer(LOOPBACK, () => {});
  const waiting = server.handleRequest();
  await server.shutdown();
  await waiting;
});

Deno.test(
  "shutdown() of a UDPServer sends the replies in progress",
  async () => {
    let finish!: () => void;
    const finishing = new Promise<void>((resolve) => finish = resolve);
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    await using served = await serveForTest(
      new UDPServer(LOOPBACK, async ({ wfile }) => {
        start();
        await finishing;
        wfile.write("reply");
      }),
    );
    const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
    await client.send(new Uint8Array(1), served.addr);
    await started;
    const down = served.server.shutdown();
    finish();
    strictEqual(new TextDecoder().decode((await client.receive())[0]), "reply");
    await down;
    client.close();
  },
);
