// Hooks and connections of a subclass that fail, or never end.

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { type StreamRequestHandler, TCPServer, UDPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";

const never = () => new Promise<never>(() => {});

/** Accepts connections one of whose methods never ends. */
function hanging(method: "read" | "closeWrite") {
  return class extends TCPServer {
    override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
      const [connection, address] = await super.getRequest();
      connection[method] = never;
      return [connection, address];
    }
  };
}

const HANGING = {
  "read() of a connection": hanging("read"),
  "closeWrite() of a connection": hanging("closeWrite"),
  "shutdownRequest()": class extends TCPServer {
    override async shutdownRequest(request: Deno.TcpConn) {
      await super.shutdownRequest(request);
      return never();
    }
  },
  "closeRequest()": class extends TCPServer {
    override closeRequest(request: Deno.TcpConn) {
      super.closeRequest(request);
      return never();
    }
  },
};

for (const [what, Hanging] of Object.entries(HANGING)) {
  Deno.test(`shutdown() past its grace period ends though ${what} never does`, async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    await using served = await serveForTest(
      () => begin(),
      { server: Hanging, options: { lingerTimeout: 100 } },
    );
    const answer = ask(served.addr);
    await begun;
    await patiently(
      served.server.shutdown({ gracePeriod: 50 }),
      () => "the end of the server",
    );
    strictEqual(await answer, "");
  });
}

Deno.test("what cannot be printed ends no server", async () => {
  const unprintable = {
    [Symbol.for("nodejs.util.inspect.custom")]() {
      throw new Error("cannot be looked at");
    },
  };
  const printed: string[] = [];
  const error = console.error;
  console.error = (...args) => {
    for (const arg of args) Deno.inspect(arg);
    printed.push(String(args[0]));
  };
  try {
    await using served = await serveForTest(
      new TCPServer(LOOPBACK, () => {
        throw unprintable;
      }),
    );
    strictEqual(await ask(served.addr), "");
    strictEqual(await ask(served.addr), "");
    deepStrictEqual(await served.untilErrors(2), [unprintable, unprintable]);
  } finally {
    console.error = error;
  }
  strictEqual(printed.length, 2);
  for (const text of printed) {
    match(text, /^handleError failed: Error: cannot be looked at\n/);
    match(text, /\nwhile handling: something that cannot be printed$/);
  }
});

Deno.test("a handler may begin a read and end without it", async () => {
  const handlers = [
    async ({ rfile, wfile }: StreamRequestHandler) => {
      const line = rfile.readLine();
      await wfile.write("x");
      JSON.parse("{");
      await line;
    },
    ({ rfile, wfile }: StreamRequestHandler) => {
      rfile.read(10);
      wfile.write("x");
    },
  ];
  for (const handler of handlers) {
    await using served = await serveForTest(handler, {
      options: { lingerTimeout: 20 },
    });
    // An unhandled rejection fails the test.
    const silent = await Deno.connect(served.addr);
    strictEqual(await readAll(silent), "x");
    strictEqual(await ask(served.addr), "x");
    await served.server.shutdown();
    for (const error of served.takeErrors()) {
      match(String(error), /^(SyntaxError|BadResource): /);
    }
  }
});

for (const hook of ["shutdownRequest", "closeRequest"] as const) {
  Deno.test(`a connection is closed also where ${hook} only throws`, async () => {
    const accepted: Deno.TcpConn[] = [];
    class Failing extends TCPServer {
      override async getRequest() {
        const [connection, address] = await super.getRequest();
        accepted.push(connection);
        return [connection, address] as [Deno.TcpConn, Deno.NetAddr];
      }
    }
    await using served = await serveForTest(() => {}, { server: Failing });
    const { server } = served;
    server[hook] = () => {
      throw new Error("not now");
    };
    for (let i = 0; i < 3; i++) strictEqual(await ask(server.addr), "");
    await server.shutdown();
    for (const error of served.takeErrors()) {
      strictEqual((error as Error).message, "not now");
    }
    strictEqual(accepted.length, 3);
    for (const connection of accepted) {
      throws(() => connection.close(), Deno.errors.BadResource);
    }
  });
}

Deno.test("a getRequest that throws at once is reported, by handleRequest() too", async () => {
  class Failing extends UDPServer {
    readonly reports: string[] = [];
    #failed = false;
    override getRequest() {
      if (this.#failed) return super.getRequest();
      this.#failed = true;
      throw new Error("not yet");
    }
    override handleError(error: unknown) {
      this.reports.push((error as Error).message);
    }
  }
  await using server = new Failing(LOOPBACK, () => {}, { timeout: 1 });
  await server.handleRequest();
  deepStrictEqual(server.reports, ["not yet"]);
});
