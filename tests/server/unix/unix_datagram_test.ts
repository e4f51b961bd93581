import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { UnixDatagramServer } from "../../../mod.ts";
import {
  bindReplySockets,
  ReplySockets,
} from "../../../server/_unix/reply_sockets.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { Folder } from "../../_program.ts";

/** A client with a path. It reads only when told to. */
class Client implements Disposable {
  readonly #socket: Deno.DatagramConn;
  readonly addr: Deno.UnixAddr;

  constructor(path: string) {
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    this.addr = this.#socket.addr as Deno.UnixAddr;
  }

  async send(byte: number, to: Deno.UnixAddr): Promise<void> {
    await this.#socket.send(new Uint8Array([byte]), to);
  }

  async receive(): Promise<number> {
    const [data] = await patiently(
      this.#socket.receive(),
      () => `a reply at ${this.addr.path}`,
    );
    return data[0]!;
  }

  async ask(byte: number, server: Deno.UnixAddr): Promise<number> {
    await this.send(byte, server);
    return await this.receive();
  }

  [Symbol.dispose]() {
    this.#socket.close();
  }
}

/** More replies than the queue of a client that does not read can hold. */
const TOO_MANY = 30;
/** One more than there are sockets to send from. */
const ALL_AND_ONE = 5;

Deno.test("UnixDatagramServer answers others while a client does not read, and that one when it does", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(
    new UnixDatagramServer({ path: folder.at("s") }, ({ packet, wfile }) => {
      wfile.write(packet);
    }),
  );
  using mute = new Client(folder.at("mute"));
  for (let i = 0; i < TOO_MANY; i++) await mute.send(i, served.addr);
  for (let i = 0; i < 10; i++) {
    using other = new Client(folder.at(`other${i}`));
    strictEqual(await other.ask(i, served.addr), i);
  }
  const received = [];
  for (let i = 0; i < TOO_MANY; i++) received.push(await mute.receive());
  deepStrictEqual(received, Array.from({ length: TOO_MANY }, (_, i) => i));
  deepStrictEqual(served.errors, []);
});

Deno.test("UnixDatagramServer shuts down though a client does not read", async () => {
  await using folder = new Folder();
  using mute = new Client(folder.at("mute"));
  await using served = await serveForTest(
    new UnixDatagramServer({ path: folder.at("s") }, ({ packet, wfile }) => {
      wfile.write(packet);
    }, { onError() {} }),
  );
  const { server } = served;
  for (let i = 0; i < TOO_MANY; i++) await mute.send(i, server.addr);
  // Answered last, so that all of the others' replies are on their way.
  using other = new Client(folder.at("other"));
  strictEqual(await other.ask(1, server.addr), 1);
  await server.shutdown({ gracePeriod: 1 });
  const errors = served.takeErrors();
  ok(errors.length > 0);
  for (const error of errors) {
    strictEqual((error as DOMException).name, "AbortError");
  }
});

Deno.test("UnixDatagramServer answers a client that has connected its socket", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(
    new UnixDatagramServer(
      { path: folder.at("s") },
      async ({ packet, wfile }) => {
        await wfile.write(packet);
      },
    ),
  );
  const client = new Deno.Command("python3", {
    args: [
      "-c",
      `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[2])
s.connect(sys.argv[1])
s.settimeout(20)
for i in range(50):
    s.send(b"%d" % i)
    assert s.recv(10) == b"%d" % i
`,
      served.addr.path!,
      folder.at("c"),
    ],
  });
  const { code, stderr } = await client.output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  deepStrictEqual(served.errors, []);
});

Deno.test("UnixDatagramServer loses no reply, whenever its handlers send it", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(
    new UnixDatagramServer(
      { path: folder.at("s") },
      async ({ packet, wfile }) => {
        for (let i = 0; i < packet[0]! % 5; i++) await Promise.resolve();
        if (packet[0]! % 3 === 0) {
          await new Promise((resolve) => setTimeout(resolve, packet[0]! % 4));
        }
        await wfile.write(packet);
      },
    ),
  );
  await Promise.all(Array.from({ length: 4 }, async (_, k) => {
    using client = new Client(folder.at(`c${k}`));
    for (let i = 0; i < 200; i++) {
      const byte = (i * 7 + k) & 255;
      strictEqual(await client.ask(byte, served.addr), byte);
    }
  }));
  deepStrictEqual(served.errors, []);
});

