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
    const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
    const send = (text: string) =>
      client.send(new TextEncoder().encode(text), server.addr);
    await send(what);
    await endedAlone(server);
    await send("?");
    const answered = async () => {
      // The others are those that were forged.
      for (;;) {
        const [data] = await client.receive();
        if (data.length === 4) return new TextDecoder().decode(data);
      }
    };
    strictEqual(await patiently(answered(), () => "an answer"), "done");
    client.close();
  });
}
