import { deepStrictEqual, strictEqual } from "node:assert";
import { UDPServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";

const client = () => Deno.listenDatagram({ transport: "udp", ...LOOPBACK });

Deno.test("UDPServer takes payloads from 0 to 65,507 bytes whole", async () => {
  await using served = await serveForTest(
    async ({ packet, socket, clientAddress }) => {
      await socket.send(packet, clientAddress);
    },
    { server: UDPServer },
  );
  const socket = client();
  for (const size of [0, 1, 1_472, 65_507]) {
    const payload = new Uint8Array(size).map((_, i) => i & 255);
    await socket.send(payload, served.addr);
    deepStrictEqual((await socket.receive())[0], payload);
  }
  socket.close();
});

Deno.test("UDPServer's handlers keep their packets, however many run at once", async () => {
  let release!: () => void;
  const all = new Promise<void>((resolve) => release = resolve);
  let arrived = 0;
  await using served = await serveForTest(
    async ({ packet, wfile }) => {
      if (++arrived === 20) release();
      await all;
      wfile.write(packet);
    },
    { server: UDPServer },
  );
  const socket = client();
  const sent = Array.from({ length: 20 }, (_, i) => `packet ${i}`);
  for (const text of sent) {
    await socket.send(new TextEncoder().encode(text), served.addr);
  }
  const got: string[] = [];
  for (let i = 0; i < 20; i++) {
    got.push(new TextDecoder().decode((await socket.receive())[0]));
  }
  deepStrictEqual(got.sort(), sent.sort());
  socket.close();
});

Deno.test("UDPServer says what to do with a text that is sent as it is", async () => {
  await using served = await serveForTest(
    async ({ socket, clientAddress }) => {
      await socket.send("pong" as unknown as Uint8Array, clientAddress);
    },
    { server: UDPServer },
  );
  const socket = client();
  await socket.send(new Uint8Array(1), served.addr);
  const [error] = await served.untilErrors();
  strictEqual(
    `${error}`,
    'TypeError: Cannot send "pong": it is not a Uint8Array; encode it by new TextEncoder().encode()',
  );
  strictEqual(served.server.stats().bytesOut, 0);
  socket.close();
});

Deno.test("DatagramRequestHandler sends one datagram for all it wrote", async () => {
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      for await (const line of rfile) await wfile.write(`[${line}]`);
    },
    { server: UDPServer },
  );
  const socket = client();
  await socket.send(new TextEncoder().encode("a\nb\n"), served.addr);
  strictEqual(new TextDecoder().decode((await socket.receive())[0]), "[a][b]");
  socket.close();
});

Deno.test("DatagramRequestHandler sends nothing where the handler threw, and the server goes on", async () => {
  await using served = await serveForTest(
    ({ packet, wfile }) => {
      wfile.write("reply");
      if (packet.length === 0) throw new Error("empty");
    },
    { server: UDPServer },
  );
  const socket = client();
  await socket.send(new Uint8Array(0), served.addr);
  await served.untilErrors();
  await socket.send(new Uint8Array(1), served.addr);
  strictEqual(new TextDecoder().decode((await socket.receive())[0]), "reply");
  socket.close();
});

Deno.test("DatagramRequestHandler refuses a reply larger than a datagram", async () => {
  await using served = await serveForTest(
    ({ wfile }) => void wfile.write(new Uint8Array(65_508)),
    { server: UDPServer },
  );
  const socket = client();
  await socket.send(new Uint8Array(1), served.addr);
  const [error] = await served.untilErrors();
  strictEqual(
    (error as Error).message,
    "Cannot reply with 65508 bytes: a datagram carries at most 65507",
  );
  socket.close();
});
