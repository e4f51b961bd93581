// A hook may wrap what was accepted: limits, timeouts and signals stay.

import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import {
  type DatagramRequest,
  StreamRequestHandler,
  TCPServer,
  type TCPServerOptions,
  UDPServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";

/** A connection that says everything in upper case. */
function shouting(connection: Deno.TcpConn): Deno.TcpConn {
  return new Proxy(connection, {
    get(target, name) {
      if (name === "write") {
        return (data: Uint8Array) =>
          target.write(
            new TextEncoder().encode(
              new TextDecoder().decode(data).toUpperCase(),
            ),
          );
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

class FinishingWrapped extends TCPServer {
  override finishRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
    return super.finishRequest(shouting(request), address);
  }
}

class ProcessingWrapped extends TCPServer {
  override processRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
    return super.processRequest(shouting(request), address);
  }
}

/** Has every request finished by whoever comes by, the last first. */
class Queueing extends TCPServer {
  readonly #waiting: [Deno.TcpConn, Deno.NetAddr][] = [];
  #working: Promise<void> | undefined;

  override processRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
    this.#waiting.push([request, address]);
    this.#working ??= this.#work();
    return this.#working;
  }

  async #work() {
    await null;
    const finishing = [];
    for (let next; (next = this.#waiting.pop()) !== undefined;) {
      const [request, address] = next;
      finishing.push(
        Promise.try(() => this.finishRequest(request, address))
          .then(() => this.shutdownRequest(request)),
      );
    }
    this.#working = undefined;
    await Promise.all(finishing);
  }
}

const WAYS = { FinishingWrapped, ProcessingWrapped, Queueing };

for (const [way, Server] of Object.entries(WAYS)) {
  const started = (handle: (handler: StreamRequestHandler) => Promise<void>) =>
    class extends StreamRequestHandler {
      override async handle() {
        await this.wfile.write("ready\n");
        await handle(this);
      }
    };

  /** A client whose handler runs. */
  const connect = async (server: TCPServer) => {
    const client = await Deno.connect(server.addr);
    strictEqual(await client.read(new Uint8Array(100)), 6);
    return client;
  };

  const waiting = async (options: TCPServerOptions) => {
    const aborted = Promise.withResolvers<unknown>();
    const served = await serveForTest(
      started(({ rfile, signal }) => {
        signal.addEventListener(
          "abort",
          () => aborted.resolve(signal.reason),
        );
        return rfile.readLine().then(() => {});
      }),
      { server: Server, options },
    );
    return { served, aborted: aborted.promise };
  };

  Deno.test(`${way}: requestTimeout and the signal are those of the request`, async () => {
    const { served, aborted } = await waiting({ requestTimeout: 100 });
    await using _ = served;
    const { server } = served;
    strictEqual(await readAll(await connect(server)), "");
    strictEqual((await aborted as DOMException).name, "TimeoutError");
    deepStrictEqual(await served.untilErrors(), [await aborted]);
  });

  Deno.test(`${way}: idleTimeout is that of the request`, async () => {
    const { served, aborted } = await waiting({ idleTimeout: 100 });
    await using _ = served;
    const { server } = served;
    strictEqual(await readAll(await connect(server)), "");
    strictEqual((await aborted as DOMException).name, "TimeoutError");
    deepStrictEqual(await served.untilErrors(), [await aborted]);
  });

  Deno.test(`${way}: a shutdown tells the handler, and aborts it after the grace period`, async () => {
    const told = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<unknown>();
    class Told extends started(({ signal }) => {
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      return aborted.promise.then(() => {});
    }) {
      override onShutdown() {
        told.resolve();
      }
    }
    await using served = await serveForTest(Told, { server: Server });
    const { server } = served;
    const client = await connect(server);
    const down = server.shutdown({ gracePeriod: 50 });
    await told.promise;
    strictEqual((await aborted.promise as DOMException).name, "AbortError");
    strictEqual(await readAll(client), "");
    await down;
    deepStrictEqual(served.takeErrors(), [await aborted.promise]);
  });

  Deno.test(`${way}: maxConnections counts each request once`, async () => {
    await using served = await serveForTest(
      ({ wfile }: StreamRequestHandler) => wfile.write("hello"),
      { server: Server, options: { maxConnections: 1 } },
    );
    const answers = await Promise.all([1, 2, 3].map(() => ask(served.addr)));
    deepStrictEqual(
      answers,
      Array(3).fill(way === "Queueing" ? "hello" : "HELLO"),
    );
  });
}

Deno.test("a UDPServer may hand on another packet, and its handler is told of the shutdown", async () => {
  const told = Promise.withResolvers<void>();
  class Decrypting extends UDPServer {
    override finishRequest(
      [packet, socket]: DatagramRequest<Deno.NetAddr>,
      address: Deno.NetAddr,
    ) {
      const plain = packet.map((byte) => byte ^ 1);
      return super.finishRequest([plain, socket], address);
    }
  }
  const server = new Decrypting(
    LOOPBACK,
    class extends (await import("../../mod.ts")).DatagramRequestHandler<
      Deno.NetAddr
    > {
      override async handle() {
        this.wfile.write(this.packet);
        await told.promise;
      }
      override onShutdown() {
        told.resolve();
      }
    },
  );
  const served = server.serveForever();
  const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  await client.send(new Uint8Array([2]), server.addr);
  // Only once the handler waits: a datagram that comes later is another matter.
  const down = (async () => {
    await new Promise((resolve) => setTimeout(resolve));
    await server.shutdown({ gracePeriod: Infinity });
  })();
  deepStrictEqual([...(await client.receive())[0]], [3]);
  await Promise.all([served, down]);
  client.close();
});

/** Wraps requests, and has one finished after the other. */
class OneByOne extends TCPServer {
  readonly #jobs: (() => Promise<void>)[] = [];
  #busy = false;

  override processRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#jobs.push(() =>
      Promise.try(() => super.processRequest(shouting(request), address))
        .then(resolve, reject)
    );
    void this.#next();
    return promise;
  }

  async #next() {
    if (this.#busy) return;
    this.#busy = true;
    for (let job; (job = this.#jobs.shift()) !== undefined;) await job();
    this.#busy = false;
  }
}

Deno.test("a request that is wrapped in another's context is refused, and takes nothing of it", async () => {
  const gate = Promise.withResolvers<void>();
  await using served = await serveForTest(
    async ({ wfile }: StreamRequestHandler) => {
      await gate.promise;
      await wfile.write("hello");
    },
    { server: OneByOne },
  );
  const answers = [ask(served.addr), ask(served.addr)];
  // The second is there while the first is being served.
  const third = await Deno.connect(served.addr);
  gate.resolve();
  third.close();
  strictEqual(await answers[0], "HELLO");
  await answers[1];
  // That of the third as well, though its client is gone.
  for (const error of await served.untilErrors(2)) {
    strictEqual(
      (error as Error).message.startsWith("Cannot finish a request:"),
      true,
    );
  }
});

Deno.test("finishRequest() refuses what is none of the server's requests", async () => {
  await using server = new TCPServer(LOOPBACK, () => {});
  await rejects(
    async () =>
      await server.finishRequest(
        {} as Deno.TcpConn,
        server.addr,
      ),
    /Cannot finish a request: it is none of this server's that waits for its handler/,
  );
});

Deno.test("10,000 requests that time out together are ended one by one", async () => {
  const COUNT = 10_000;
  let compared = 0;
  /** Counts how often one of them is looked at to see whether it is another. */
  class Counted extends UDPServer {
    #left = COUNT;
    override getRequest(): Promise<
      [DatagramRequest<Deno.NetAddr>, Deno.NetAddr]
    > {
      if (this.#left-- <= 0) return super.getRequest();
      const request = [new Uint8Array(0), {
        addr: this.addr,
        send: () => Promise.resolve(0),
      }] as const;
      return Promise.resolve([
        new Proxy(request, {
          get(target, name) {
            compared++;
            return Reflect.get(target, name);
          },
        }),
        this.addr as Deno.NetAddr,
      ]);
    }
  }
  await using served = await serveForTest(
    () => new Promise<void>(() => {}),
    {
      server: Counted,
      options: { requestTimeout: 1 },
    },
  );
  const errors = await served.untilErrors(COUNT);
  strictEqual(errors.length, COUNT);
  strictEqual(compared < 10 * COUNT, true, `${compared}`);
});
