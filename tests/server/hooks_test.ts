import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  BaseRequestHandler,
  StreamRequestHandler,
  TCPServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { isBorrower } from "../../handlers/streams/_lending.ts";
import { ask, LOOPBACK } from "../_loopback.ts";

class Recording extends TCPServer {
  readonly calls: string[] = [];
  verdict: () => boolean | Promise<boolean> = () => true;

  override verifyRequest() {
    this.calls.push("verifyRequest");
    return this.verdict();
  }
  override processRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
    this.calls.push("processRequest");
    return super.processRequest(request, address);
  }
  override finishRequest(request: Deno.TcpConn, address: Deno.NetAddr) {
    this.calls.push("finishRequest");
    return super.finishRequest(request, address);
  }
  override shutdownRequest(request: Deno.TcpConn) {
    this.calls.push("shutdownRequest");
    return super.shutdownRequest(request);
  }
  override closeRequest(request: Deno.TcpConn) {
    this.calls.push("closeRequest");
    super.closeRequest(request);
  }
  override handleError() {
    this.calls.push("handleError");
  }
}

Deno.test("BaseServer calls the hooks in CPython's order", async () => {
  await using served = await serveForTest(
    new Recording(LOOPBACK, ({ wfile }) => void wfile.write("ok")),
  );
  const { server } = served;
  strictEqual(await ask(server.addr), "ok");
  await server.shutdown();
  deepStrictEqual(server.calls, [
    "verifyRequest",
    "processRequest",
    "finishRequest",
    "shutdownRequest",
    "closeRequest",
  ]);
});

Deno.test("BaseServer shuts down a request that verifyRequest refuses", async () => {
  await using served = await serveForTest(new Recording(LOOPBACK, () => {}));
  const { server } = served;
  for (const verdict of [() => false, () => Promise.resolve(false)]) {
    server.verdict = verdict;
    strictEqual(await ask(server.addr), "");
  }
  await server.shutdown();
  const once = ["verifyRequest", "shutdownRequest", "closeRequest"];
  deepStrictEqual(server.calls, [...once, ...once]);
});

Deno.test("BaseServer shuts down a request whose verifyRequest throws, and goes on", async () => {
  await using served = await serveForTest(
    new Recording(LOOPBACK, ({ wfile }) => void wfile.write("served")),
  );
  const { server } = served;
  server.verdict = () => {
    throw new Error("cannot tell");
  };
  strictEqual(await ask(server.addr), "");
  server.verdict = () => true;
  strictEqual(await ask(server.addr), "served");
  deepStrictEqual(server.calls.slice(0, 3), [
    "verifyRequest",
    "handleError",
    "shutdownRequest",
  ]);
  match(String(await served.untilErrors()), /cannot tell/);
});

class Failing extends StreamRequestHandler {
  static at = "";
  static calls: string[] = [];
  #step(name: string, fail: () => void | Promise<void>) {
    Failing.calls.push(name);
    if (Failing.at === name) return fail();
    if (Failing.at === `${name} later`) {
      return Promise.resolve().then(fail);
    }
  }
  #fail(): never {
    throw new Error(`failed in ${Failing.at}`);
  }
  override setup() {
    return this.#step("setup", () => this.#fail());
  }
  override handle() {
    this.wfile.write("written before");
    return this.#step("handle", () => this.#fail());
  }
  override finish() {
    return this.#step("finish", () => this.#fail());
  }
}

Deno.test("BaseServer reports what a handler throws anywhere, always finishes it, and goes on", async () => {
  await using served = await serveForTest(new Recording(LOOPBACK, Failing));
  const steps = ["setup", "handle", "finish"];
  for (const at of steps.flatMap((step) => [step, `${step} later`])) {
    Failing.at = at;
    Failing.calls = [];
    const answer = await ask(served.addr);
    strictEqual(answer, at.startsWith("setup") ? "" : "written before");
    strictEqual(Failing.calls.at(-1), "finish");
  }
  deepStrictEqual(
    served.takeErrors().map((error) => (error as Error).message),
    steps.flatMap((step) => [`failed in ${step}`, `failed in ${step} later`]),
  );
  Failing.at = "";
  strictEqual(await ask(served.addr), "written before");
});

Deno.test("BaseServer reports a handler's error and its finish's, neither hiding the other", async () => {
  class Both extends BaseRequestHandler<Deno.Conn> {
    override handle() {
      throw new Error("first");
    }
    override finish() {
      throw new Error("second");
    }
  }
  await using served = await serveForTest(new Recording(LOOPBACK, Both));
  await ask(served.addr);
  const [error] = await served.untilErrors() as [SuppressedError];
  strictEqual(error.error.message, "second");
  strictEqual(error.suppressed.message, "first");
});