Deno.test("UnixDatagramServer takes 65,535 bytes whole, and reports longer datagrams", async () => {
  await using folder = new Folder();
  const sizes: number[] = [];
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new UnixDatagramServer({ path: folder.at("s") }, ({ packet }) => {
      if (sizes.push(packet.length) === 2) take();
    }),
  );
  const client = Deno.listenDatagram({
    transport: "unixpacket",
    path: folder.at("c"),
  });
  for (const size of [65_535, 65_536, 100_000, 1]) {
    await client.send(new Uint8Array(size), served.addr);
  }
  await patiently(taken, () => "two datagrams");
  client.close();
  deepStrictEqual(sizes, [65_535, 1]);
  const errors = await served.untilErrors(2) as Error[];
  for (const error of errors) {
    strictEqual(error.name, "InvalidData");
    match(error.message, /\/c".*: it is longer than 65535 bytes$/s);
  }
});

Deno.test("UnixDatagramServer's replies are what was written, however late they are sent", async () => {
  await using folder = new Folder();
  const out = new Uint8Array(1);
  await using served = await serveForTest(
    new UnixDatagramServer({ path: folder.at("s") }, ({ packet, wfile }) => {
      out.set(packet);
      wfile.write(out);
    }),
  );
  using mute = new Client(folder.at("mute"));
  for (let i = 0; i < TOO_MANY; i++) await mute.send(1, served.addr);
  using other = new Client(folder.at("other"));
  strictEqual(await other.ask(2, served.addr), 2);
  for (let i = 0; i < TOO_MANY; i++) strictEqual(await mute.receive(), 1);
});

Deno.test("ReplySockets leaves alone what it gave up and still sends", async () => {
  await using folder = new Folder();
  using mute = new Client(folder.at("mute"));
  const replies = new ReplySockets(
    bindReplySockets(folder.at("s")),
    () => Promise.reject(new Error("is not to be used")),
    20,
  );
  const memory = new Uint8Array(1);
  let last: unknown;
  let sent = 0;
  // Until one has to wait, and is given up.
  while (last === undefined) {
    memory[0] = 1;
    await replies.send(memory, mute.addr).catch((error) => last = error);
    sent++;
    memory[0] = 2;
  }
  strictEqual((last as Error).name, "TimedOut");
  for (let i = 0; i < sent; i++) strictEqual(await mute.receive(), 1);
  replies.close();
});

Deno.test("ReplySockets gives up what cannot be sent in time, and goes on when clients read", async () => {
  await using folder = new Folder();
  const path = folder.at("s");
  const replies = new ReplySockets(
    bindReplySockets(path),
    () => Promise.reject(new Error("nobody has connected")),
    250,
  );
  const mute = Array.from(
    { length: ALL_AND_ONE },
    (_, i) => new Client(folder.at(`mute${i}`)),
  );
  const byte = new Uint8Array([7]);
  const late = mute.flatMap(({ addr }) =>
    Array.from({ length: TOO_MANY }, () => replies.send(byte, addr))
  );
  const settled = await Promise.allSettled(late);
  const errors = settled.flatMap((one) =>
    one.status === "rejected" ? [one.reason] : []
  );
  strictEqual(errors.length >= ALL_AND_ONE, true);
  strictEqual(
    errors.every((error) => error instanceof Deno.errors.TimedOut),
    true,
  );
  using other = new Client(folder.at("other"));
  await rejects(replies.send(byte, other.addr), {
    name: "TimedOut",
    message:
      `Cannot reply with 1 bytes to "${other.addr.path}": they could not be sent within 250 ms; clients must read what they are sent`,
  });
  for (const client of mute) client[Symbol.dispose]();
  strictEqual(await replies.send(byte, other.addr), 1);
  strictEqual(await other.receive(), 7);
  replies.close();
  await rejects(replies.send(byte, other.addr), Deno.errors.BadResource);
});
