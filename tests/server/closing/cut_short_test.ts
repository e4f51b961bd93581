// A client is not told that it has all where it has not, and one that has gone
// ends its request.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { ask, isDisconnect, LOOPBACK } from "../../_loopback.ts";
import { Answer, Flood, Ticker } from "./_cut_handlers.ts";

const MIB = 2 ** 20;

/** Connects with a client that tells a reset from an end. */
async function dial(server: TCPServer): Promise<Socket> {
  const { hostname, port } = server.addr;
  const client = connect({ host: hostname, port, allowHalfOpen: true });
  await once(client, "connect");
  return client;
}

/** Reads until the connection is over: how much came, and how it ended. */
async function readOut(client: Socket): Promise<[number, string]> {
  let total = 0;
  let how = "end";
  client.on("data", (data) => total += data.length);
  client.on("end", () => client.end());
  client.on("error", (error: { code?: string }) => how = `${error.code}`);
  await patiently(
    new Promise((resolve) => client.on("close", resolve)),
    () => "the end of the connection",
  );
  return [total, how];
}

for (
  const [where, Base] of [
    ["on the event loop", TCPServer],
    // Their constructors take fewer handlers, which is no matter here.
    ["in threads", ThreadingTCPServer as unknown as typeof TCPServer],
    ["in processes", ForkingTCPServer as unknown as typeof TCPServer],
  ] as const
) {
  Deno.test(`a reply of which writes were refused ends with a reset ${where}`, async () => {
    await using served = await serveForTest(new Base(LOOPBACK, Flood));
    const client = await dial(served.server);
    client.write("go\n");
    const [total, how] = await readOut(client);
    ok(total < 40 * MIB, `${total}`);
    // Where something still reads from the connection, a client that has taken
    // everything sees an end first.
    if (Base === TCPServer) strictEqual(how, "ECONNRESET");
    const [error] = await served.untilErrors();
    strictEqual((error as Error).name, "LimitOverrunError");
  });

  Deno.test(`a handler that never looks at its writes is let go when its client has gone ${where}`, async () => {
    Ticker.stop = false;
    await using served = await serveForTest(
      new Base(LOOPBACK, Ticker, { maxConnections: 1 }),
    );
    const { server } = served;
    const client = await dial(server);
    await once(client, "data");
    client.resetAndDestroy();
    const errors = await served.untilErrors();
    strictEqual(errors.length, 1);
    match(`${errors[0]}`, /BrokenPipe|ConnectionReset|Broken pipe|reset/);
    // Its place is free, whatever it still does.
    const next = await dial(server);
    await patiently(once(next, "data"), () => "the next client's turn");
    next.resetAndDestroy();
    await server.shutdown({ gracePeriod: 0 });
    for (const error of served.takeErrors()) {
      ok(isDisconnect(error) || (error as Error).name === "AbortError");
    }
    Ticker.stop = true;
    await Promise.all(Ticker.running);
  });

  Deno.test(`a connection whose client has ended its side is closed at once ${where}`, async () => {
    await using served = await serveForTest(new Base(LOOPBACK, Answer));
    strictEqual(await ask(served.addr, "12345"), "5");
    // A client that keeps its end open for ever does not hold up the server.
    const client = await Deno.connect(served.addr);
    await client.write(new Uint8Array(3));
    await client.closeWrite();
    const buffer = new Uint8Array(10);
    strictEqual(await client.read(buffer), 1);
    strictEqual(await client.read(buffer), null);
    await served.server.shutdown();
    client.close();
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("lingering connections are no error of a shutdown, and end with its grace period", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, ({ wfile }) => wfile.write("bye")),
  );
  const client = await Deno.connect(served.addr);
  strictEqual(await client.read(new Uint8Array(10)), 3);
  await served.server.shutdown({ gracePeriod: 50 });
  client.close();
  deepStrictEqual(served.errors, []);
});
