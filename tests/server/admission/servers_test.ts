// Servers that let in so many of each address, in all ways of running.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { channel } from "node:diagnostics_channel";
import {
  type AdmissionOptions,
  encodeProxyHeader,
  ForkingUDPServer,
  HandlerLostError,
  type ServerRefuseEvent,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { Folder } from "../../_program.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { lineServers } from "../_line_servers.ts";
import { Lines, Packets } from "../_lines_handler.ts";
import { bytes, joined, LOCAL, send, tcp } from "../proxy/_clients.ts";
import { Obedient } from "../threads/_threading_handlers.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";

/** A client that stays as long as it likes. */
class Client implements Disposable {
  readonly #connection: Deno.Conn;
  #closed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** @param before What is sent first. */
  static async connect(
    address: Deno.Addr,
    before: Uint8Array = new Uint8Array(),
  ): Promise<Client> {
    const connection = await Deno.connect(address as Deno.ConnectOptions);
    if (before.length > 0) await connection.write(before);
    return new Client(connection);
  }

  /** Whether it is served: it is closed at once otherwise. */
  async isServed(): Promise<boolean> {
    try {
      await this.#connection.write(bytes("hello\n"));
      const buffer = new Uint8Array(100);
      const n = await patiently(
        this.#connection.read(buffer),
        () => "an answer, or the end",
      );
      if (n === null) return false;
      strictEqual(
        new TextDecoder().decode(buffer.subarray(0, n)),
        "<hello>\n",
      );
      return true;
    } catch (error) {
      if (
        error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe
      ) return false;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.#connection.close();
    this.#closed = true;
  }
}

/** Whether a new client is served, which leaves then. */
async function isServed(
  address: Deno.Addr,
  before?: Uint8Array,
): Promise<boolean> {
  using client = await Client.connect(address, before);
  return await client.isServed();
}

/** Waits until a new client is served: the end of another takes a while. */
async function untilServed(
  address: Deno.Addr,
  before?: Uint8Array,
): Promise<void> {
  const served = (async () => {
    while (!await isServed(address, before)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await patiently(served, () => "a client that is served");
}

const proxyProtocol = { mode: "require", trust: LOCAL } as const;

/** What a balancer sends of a client. */
const of = (hostname: string): Uint8Array =>
  encodeProxyHeader({
    source: tcp(hostname, 1),
    destination: tcp(hostname.includes(":") ? "::1" : "127.0.0.1", 2),
  });

for (const [where, start] of lineServers(3)) {
  Deno.test(`one address has as many connections at once as it may (${where})`, async () => {
    await using served = await serveForTest(
      start({ admission: { perAddress: 2 }, onError() {} }),
    );
    const { server } = served;
    const clients: Client[] = [];
    try {
      for (let i = 0; i < 8; i++) {
        clients.push(await Client.connect(server.addr));
      }
      const admitted = await Promise.all(
        clients.map((client) => client.isServed()),
      );
      strictEqual(admitted.filter((each) => each).length, 2, `${admitted}`);
      strictEqual(await isServed(server.addr), false);
      // One leaves, and another may come.
      clients[admitted.indexOf(true)]![Symbol.dispose]();
      await untilServed(server.addr);
      const { refused, active } = server.stats();
      ok(refused.perAddress >= 7, `${refused.perAddress}`);
      ok(active >= 1);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
    await server.shutdown();
    deepStrictEqual(served.errors, []);
  });

  Deno.test(`clients behind a balancer are let in by their own addresses (${where})`, async () => {
    await using served = await serveForTest(
      start({
        proxyProtocol,
        onError() {},
        admission: {
          rate: { burst: 3, perSecond: 0.001 },
          deny: ["203.0.113.0/24"],
          allow: ["192.0.2.0/24", "203.0.113.0/24", "2001:db8::/32"],
        },
      }),
    );
    const admits = async (hostname: string) =>
      await isServed(served.addr, of(hostname));
    const outcomes = [];
    for (let i = 0; i < 5; i++) outcomes.push(await admits("192.0.2.1"));
    deepStrictEqual(outcomes, [true, true, true, false, false]);
    strictEqual(await admits("192.0.2.2"), true);
    strictEqual(await admits("203.0.113.1"), false);
    strictEqual(await admits("198.51.100.1"), false);
    for (let i = 0; i < 3; i++) {
      strictEqual(await admits(`2001:db8:0:1::${i}`), true);
    }
    strictEqual(await admits("2001:db8:0:1::9"), false);
    strictEqual(await admits("2001:db8:0:2::9"), true);
    // A health check has the address of the balancer, which is not allowed.
    const check = encodeProxyHeader({ command: "LOCAL" });
    for (let i = 0; i < 5; i++) {
      strictEqual(await isServed(served.addr, check), true);
    }
    const { refused } = served.server.stats();
    deepStrictEqual([refused.rate, refused.deny], [3, 2]);
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("a connection counts until it is closed, also where its handler has ended", async () => {
  await using served = await serveForTest(
    async ({ rfile, wfile }) => {
      await rfile.readLine();
      await wfile.write("<hello>\n");
    },
    { options: { admission: { perAddress: 1 } } },
  );
  using first = await Client.connect(served.addr);
  strictEqual(await first.isServed(), true);
  // It lingers, since its client has not gone.
  strictEqual(await isServed(served.addr), false);
  first[Symbol.dispose]();
  await untilServed(served.addr);
});

Deno.test("a client that is refused is told of on a channel, and closed: no other hook is called for it", async () => {
  const told: ServerRefuseEvent[] = [];
  const take = (event: unknown) => {
    if ((event as ServerRefuseEvent).server === served.server) {
      told.push(event as ServerRefuseEvent);
    }
  };
  let verified = 0;
  let closed = 0;
  class Hooked extends TCPServer {
    override verifyRequest() {
      verified++;
      return true;
    }
    override closeRequest(request: Deno.TcpConn) {
      closed++;
      super.closeRequest(request);
    }
  }
  const refusals = channel("socketserver:refuse");
  refusals.subscribe(take);
  await using served = await serveForTest(
    Lines,
    { server: Hooked, options: { admission: { deny: LOCAL } } },
  );
  try {
    for (let i = 0; i < 3; i++) {
      strictEqual(await isServed(served.addr), false);
    }
  } finally {
    refusals.unsubscribe(take);
  }
  deepStrictEqual(told.map(({ reason }) => reason), ["deny", "deny", "deny"]);
  strictEqual((told[0]!.clientAddress as Deno.NetAddr).hostname, "127.0.0.1");
  // Of what it was given, only that it is closed.
  deepStrictEqual([verified, closed], [0, 3]);
});

Deno.test("handleRequest() has handled a client that is refused", async () => {
  for (const accept of ["event loop", "threads"] as const) {
    const options = { admission: { deny: LOCAL } };
    await using server = accept === "threads"
      ? new ThreadingTCPServer(LOOPBACK, Lines, {
        ...{ ...options, accept, workers: 1 },
      })
      : new TCPServer(LOOPBACK, Lines, options);
    for (let i = 0; i < 2; i++) {
      const refused = isServed(server.addr);
      await patiently(server.handleRequest(), () => "the end of one");
      strictEqual(await refused, false);
    }
  }
});

Deno.test("what a thread had that is lost is in progress no more", async () => {
  await using served = await serveForTest(
    Obedient,
    {
      server: ThreadingTCPServer,
      options: {
        ...{ accept: "threads", workers: 2, admission: { perAddress: 2 } },
      },
      // One that comes as its thread goes is lost with it.
      allowErrors: (error) => error instanceof HandlerLostError,
    },
  );
  for (let round = 1; round <= 3; round++) {
    const ask = () => send(served.addr, bytes("lines\nhello\n"));
    using stays = await Deno.connect(served.addr);
    await stays.write(bytes("lines\n"));
    served.takeErrors();
    const dies = async () => {
      // One that comes to the last thread as it goes is lost with it, untold.
      while (served.errors.length === 0) {
        strictEqual(await send(served.addr, bytes("self.close()\n")), "");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await patiently(dies(), () => "the end of a thread");
    const [error] = await served.untilErrors();
    ok(error instanceof HandlerLostError);
    const answered = (async () => {
      while (await ask() !== "<hello>\n");
    })();
    await patiently(answered, () => "a client that is served");
  }
});

Deno.test(
  "a TLS server lets nobody in who would shake hands in vain",
  async () => {
    const certificate = await selfSignedCertificate();
    await using served = await serveForTest(
      new TLSServer({ ...LOOPBACK, ...certificate }, Lines, {
        admission: { deny: LOCAL },
      }),
    );
    strictEqual(await send(served.addr, bytes("no handshake")), "");
    strictEqual(served.server.stats().refused.deny, 1);
    deepStrictEqual(served.errors, []);
  },
);

for (
  const [where, start] of [
    [
      "on the event loop",
      (admission: AdmissionOptions) =>
        new UDPServer(LOOPBACK, Packets, { admission }),
    ],
    [
      "in threads",
      (admission: AdmissionOptions) =>
        new ThreadingUDPServer(LOOPBACK, Packets, { admission, workers: 1 }),
    ],
    [
      "in processes",
      (admission: AdmissionOptions) =>
        new ForkingUDPServer(LOOPBACK, Packets, {
          ...{ admission, spareChildren: 0, maxChildren: 1 },
          requestsPerChild: Infinity,
        }),
    ],
  ] as const
) {
  Deno.test(`datagrams are taken by the limits of their senders (${where})`, async () => {
    await using served = await serveForTest(
      start({ rate: { burst: 3, perSecond: 0.001 }, deny: ["10.0.0.0/8"] }),
    );
    const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
    for (let i = 0; i < 3; i++) {
      await client.send(bytes(`${i}`), served.addr);
      const [answer] = await client.receive();
      strictEqual(new TextDecoder().decode(answer), `${i}`);
    }
    await client.send(bytes("too many"), served.addr);
    const counted = (async () => {
      while (served.server.stats().refused.rate === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await patiently(counted, () => "a datagram that is refused");
    client.close();
  });
}

const BAD: Record<string, readonly [unknown, string, string]> = {
  "that is no object": [
    5,
    "TypeError",
    "the admission options must be an object, received 5",
  ],
  "with an unknown name": [
    { perAdress: 1 },
    "TypeError",
    'unknown admission option "perAdress"; did you mean "perAddress"?',
  ],
  "with no connection for an address": [
    { perAddress: 0 },
    "RangeError",
    "admission.perAddress must be an integer of at least 1, received 0",
  ],
  "with a rate of an unknown name": [
    { rate: { burst: 1, perMinute: 1 } },
    "TypeError",
    'unknown admission.rate option "perMinute"; known are burst, perSecond',
  ],
  "with a rate that is no object": [
    { rate: 10 },
    "TypeError",
    "admission.rate must be an object such as { burst: 20, perSecond: 5 }, received 10",
  ],
  "with no burst": [
    { rate: { perSecond: 1 } },
    "RangeError",
    "admission.rate.burst must be an integer from 1 to 1000000, received undefined",
  ],
  "with half a burst": [
    { rate: { burst: 0.5, perSecond: 1 } },
    "RangeError",
    "admission.rate.burst must be an integer from 1 to 1000000, received 0.5",
  ],
  "with nothing a second": [
    { rate: { burst: 1, perSecond: 0 } },
    "RangeError",
    "admission.rate.perSecond must be more than 0 and at most 1000000, received 0",
  ],
  "with infinitely much a second": [
    { rate: { burst: 1, perSecond: Infinity } },
    "RangeError",
    "admission.rate.perSecond must be more than 0 and at most 1000000, received Infinity",
  ],
  "with too long a prefix": [
    { ipv6Prefix: 129 },
    "RangeError",
    "admission.ipv6Prefix must be an integer from 1 to 128, received 129",
  ],
  "with no memory": [
    { maxTracked: 0 },
    "RangeError",
    "admission.maxTracked must be an integer from 1 to 1048576, received 0",
  ],
  "that allows a name": [
    { allow: ["localhost"] },
    "TypeError",
    'admission.allow[0], "localhost", is no network; write it as "192.0.2.0/24" or "2001:db8::/32", and without a zone',
  ],
  "that denies no list": [
    { deny: "10.0.0.0/8" },
    "TypeError",
    'admission.deny must be a list of networks such as "192.0.2.0/24", received "10.0.0.0/8"',
  ],
};

for (const [what, [admission, name, message]] of Object.entries(BAD)) {
  Deno.test(`admission ${what} is refused before a socket is opened`, () => {
    throws(
      () =>
        new TCPServer({ hostname: "192.0.2.1", port: 1 }, Lines, {
          admission: admission as AdmissionOptions,
        }),
      { name, message: `Cannot create server: ${message}` },
    );
  });
}

Deno.test("admission of clients without addresses is refused", async () => {
  await using folder = new Folder();
  const path = folder.at("socket");
  const admission = { perAddress: 1 };
  throws(() => new UnixStreamServer({ path }, Lines, { admission }), {
    name: "TypeError",
    message:
      "Cannot create server: admission goes by addresses, and the clients of a Unix socket have none; set proxyProtocol if a balancer tells them, or leave it out",
  });
  throws(
    () => new UnixDatagramServer({ path }, Packets, { admission } as object),
    { name: "TypeError", message: /unknown option "admission"/ },
  );
  const trust = ["unix:"];
  await using served = await serveForTest(
    new UnixStreamServer({ path }, Lines, {
      ...{ admission, proxyProtocol: { mode: "require", trust } },
    }),
  );
  using first = await Client.connect(served.addr, of("192.0.2.1"));
  strictEqual(await first.isServed(), true);
  strictEqual(await isServed(served.addr, of("192.0.2.1")), false);
  strictEqual(await isServed(served.addr, of("192.0.2.2")), true);
  // Those without an address are let in, as many as there are.
  const nobody = joined(encodeProxyHeader({}));
  using other = await Client.connect(served.addr, nobody);
  strictEqual(await other.isServed(), true);
  strictEqual(await isServed(served.addr, nobody), true);
});
