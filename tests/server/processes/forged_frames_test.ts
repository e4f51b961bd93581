import { match, ok, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  ForkingUDPServer,
  HandlerLostError,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { ask, LOOPBACK, Reports, serve } from "../../_serve.ts";
import {
  DATAGRAM_FORGERIES,
  DatagramForger,
  Forger,
  FORGERIES,
  SHUTDOWNS,
} from "./_forging_handlers.ts";

class Server extends ForkingTCPServer {
  readonly reports = new Reports();
  override handleMessage(): void {}
  override handleError(error: unknown): void {
    this.reports.take(error);
  }
}

class DatagramServer extends ForkingUDPServer {
  readonly reports = new Reports();
  override handleError(error: unknown): void {
    this.reports.take(error);
  }
}

/** What ends a process says why: once, and for its request alone. */
async function endedAlone({ reports }: { readonly reports: Reports }) {
  const [error] = await reports.until(1);
  ok(error instanceof HandlerLostError, `${error}`);
  match(error.message, /is gone: Cannot /);
  strictEqual((error.cause as Error).name, "ProtocolError");
  strictEqual(reports.errors.length, 1);
}

for (const what of Object.keys(FORGERIES)) {
  Deno.test(`a process that forges ${what} without end is ended, and no other`, async () => {
    await using server = serve(new Server(LOOPBACK, Forger));
    // It does not read: what is sent to it fills its window.
    const conn = await Deno.connect(server.addr as Deno.ConnectOptions);
    await conn.write(new TextEncoder().encode(`${what}\n`));
    await endedAlone(server);
    conn.close();
    strictEqual(await ask(server.addr, "?\n"), "done");
  });
}

for (const what of Object.keys(SHUTDOWNS)) {
  Deno.test(`a process that forges ${what} without end is ended, and the server ends`, async () => {
    await using server = serve(new Server(LOOPBACK, Forger));
    const conn = await Deno.connect(server.addr as Deno.ConnectOptions);
    await conn.write(new TextEncoder().encode(`${what}\n`));
    await endedAlone(server);
    const { message } = server.reports.errors[0] as Error;
    ok(message.length < 1_000, message);
    conn.close();
  });
}

for (const what of Object.keys(DATAGRAM_FORGERIES)) {
  Deno.test(`a process that forges ${what} for a datagram is ended, and no other`, async () => {
    await using server = serve(new DatagramServer(LOOPBACK, DatagramForger));
    const [client, other] = [1, 2].map(() =>
      Deno.listenDatagram({ transport: "udp", ...LOOPBACK })
    ) as [Deno.DatagramConn, Deno.DatagramConn];
    await client.send(new TextEncoder().encode(what), server.addr);
    await endedAlone(server);
    // The first has its queue full of what was forged.
    await other.send(new TextEncoder().encode("?"), server.addr);
    const [answer] = await patiently(other.receive(), () => "an answer");
    strictEqual(new TextDecoder().decode(answer), "done");
    client.close();
    other.close();
  });
}
