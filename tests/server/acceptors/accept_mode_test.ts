import { match, ok, strictEqual, throws } from "node:assert";
import {
  type ConnectionInfo,
  TCPServer,
  ThreadingMixIn,
  type ThreadingOptions,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixStreamServer,
} from "../../../mod.ts";
import { ThreadingHTTPServer } from "../../../server/http/mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { Folder } from "../../_program.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { Datagrams } from "../threads/_threading_handlers.ts";
import { Commanded, KindOfConnection } from "./_accepted_handlers.ts";

const THREADS = { accept: "threads", workers: 1 } as const;

/** Whether a thread accepts what a server serves. */
async function accepts(server: TCPServer): Promise<"threads" | "main"> {
  await using served = await serveForTest(server);
  const kind = await ask(served.addr, "kind\n");
  match(kind, /^(TcpConn|FarConnection)$/);
  return kind === "TcpConn" ? "threads" : "main";
}

class Own extends TCPServer {
  override handleError() {}
  override handleTimeout() {}
}
class OwnThreads extends ThreadingMixIn(Own) {}

Deno.test("threads accept for a server without hooks, unless it is told otherwise", async () => {
  const start = (options: ThreadingOptions) =>
    accepts(
      new ThreadingTCPServer(LOOPBACK, Commanded, { workers: 1, ...options }),
    );
  strictEqual(await start({}), "threads");
  strictEqual(await start({ accept: "auto" }), "threads");
  strictEqual(await start({ accept: "threads" }), "threads");
  strictEqual(await start({ accept: "main" }), "main");
});

Deno.test("threads accept where only handleError and handleTimeout are overridden", async () => {
  strictEqual(
    await accepts(new OwnThreads(LOOPBACK, Commanded, THREADS)),
    "threads",
  );
  class More extends OwnThreads {
    override handleError() {}
  }
  strictEqual(await accepts(new More(LOOPBACK, Commanded, THREADS)), "threads");
});

