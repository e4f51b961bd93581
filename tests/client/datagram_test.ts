import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import {
  connectDatagram,
  type RequestOptions,
} from "../../handlers/client/mod.ts";
import { LimitOverrunError, UDPServer, UnixDatagramServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Child, Folder } from "../_program.ts";
import { hasIPv6, LOOPBACK } from "../_loopback.ts";

const decoder = new TextDecoder();

/** A server by hand. */
class Peer<Address extends Deno.Addr> implements Disposable {
  readonly addr: Address;
  readonly #socket: Deno.DatagramConn;

  constructor(socket: Deno.DatagramConn) {
    this.#socket = socket;
    this.addr = socket.addr as Address;
  }

  async receive(): Promise<[data: Uint8Array, from: Address]> {
    const [data, from] = await patiently(
      this.#socket.receive(),
      () => "a datagram",
    );
    return [data, from as Address];
  }

  async send(data: Uint8Array | string, to: Address): Promise<void> {
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data;
    await this.#socket.send(bytes, to);
  }

  [Symbol.dispose]() {
    this.#socket.close();
  }
}

function udp(): Peer<Deno.NetAddr> {
  return new Peer(Deno.listenDatagram({ ...LOOPBACK, transport: "udp" }));
}

function unix(path: string): Peer<Deno.UnixAddr> {
  return new Peer(Deno.listenDatagram({ transport: "unixpacket", path }));
}

Deno.test("request() asks a UDPServer, also by name and over IPv6", async () => {
  for (
    const hostname of hasIPv6() ? ["127.0.0.1", "::1"] : ["127.0.0.1"]
  ) {
    await using served = await serveForTest(
      new UDPServer({ hostname, port: 0 }, ({ packet, wfile }) => {
        wfile.write("<");
        wfile.write(packet);
        wfile.write(">");
      }),
    );
    await using client = await connectDatagram(served.addr);
    strictEqual(decoder.decode(await client.request("one")), "<one>");
    strictEqual(
      decoder.decode(await client.request(Uint8Array.of(65))),
      "<A>",
    );
    strictEqual(decoder.decode(await client.request("")), "<>");
    deepStrictEqual(client.addr, { ...served.addr });
    // Of a name with two addresses, nobody listens at one.
    if (hostname === "::1") continue;
    await using named = await connectDatagram({
      hostname: "localhost",
      port: served.addr.port,
    });
    strictEqual(
      decoder.decode(await named.request("x", { timeout: 200, attempts: 10 })),
      "<x>",
    );
  }
});

Deno.test("request() asks a server of all addresses by its own", async () => {
  await using served = await serveForTest(
    new UDPServer({ hostname: "0.0.0.0", port: 0 }, ({ packet, wfile }) => {
      wfile.write(packet);
    }),
  );
  await using client = await connectDatagram(served.addr);
  strictEqual(decoder.decode(await client.request("x")), "x");
});

Deno.test("request() asks a UnixDatagramServer, from names and from files", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(
    new UnixDatagramServer({ path: folder.at("s") }, ({ packet, wfile }) => {
      wfile.write(packet);
    }),
  );
  await Deno.mkdir(folder.at("answers"));
  for (const options of [{}, { folder: folder.at("answers") }]) {
    await using client = await connectDatagram(served.addr, options);
    const asked = ["one", "two", "three"];
    const answers = await Promise.all(
      asked.map((text) => client.request(text)),
    );
    deepStrictEqual(answers.map((bytes) => decoder.decode(bytes)), asked);
  }
  deepStrictEqual([...Deno.readDirSync(folder.at("answers"))], []);
});

Deno.test("request() sends the same again until an answer comes", async () => {
  using peer = udp();
  await using client = await connectDatagram(peer.addr);
  const asking = client.request("x", { timeout: 20, attempts: 1000 });
  const senders = new Set<number>();
  for (let i = 0; i < 3; i++) {
    const [data, from] = await peer.receive();
    strictEqual(decoder.decode(data), "x");
    senders.add(from.port);
  }
  // Each attempt has an address of its own.
  strictEqual(senders.size, 3);
  const [first] = senders;
  // The answer to the first attempt, late, is one.
  await peer.send("late", {
    ...peer.addr,
    port: first!,
  });
  strictEqual(decoder.decode(await asking), "late");
});

