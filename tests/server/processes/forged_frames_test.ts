import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  ForkingUDPServer,
  HandlerLostError,
} from "../../../mod.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import {
  DATAGRAM_FORGERIES,
  DatagramForger,
  Forger,
  FORGERIES,
  SHUTDOWNS,
} from "./_forging_handlers.ts";

class Server extends ForkingTCPServer {
  override handleMessage(): void {}
}

/** What ends a process says why: once, and for its request alone. */
async function endedAlone(
  served: TestServer,
): Promise<HandlerLostError> {
  const [error] = await served.untilErrors();
  ok(error instanceof HandlerLostError, `${error}`);
  match(error.message, /is gone: Cannot /);
  strictEqual((error.cause as Error).name, "ProtocolError");
  deepStrictEqual(served.errors, []);
  return error;
}

for (const what of Object.keys(FORGERIES)) {
  Deno.test(`a process that forges ${what} without end is ended, and no other`, async () => {
    await using served = await serveForTest(Forger, { server: Server });
    // It does not read: what is sent to it fills its window.
    const conn = await Deno.connect(served.addr as Deno.ConnectOptions);
    await conn.write(new TextEncoder().encode(`${what}\n`));
    await endedAlone(served);
    conn.close();
    strictEqual(await ask(served.addr, "?\n"), "done");
  });
}

for (const what of Object.keys(SHUTDOWNS)) {
  Deno.test(`a process that forges ${what} without end is ended, and the server ends`, async () => {
    await using served = await serveForTest(Forger, { server: Server });
    const conn = await Deno.connect(served.addr as Deno.ConnectOptions);
    await conn.write(new TextEncoder().encode(`${what}\n`));
    const { message } = await endedAlone(served);
    ok(message.length < 1_000, message);
    conn.close();
  });
}

for (const what of Object.keys(SHUTDOWNS)) {
  Deno.test(`a process that forges ${what} where it may ask for none is ended, and the server goes on`, async () => {
    await using served = await serveForTest(Forger, {
      ...{ server: Server, options: { allowShutdown: false } },
    });
    const conn = await Deno.connect(served.addr as Deno.ConnectOptions);
    await conn.write(new TextEncoder().encode(`${what}\n`));
    match((await endedAlone(served)).message, /allowShutdown is false/);
    conn.close();
    strictEqual(await ask(served.addr, "?\n"), "done");
  });
}

for (const what of Object.keys(DATAGRAM_FORGERIES)) {
  Deno.test(`a process that forges ${what} for a datagram is ended, and no other`, async () => {
    await using served = await serveForTest(DatagramForger, {
      server: ForkingUDPServer,
    });
    const [client, other] = [1, 2].map(() =>
      Deno.listenDatagram({ transport: "udp", ...LOOPBACK })
    ) as [Deno.DatagramConn, Deno.DatagramConn];
    await client.send(new TextEncoder().encode(what), served.addr);
    await endedAlone(served);
    // The first has its queue full of what was forged.
    await other.send(new TextEncoder().encode("?"), served.addr);
    const [answer] = await patiently(other.receive(), () => "an answer");
    strictEqual(new TextDecoder().decode(answer), "done");
    client.close();
    other.close();
  });
}
