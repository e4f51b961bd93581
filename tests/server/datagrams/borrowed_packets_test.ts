import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { DatagramRequestHandler, UDPServer } from "../../../mod.ts";
import { LOOPBACK, Reports, serve } from "../../_serve.ts";

/** How many buffers the handlers of a server have at most, and one to receive. */
const MOST_BUFFERS = 17;

/** A client that asks a server for one answer after the other. */
class Client implements Disposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  readonly #server: Deno.Addr;

  constructor(server: Deno.Addr) {
    this.#server = server;
  }

  async send(text: string): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(text), this.#server);
  }

  async receive(): Promise<string> {
    return new TextDecoder().decode((await this.#socket.receive())[0]);
  }

  async ask(text: string): Promise<string> {
    await this.send(text);
    return await this.receive();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

class Quiet extends UDPServer {
  readonly reports = new Reports();
  override handleError(error: unknown) {
    this.reports.take(error);
  }
}

/** Remembers in what memory its packets were. */
class Remembering extends DatagramRequestHandler {
  static memories = new Set<ArrayBuffer>();
  override handle() {
    Remembering.memories.add(this.packet.buffer);
    this.wfile.write(this.packet);
  }
}

class Borrowing extends Remembering {
  static override readonly borrowsPacket = true;
}

/** In how much memory a server receives 100 datagrams. */
async function memoriesOf(server: UDPServer): Promise<number> {
  Remembering.memories = new Set();
  using client = new Client(server.addr);
  for (let i = 0; i < 100; i++) {
    strictEqual(await client.ask(`packet ${i}`), `packet ${i}`);
  }
  return Remembering.memories.size;
}

Deno.test("a handler's packets are in memory of their own", async () => {
  await using server = serve(new UDPServer(LOOPBACK, Remembering));
  strictEqual(await memoriesOf(server), 100);
});

Deno.test("a handler that borrows its packet leaves its memory to later ones", async () => {
  await using server = serve(new UDPServer(LOOPBACK, Borrowing));
  ok(await memoriesOf(server) <= 2);
});

Deno.test("handlers that borrow their packets have them until they end, however many run at once", async () => {
  const count = 2 * MOST_BUFFERS;
  const { promise: all, resolve: release } = Promise.withResolvers<void>();
  let arrived = 0;
  class Waiting extends Borrowing {
    override async handle() {
      if (++arrived === count) release();
      await all;
      super.handle();
    }
  }
  await using server = serve(new UDPServer(LOOPBACK, Waiting));
  Remembering.memories = new Set();
  using client = new Client(server.addr);
  const sent = Array.from({ length: count }, (_, i) => `packet ${i}`);
  for (const text of sent) await client.send(text);
  const got: string[] = [];
  while (got.length < count) got.push(await client.receive());
  deepStrictEqual(got.sort(), sent.sort());
  strictEqual(Remembering.memories.size, count);
  ok(await memoriesOf(server) <= 2);
});

Deno.test("borrowed packets are given back where a request is refused or fails", async () => {
  class Refusing extends Quiet {
    override verifyRequest([packet]: readonly [Uint8Array, unknown]) {
      return packet[0] !== "x".charCodeAt(0);
    }
  }
  class Failing extends Borrowing {
    override handle() {
      super.handle();
      if (this.packet[0] === "f".charCodeAt(0)) throw new Error("failed");
    }
  }
  await using server = serve(new Refusing(LOOPBACK, Failing));
  using client = new Client(server.addr);
  for (let i = 0; i < MOST_BUFFERS; i++) {
    await client.send("x");
    await client.send("f");
    strictEqual(await client.ask("served"), "served");
  }
  strictEqual(server.reports.errors.length, MOST_BUFFERS);
  ok(await memoriesOf(server) <= 2);
});

Deno.test("a handler past its time has its borrowed packet for as long as it runs", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const { promise: ended, resolve: tell } = Promise.withResolvers<string>();
  class Late extends Borrowing {
    override async handle() {
      if (this.packet.length !== 4) return super.handle();
      await end;
      tell(new TextDecoder().decode(this.packet));
    }
  }
  await using server = serve(
    new Quiet(LOOPBACK, Late, { requestTimeout: 5 }),
  );
  using client = new Client(server.addr);
  await client.send("late");
  // Told when the server has given up waiting for it.
  strictEqual(
    `${(await server.reports.until(1))[0]}`.slice(0, 12),
    "TimeoutError",
  );
  await memoriesOf(server);
  resolve();
  strictEqual(await ended, "late");
});

Deno.test("a server goes on when handlers transfer what they only borrow", async () => {
  class Transferring extends Borrowing {
    override handle() {
      if (this.packet[0] !== "t".charCodeAt(0)) return super.handle();
      const transfer = [this.packet.buffer];
      this.wfile.write(structuredClone(this.packet, { transfer }));
    }
  }
  await using server = serve(new Quiet(LOOPBACK, Transferring));
  using client = new Client(server.addr);
  for (let i = 0; i < 2 * MOST_BUFFERS; i++) {
    strictEqual(await client.ask("taken"), "taken");
  }
  ok(await memoriesOf(server) <= 2);
});