Deno.test("threads accept for a server of HTTP", async () => {
  await using served = await serveForTest(KindOfConnection, {
    server: ThreadingHTTPServer,
    options: { workers: 1 },
  });
  const answer = await ask(
    served.addr,
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  match(answer, /\r\n\r\nTcpConn$/);
});

Deno.test("accept that is none of the three is refused", () => {
  throws(
    () =>
      new ThreadingTCPServer(LOOPBACK, Commanded, {
        accept: "thread" as "threads",
      }),
    {
      name: "TypeError",
      message:
        `Cannot create server: accept must be "auto", "threads" or "main", received "thread"`,
    },
  );
});

const HOOKS = [
  "getRequest",
  "verifyRequest",
  "processRequest",
  "finishRequest",
  "shutdownRequest",
  "closeRequest",
  "serviceActions",
] as const;

for (const hook of HOOKS) {
  Deno.test(`${hook}() that is overridden has the main thread accept`, async () => {
    // Below the mixin, and above it.
    class Below extends ThreadingTCPServer {}
    class Above extends TCPServer {}
    for (
      const [Class, Server] of [
        [Below, Below],
        [Above, ThreadingMixIn(Above)],
      ] as const
    ) {
      const inherited = TCPServer.prototype[hook] as (
        ...given: unknown[]
      ) => unknown;
      Object.defineProperty(Class.prototype, hook, {
        value(...given: unknown[]) {
          return inherited.apply(this, given);
        },
      });
      strictEqual(
        await accepts(new Server(LOOPBACK, Commanded, { workers: 1 })),
        "main",
      );
      throws(() => new Server(LOOPBACK, Commanded, THREADS), {
        name: "TypeError",
        message:
          `Cannot let threads accept: ${hook}() is overridden, and called in the main thread; leave the option "accept" out, or set it to "main"`,
      });
    }
  });

  Deno.test(`${hook}() that is set on a server has the main thread accept`, async () => {
    const set = (server: TCPServer) => {
      const inherited = TCPServer.prototype[hook] as (
        ...given: unknown[]
      ) => unknown;
      let called = 0;
      Object.defineProperty(server, hook, {
        value(...given: unknown[]) {
          called++;
          return inherited.apply(this, given);
        },
      });
      return () => called;
    };
    const server = new ThreadingTCPServer(LOOPBACK, Commanded, { workers: 1 });
    const called = set(server);
    strictEqual(await accepts(server), "main");
    strictEqual(called() > 0, true);
    await using insisting = new ThreadingTCPServer(
      LOOPBACK,
      Commanded,
      THREADS,
    );
    set(insisting);
    const refused = await insisting.serveForever().catch((error) => error);
    strictEqual(refused.name, "TypeError");
    match(refused.message, new RegExp(`${hook}\\(\\) is overridden`));
  });
}

Deno.test("a hook that is set while threads accept is refused, and one that is set in between is called", async () => {
  const make = (options: ThreadingOptions) =>
    new ThreadingTCPServer(LOOPBACK, Commanded, { workers: 1, ...options });
  await using served = await serveForTest(make({}));
  const { server } = served;
  strictEqual(await ask(server.addr, "kind\n"), "TcpConn");
  for (const hook of HOOKS) {
    throws(() => void Object.assign(server, { [hook]: () => {} }), {
      name: "TypeError",
      message:
        `Cannot set ${hook}(): threads accept for this server and would not call it; set it before the server serves, or create the server with accept: "main"`,
    });
    strictEqual(server[hook], TCPServer.prototype[hook]);
  }
  // These are called in the main thread.
  server.handleError = () => {};
  server.handleTimeout = () => {};
  strictEqual(await ask(server.addr, "kind\n"), "TcpConn");
  await server.shutdown();
  let verified = 0;
  const verifyRequest = () => ++verified > 0;
  await using one = make({});
  const handle = async () => {
    const handled = one.handleRequest();
    const answer = await ask(one.addr, "kind\n");
    await handled;
    return answer;
  };
  const waiting = one.handleRequest();
  throws(() => one.verifyRequest = verifyRequest, /^TypeError: Cannot set/);
  strictEqual(await ask(one.addr, "kind\n"), "TcpConn");
  await waiting;
  one.verifyRequest = verifyRequest;
  strictEqual(await handle(), "FarConnection");
  strictEqual(verified, 1);
});

Deno.test("numbers go on where threads are given up for a hook", async () => {
  await using server = new ThreadingTCPServer(LOOPBACK, Commanded, {
    workers: 2,
  });
  const ids: number[] = [];
  const serveOne = async () => {
    const handled = server.handleRequest();
    using client = await Deno.connect(server.addr);
    const writer = client.writable.getWriter();
    await writer.write(new TextEncoder().encode("lines\na\n"));
    strictEqual(await client.read(new Uint8Array(10)), 4);
    const [{ id }] = await server.connections() as [ConnectionInfo];
    ids.push(id);
    await writer.close();
    await handled;
    while ((await server.connections()).length > 0) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  for (let i = 0; i < 5; i++) await serveOne();
  const before = server.stats();
  strictEqual(before.accepted, 5);
  server.verifyRequest = () => true;
  for (let i = 0; i < 5; i++) await serveOne();
  strictEqual(new Set(ids).size, 10);
  ok(Math.min(...ids.slice(5)) > Math.max(...ids.slice(0, 5)), `${ids}`);
  const after = server.stats();
  strictEqual(after.accepted, 10);
  strictEqual(after.active, 0);
  ok(after.bytesIn > before.bytesIn && after.bytesOut > before.bytesOut);
  ok(after.workers!.started > before.workers!.started);
  const numbers = after.workers!.running.map(({ id }) => id);
  strictEqual(new Set(numbers).size, numbers.length);
});

Deno.test("the option verify has the main thread accept", async () => {
  let asked = 0;
  const verify = () => ++asked > 0;
  const server = new ThreadingTCPServer(LOOPBACK, Commanded, {
    workers: 1,
    verify,
  });
  strictEqual(await accepts(server), "main");
  strictEqual(asked, 1);
  throws(
    () => new ThreadingTCPServer(LOOPBACK, Commanded, { ...THREADS, verify }),
    /"verify" is called in the main thread/,
  );
});

Deno.test("a socket that is inheritable has the main thread accept", async () => {
  const address = { ...LOOPBACK, inheritable: true };
  strictEqual(
    await accepts(new ThreadingTCPServer(address, Commanded, { workers: 1 })),
    "main",
  );
  throws(
    () => new ThreadingTCPServer(address, Commanded, THREADS),
    /a socket that is inheritable is not Deno's to share/,
  );
});

Deno.test("reusePort has the main thread accept", async () => {
  const address = { ...LOOPBACK, reusePort: true };
  strictEqual(
    await accepts(new ThreadingTCPServer(address, Commanded, { workers: 1 })),
    "main",
  );
  throws(
    () => new ThreadingTCPServer(address, Commanded, THREADS),
    /reusePort shares the port in another way/,
  );
});

Deno.test("other servers than those of TCP connections say that threads cannot accept for them", async () => {
  await using folder = new Folder();
  const expected = {
    name: "TypeError",
    message:
      'Cannot let threads accept: only the connections of a TCPServer or a TLSServer can be accepted by threads; leave the option "accept" out, or set it to "main"',
  };
  throws(
    () =>
      new ThreadingUnixStreamServer(
        { path: folder.at("s") },
        Commanded,
        THREADS,
      ),
    expected,
  );
  throws(() => new ThreadingUDPServer(LOOPBACK, Datagrams, THREADS), expected);
});

/** Calls a function in a Deno that does not know `loadBalanced`. */
async function withoutSharing<T>(call: () => T | Promise<T>): Promise<T> {
  const { listen } = Deno;
  const ignoring = (options: Deno.TcpListenOptions) => {
    const { loadBalanced: _, ...rest } = options as typeof options & {
      readonly loadBalanced?: boolean;
    };
    return listen(rest);
  };
  Object.defineProperty(Deno, "listen", {
    value: ignoring,
    configurable: true,
    writable: true,
  });
  try {
    return await call();
  } finally {
    Object.defineProperty(Deno, "listen", {
      value: listen,
      configurable: true,
      writable: true,
    });
  }
}

Deno.test("where a socket cannot be shared the main thread accepts, and an explicit wish says what is missing", async () => {
  await withoutSharing(async () => {
    strictEqual(
      await accepts(
        new ThreadingTCPServer(LOOPBACK, Commanded, { workers: 1 }),
      ),
      "main",
    );
    throws(() => new ThreadingTCPServer(LOOPBACK, Commanded, THREADS), {
      name: "NotSupported",
      message:
        'Cannot let threads accept: it takes a Deno that lets threads share a listening socket; leave the option "accept" out, or set it to "main"',
    });
  });
});