Deno.test("an answer that comes after its request is over is not taken for another's", async () => {
  using peer = udp();
  await using client = await connectDatagram(peer.addr);
  const first = rejects(client.request("1", { timeout: 10, attempts: 1 }), {
    name: "TimeoutError",
    message:
      `Cannot request: no answer of 127.0.0.1:${peer.addr.port} came to 1 attempts within 10 ms each`,
  });
  const [, late] = await peer.receive();
  await first;
  const second = client.request("2");
  const [, from] = await peer.receive();
  await peer.send("to 1", late);
  await peer.send("to 2", from);
  strictEqual(decoder.decode(await second), "to 2");
});

Deno.test("what others send is not taken for an answer", async () => {
  using peer = udp();
  using other = udp();
  await using client = await connectDatagram(peer.addr);
  const asking = client.request("x");
  const [, from] = await peer.receive();
  for (let i = 0; i < 10; i++) {
    await other.send("forged", from);
  }
  await peer.send("true", from);
  strictEqual(decoder.decode(await asking), "true");
});

Deno.test("what others send to a Unix client is not taken for an answer", async () => {
  await using folder = new Folder();
  using peer = unix(folder.at("peer"));
  using other = unix(folder.at("other"));
  await using client = await connectDatagram({ path: folder.at("peer") });
  const asking = client.request("x");
  const [, from] = await peer.receive();
  await other.send("forged", from);
  await peer.send("true", from);
  strictEqual(decoder.decode(await asking), "true");
});

Deno.test("an answer of maxSize bytes is taken, and one byte more is refused", async () => {
  await using served = await serveForTest(
    ({ packet, wfile }) => {
      wfile.write(packet);
    },
    { server: UDPServer },
  );
  await using client = await connectDatagram(served.addr, { maxSize: 4 });
  strictEqual((await client.request("1234")).length, 4);
  await rejects(
    client.request("12345"),
    (error: Error) =>
      error instanceof LimitOverrunError &&
      /maxSize, 4 bytes$/.test(error.message),
  );
  // The largest that UDP has.
  await using large = await connectDatagram(served.addr);
  strictEqual((await large.request(new Uint8Array(65_507))).length, 65_507);
  await rejects(
    large.request(new Uint8Array(65_508)),
    /^RangeError: Cannot request from 127\.0\.0\.1:\d+: a datagram carries at most 65507 bytes, and the payload has 65508; send less at once$/,
  );
});

Deno.test("no more requests wait than maxRequests", async () => {
  using peer = udp();
  await using client = await connectDatagram(peer.addr, { maxRequests: 2 });
  const waiting = [client.request("1"), client.request("2")];
  await rejects(
    client.request("3"),
    (error: Error) =>
      error instanceof Deno.errors.Busy &&
      /raise maxRequests$/.test(error.message),
  );
  for (let i = 0; i < 2; i++) {
    const [data, from] = await peer.receive();
    await peer.send(data, from);
  }
  await Promise.all(waiting);
  const third = client.request("3");
  const [data, from] = await peer.receive();
  await peer.send(data, from);
  strictEqual(decoder.decode(await third), "3");
});

Deno.test("signal and close() end requests", async () => {
  using peer = udp();
  await using client = await connectDatagram(peer.addr);
  const leaving = new AbortController();
  const asking = client.request("x", { signal: leaving.signal });
  await peer.receive();
  leaving.abort(new Error("leaving"));
  await rejects(asking, /^Error: leaving$/);
  const other = rejects(client.request("x"), Deno.errors.BadResource);
  await peer.receive();
  await client.close();
  await other;
  await rejects(client.request("x"), /the client is closed/);
});

Deno.test("a server that does not read, on a path, holds no more than maxRequests", async () => {
  await using folder = new Folder();
  const path = folder.at("s");
  {
    using _peer = unix(path);
    await using client = await connectDatagram({ path }, { maxRequests: 2 });
    const options: RequestOptions = { timeout: 5, attempts: 2 };
    const full = async () => {
      // The kernel's queue takes some; then sends wait, and cannot be taken back.
      for (let i = 0; i < 1000; i++) {
        try {
          await client.request("x", options);
        } catch (error) {
          if (error instanceof Deno.errors.Busy) return;
          strictEqual((error as Error).name, "TimeoutError");
        }
      }
      throw new Error("1000 requests were let in");
    };
    await patiently(full(), () => "a request that is refused");
  }
  // Nobody is there any more: what waited to be sent has failed.
  await rejects(
    (await connectDatagram({ path: folder.at("nobody") })).request("x"),
    (error: Error) =>
      error instanceof Deno.errors.NotFound &&
      /\(sending\)/.test(error.message),
  );
});

