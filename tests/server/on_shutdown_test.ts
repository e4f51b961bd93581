import { deepStrictEqual, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { readAll } from "../_loopback.ts";
import { Farewell } from "./closing/_farewell_handler.ts";

for (
  const [where, Base] of [
    ["on the event loop", TCPServer],
    // Their constructors take fewer handlers, which is no matter here.
    ["in threads", ThreadingTCPServer as unknown as typeof TCPServer],
    ["in processes", ForkingTCPServer as unknown as typeof TCPServer],
  ] as const
) {
  class Server extends Base {
    readonly errors: unknown[] = [];
    override handleError(error: unknown): void {
      this.errors.push(error);
    }
  }

  /** Connects, gives an order and waits until the handler has it. */
  const order = async (server: Server, text: string) => {
    const client = await Deno.connect(server.addr);
    await client.write(new TextEncoder().encode(`${text}\n`));
    strictEqual(await client.read(new Uint8Array(100)), "ready\n".length);
    return client;
  };

  Deno.test(`a shutdown is told to every handler that runs ${where}`, async () => {
    await using served = await serveForTest(Farewell, { server: Server });
    const { server } = served;
    const clients = [await order(server, "a"), await order(server, "b")];
    const down = server.shutdown({ gracePeriod: Infinity });
    deepStrictEqual(await Promise.all(clients.map(readAll)), [
      "goodbye\n",
      "goodbye\n",
    ]);
    await down;
    deepStrictEqual(server.errors, []);
  });

  Deno.test(`what a handler throws or rejects with when it is told is reported ${where}`, async () => {
    await using served = await serveForTest(Farewell, { server: Server });
    const { server } = served;
    const clients = [
      await order(server, "fail"),
      await order(server, "fail later"),
    ];
    const down = server.shutdown({ gracePeriod: Infinity });
    deepStrictEqual(await Promise.all(clients.map(readAll)), [
      "goodbye\n",
      "goodbye\n",
    ]);
    await down;
    deepStrictEqual(
      server.errors.map((error) => (error as Error).message),
      ["no farewell", "no farewell"],
    );
    deepStrictEqual(served.takeErrors(), server.errors);
  });
}

Deno.test("a handler that is made while the server shuts down is told at once", async () => {
  const verifying = Promise.withResolvers<void>();
  const verified = Promise.withResolvers<boolean>();
  class Slow extends TCPServer {
    override verifyRequest(): Promise<boolean> {
      verifying.resolve();
      return verified.promise;
    }
  }
  let told = 0;
  class Told extends StreamRequestHandler {
    override onShutdown(): void {
      told++;
    }
  }
  await using served = await serveForTest(Told, { server: Slow });
  const client = await Deno.connect(served.addr);
  await verifying.promise;
  const down = served.server.shutdown({ gracePeriod: Infinity });
  verified.resolve(true);
  strictEqual(await readAll(client), "");
  await down;
  strictEqual(told, 1);
});