Deno.test("BaseServer survives a handleError that throws", async () => {
  class Worse extends TCPServer {
    override handleError() {
      throw new Error("the error handler's own");
    }
  }
  const printed: unknown[][] = [];
  const error = console.error;
  console.error = (...args) => void printed.push(args);
  try {
    await using served = await serveForTest(
      new Worse(LOOPBACK, () => {
        throw new Error("the handler's");
      }),
    );
    strictEqual(await ask(served.addr), "");
    strictEqual(await ask(served.addr), "");
    for (const error of await served.untilErrors(2)) {
      match(String(error), /the handler's/);
    }
  } finally {
    console.error = error;
  }
  strictEqual(printed.length, 2);
});

Deno.test("BaseServer calls serviceActions after each request, whatever it throws", async () => {
  let called = 0;
  class Serviced extends TCPServer {
    override serviceActions() {
      if (++called === 1) throw new Error("service");
    }
  }
  await using served = await serveForTest(
    new Serviced(LOOPBACK, ({ wfile }) => void wfile.write("x")),
  );
  strictEqual(await ask(served.addr), "x");
  strictEqual(await ask(served.addr), "x");
  strictEqual(called >= 2, true);
  strictEqual(served.takeErrors().length, 1);
});

Deno.test("TCPServer refuses a handler that is none, and says what to do", () => {
  throws(
    // @ts-expect-error a class that is no handler
    () => new TCPServer(LOOPBACK, class Stray {}),
    {
      name: "TypeError",
      message:
        'Cannot create server: the class "Stray" does not extend a request handler; extend StreamRequestHandler, DatagramRequestHandler or BaseRequestHandler',
    },
  );
  // @ts-expect-error no handler
  throws(() => new TCPServer(LOOPBACK, undefined), TypeError);
});

Deno.test("TCPServer refuses options out of range before it binds", () => {
  const options = [
    { maxConnections: 0 },
    { maxConnections: -1 },
    { maxConnections: NaN },
    { maxConnections: 1.5 },
    { backlog: 0 },
    { timeout: -1 },
    { requestTimeout: NaN },
    { idleTimeout: -5 },
    { lingerTimeout: NaN },
    { gracePeriod: -1 },
  ];
  for (const bad of options) {
    throws(() => new TCPServer(LOOPBACK, () => {}, bad), RangeError);
  }
});

Deno.test("servers refuse a signal that is none before they bind, or serve", async () => {
  const signal = new EventTarget() as AbortSignal;
  throws(() => new TCPServer(LOOPBACK, () => {}, { signal }), TypeError);
  await using server = new TCPServer(LOOPBACK, () => {});
  await rejects(server.serveForever({ signal }), TypeError);
});

Deno.test("TCPServer throws what Deno throws for addresses it cannot have", async () => {
  await using server = new TCPServer(LOOPBACK, () => {});
  throws(
    () => new TCPServer(server.addr, () => {}),
    Deno.errors.AddrInUse,
  );
  throws(
    () => new TCPServer({ hostname: "127.0.0.1", port: 99999 }, () => {}),
    RangeError,
  );
  throws(
    () =>
      new TCPServer({ hostname: "no.such.host.invalid", port: 0 }, () => {}),
    /lookup/,
  );
});

Deno.test("bytes are lent to Deno's connections, and those of one's own may keep them", async () => {
  const kept: Uint8Array[] = [];
  const lent: boolean[] = [];
  class Own extends TCPServer {
    override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
      const [accepted, address] = await super.getRequest();
      const own = {
        read: (buffer: Uint8Array) => accepted.read(buffer),
        write(data: Uint8Array) {
          kept.push(data);
          return accepted.write(data);
        },
        closeWrite: () => accepted.closeWrite(),
        close: () => accepted.close(),
      } as Deno.TcpConn;
      lent.push(isBorrower(accepted), isBorrower(own));
      return [own, address];
    }
  }
  let count = 0;
  await using served = await serveForTest(
    new Own(LOOPBACK, ({ wfile }) => wfile.write(`client ${++count}`)),
  );
  strictEqual(await ask(served.addr, ""), "client 1");
  strictEqual(await ask(served.addr, ""), "client 2");
  deepStrictEqual(kept.map((data) => new TextDecoder().decode(data)), [
    "client 1",
    "client 2",
  ]);
  deepStrictEqual(lent, [true, false, true, false]);
});

Deno.test("bytes are not lent to a connection with another write or read", async () => {
  class Delaying extends TCPServer {
    override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
      const [connection, address] = await super.getRequest();
      const write = connection.write.bind(connection);
      connection.write = (data) => {
        setTimeout(() => write(data), 20);
        return Promise.resolve(data.length);
      };
      return [connection, address];
    }
  }
  await using served = await serveForTest(
    new Delaying(LOOPBACK, async ({ rfile, wfile }) => {
      const line = await rfile.readLine();
      await wfile.write(`<${line}>`);
      // Until it is on its way.
      await rfile.readAll();
    }),
  );
  const clients = await Promise.all(
    ["a", "b", "c"].map(async (name) => {
      const client = await Deno.connect(served.addr);
      await client.write(new TextEncoder().encode(`${name}\n`));
      return client;
    }),
  );
  const answers = await Promise.all(clients.map(async (client) => {
    const answer = new Uint8Array(3);
    await client.read(answer);
    client.close();
    return new TextDecoder().decode(answer);
  }));
  deepStrictEqual(answers, ["<a>", "<b>", "<c>"]);
});

Deno.test(
  "a connection of Deno's is lent bytes until its read or write is another's",
  async () => {
    await using served = await serveForTest(new TCPServer(LOOPBACK, () => {}));
    // Deno's class is known by the first that was accepted.
    await ask(served.addr);
    const accepted = await Deno.connect(served.addr);
    strictEqual(isBorrower(accepted), true);
    strictEqual(isBorrower(new Proxy(accepted, {})), true);
    const wrapping = new Proxy(accepted, {
      get: (target, name) =>
        name === "read"
          ? (buffer: Uint8Array) => target.read(buffer)
          : Reflect.get(target, name, target),
    });
    strictEqual(isBorrower(wrapping), false);
    accepted.close();
  },
);