Deno.test("connectDatagram() refuses what is wrong", async () => {
  const wrong: [unknown, unknown, RegExp][] = [
    [{ port: 1 }, { maxSizes: 1 }, /did you mean "maxSize"/],
    [{ port: 1 }, { maxSize: 0 }, /^RangeError: .*maxSize must be a positive/],
    [{ port: 1 }, { maxRequests: 1.5 }, /^RangeError: .*maxRequests must be/],
    [{ port: 1 }, { folder: 1 }, /^TypeError: .*folder must be a path/],
    [{ port: 1 }, { timeout: NaN }, /^RangeError: .*timeout must be/],
    [{ port: 1, transport: "tcp" }, {}, /transport must be "udp"/],
    [{ path: "/x", transport: "unix" }, {}, /must be "unixpacket"/],
    [
      { hostname: "nobody.invalid", port: 1 },
      {},
      /\(resolving\): .*must resolve/,
    ],
  ];
  for (const [address, options, expected] of wrong) {
    await rejects(
      connectDatagram(address as { port: number }, options as object),
      expected,
      Deno.inspect([address, options]),
    );
  }
  await using client = await connectDatagram({ port: 1 });
  await rejects(client.request("x", { attempts: 0 }), /attempts must be a pos/);
  await rejects(client.request("x", { timeout: -1 }), /timeout must be/);
  await rejects(
    client.request("x", { tries: 1 } as RequestOptions),
    /unknown option "tries"/,
  );
  await rejects(
    client.request(1 as unknown as string),
    /^TypeError: .*payload must be a string or a Uint8Array, received 1$/,
  );
});

Deno.test("missing flags are named, the unstable one among them", async () => {
  const module = new URL("../../handlers/client/mod.ts", import.meta.url).href;
  const print = async (where: string, ...flags: string[]) => {
    await using child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--no-config", ...flags, "-"],
    ]);
    await child.send(`
      import { connectDatagram } from ${JSON.stringify(module)};
      try {
        await (await connectDatagram(${where}))
          .request("x", { timeout: 1, attempts: 1 });
      } catch (error) {
        console.log(String(error));
      }`);
    return decoder.decode((await child.output()).stdout).trim();
  };
  const port = "{ port: 7 }";
  strictEqual(
    await print(port, "--allow-net"),
    'NotSupported: Cannot connect: Deno.listenDatagram is unstable, run again with the --unstable-net flag, or have "unstable": ["net"] in deno.json',
  );
  strictEqual(
    await print(port, "--unstable-net"),
    "NotCapable: Cannot connect to 127.0.0.1:7: requires net access to it, run again with --allow-net=127.0.0.1:7",
  );
  strictEqual(
    await print(port, "--unstable-net", "--allow-net=127.0.0.1:7"),
    "NotCapable: Cannot request from 127.0.0.1:7 (opening a socket): Cannot receive answers at 127.0.0.1:0: requires net access to it, run again with --allow-net=127.0.0.1:0",
  );
  strictEqual(
    await print(port, "--unstable-net", "--allow-net=127.0.0.1:7,127.0.0.1:0"),
    "TimeoutError: Cannot request: no answer of 127.0.0.1:7 came to 1 attempts within 1 ms each",
  );
  const inFolder = '{ path: "/nowhere/s" }, { folder: "/nowhere" }';
  const flags = [
    "--unstable-net",
    "--allow-read=/nowhere/s",
    "--allow-write=/nowhere/s",
    "--allow-net=unix:/nowhere/s",
  ];
  // The name of the socket is a new one each time, and no flag can have it.
  strictEqual(
    await print(inFolder, ...flags),
    'NotCapable: Cannot request from "/nowhere/s" (opening a socket): Cannot receive answers at a socket in "/nowhere": requires read, write, net access to it, run again with --allow-read=/nowhere --allow-write=/nowhere --allow-net',
  );
});
