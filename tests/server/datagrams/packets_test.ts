// A packet is its handler's to keep, and so is what the handler replies with.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { RUN } from "../../../handlers/_host.ts";
import { addForgetful } from "../../../handlers/_replying.ts";
import {
  DatagramRequestHandler,
  type DatagramSocket,
  UDPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { seenServer } from "../../_seen_server.ts";

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

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("handlers' packets are in memory of their own", async () => {
  const memories = new Set<ArrayBuffer>();
  await using served = await serveForTest(
    ({ packet, wfile }) => {
      memories.add(packet.buffer);
      wfile.write(packet);
    },
    { server: UDPServer },
  );
  using client = new Client(served.addr);
  for (let i = 0; i < 100; i++) {
    strictEqual(await client.ask(`packet ${i}`), `packet ${i}`);
  }
  strictEqual(memories.size, 100);
});

Deno.test("a server goes on when handlers transfer their packets", async () => {
  await using served = await serveForTest(
    ({ packet, wfile }) => {
      const transfer = [packet.buffer];
      wfile.write(structuredClone(packet, { transfer }));
    },
    { server: UDPServer },
  );
  using client = new Client(served.addr);
  for (let i = 0; i < 20; i++) strictEqual(await client.ask("taken"), "taken");
});

Deno.test("rfile reads a packet in pieces, in lines and to its end", async () => {
  const got: unknown[] = [];
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      got.push(decode((await rfile.read(2))!));
      got.push(await rfile.readLine());
      got.push(decode(await rfile.readExactly(3)));
      got.push(decode(await rfile.readAll()));
      got.push(await rfile.read(), await rfile.readLine());
      wfile.write("read");
    },
    { server: UDPServer },
  );
  using client = new Client(served.addr);
  strictEqual(await client.ask("abcd\nefghi"), "read");
  deepStrictEqual(got, ["ab", "cd", "efg", "hi", null, null]);
});

Deno.test("an empty packet is one, and its rfile is at its end", async () => {
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      wfile.write(`${await rfile.read()} ${(await rfile.readAll()).length}`);
    },
    { server: UDPServer },
  );
  using client = new Client(served.addr);
  strictEqual(await client.ask(""), "null 0");
});

Deno.test("a reply is what was written, whatever its memory holds later", async () => {
  const memory = new Uint8Array(4);
  const write = async (wfile: { write(bytes: Uint8Array): Promise<void> }) => {
    await wfile.write(memory.fill("1".charCodeAt(0)));
    memory.fill("2".charCodeAt(0));
  };
  await using served = await serveForTest(
    async ({ packet, wfile }) => {
      if (decode(packet) === "later") await null;
      await write(wfile);
      wfile.write("!");
    },
    { server: UDPServer },
  );
  using client = new Client(served.addr);
  strictEqual(await client.ask("at once"), "1111!");
  strictEqual(await client.ask("later"), "1111!");
});

Deno.test("a datagram handler's forgotten await ends nothing, and is reported", async () => {
  class Forgetful extends UDPServer {
    constructor() {
      super(LOOPBACK, ({ wfile, rfile }) => {
        wfile.write("answer");
        void (async () => {
          await new Promise((resolve) => setTimeout(resolve));
          await wfile.write("too late");
        })();
        void (async () => {
          await new Promise((resolve) => setTimeout(resolve));
          await rfile.read();
        })();
      });
    }
  }
  await using served = await serveForTest(new Forgetful());
  using client = new Client(served.addr);
  strictEqual(await client.ask("x"), "answer");
  for (const error of await served.untilErrors(2)) {
    match(
      (error as Error).message,
      /the request is finished; did handle\(\) await all that it started\?/,
    );
  }
});

const ADDR: Deno.NetAddr = { transport: "udp", hostname: "::1", port: 1 };

/** Runs a handler on a socket that a hook has put in place, as decryption would. */
async function replyOn(
  socket: DatagramSocket<Deno.NetAddr>,
  text: string,
): Promise<void> {
  class Text extends DatagramRequestHandler<Deno.NetAddr> {
    override handle() {
      this.wfile.write(text);
    }
  }
  const request = [new Uint8Array(1), socket] as const;
  const server = seenServer(ADDR);
  await new Text(request, ADDR, server)[RUN]({
    settling() {},
    abort() {},
  });
}

Deno.test("a socket that keeps a reply in a queue keeps its bytes", async () => {
  const queue: Uint8Array[] = [];
  const queueing = {
    addr: ADDR,
    send(data: Uint8Array) {
      queue.push(data);
      return Promise.resolve(data.length);
    },
  };
  for (const text of ["first", "second", "x".repeat(600)]) {
    await replyOn(queueing, text);
  }
  deepStrictEqual(
    queue.map((data) => decode(data)),
    ["first", "second", "x".repeat(600)],
  );
});

Deno.test("a reply's memory is used again when it has been sent, and not before", async () => {
  const sending: { data: Uint8Array; sent: () => void }[] = [];
  const slow = {
    addr: ADDR,
    send: (data: Uint8Array) =>
      new Promise<number>((resolve) =>
        sending.push({ data, sent: () => resolve(data.length) })
      ),
  };
  addForgetful(slow);
  const one = replyOn(slow, "one");
  const two = replyOn(slow, "two");
  const [first, second] = sending as [typeof sending[0], typeof sending[0]];
  ok(first.data.buffer !== second.data.buffer);
  first.sent();
  await one;
  const three = replyOn(slow, "three");
  const third = sending[2]!;
  strictEqual(third.data.buffer, first.data.buffer);
  deepStrictEqual(
    [second, third].map(({ data }) => decode(data)),
    ["two", "three"],
  );
  second.sent();
  third.sent();
  await Promise.all([two, three]);
});
