import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  type StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
  ThreadingTLSServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { HTTPServer, HTTPSServer } from "../../server/http/mod.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { bracket } from "../peers/_peers.ts";
import { FailingHandler } from "./_failing_handler.ts";

const decoder = new TextDecoder();

async function answerOf(served: TestServer, line: string) {
  await using client = await served.connect();
  await client.wfile.write(`${line}\n`);
  return await client.rfile.readLine();
}

Deno.test("serveForTest() serves on all servers of connections, and each is connected to", async () => {
  for (
    const server of [
      ...[TCPServer, TLSServer, ThreadingTCPServer, ThreadingTLSServer],
      ...[ForkingTCPServer],
    ]
  ) {
    await using served = await serveForTest(FailingHandler, { server });
    strictEqual(await answerOf(served, "x"), "<x>", server.name);
    const isTLS = served.server instanceof TLSServer;
    strictEqual(served.certificate !== undefined, isTLS);
    ok(served.server instanceof server);
  }
  let path: string;
  {
    await using served = await serveForTest(FailingHandler, {
      server: UnixStreamServer,
    });
    strictEqual(await answerOf(served, "x"), "<x>");
    path = served.addr.path!;
  }
  // Its folder is gone.
  await rejects(Deno.stat(path.replace(/\/s$/, "")), Deno.errors.NotFound);
});

Deno.test("serveForTest() serves datagrams", async () => {
  for (const server of [UDPServer, UnixDatagramServer]) {
    await using served = await serveForTest(({ packet, wfile }) => {
      wfile.write(packet);
    }, { server: server as typeof UDPServer });
    await using client = await served.connectDatagram();
    strictEqual(decoder.decode(await client.request("x")), "x");
    await rejects(served.connect(), /use connectDatagram\(\)$/);
  }
  await using served = await serveForTest(bracket);
  await rejects(served.connectDatagram(), /use connect\(\)$/);
});

Deno.test("serveForTest() serves HTTP, in TLS too", async () => {
  {
    await using served = await serveForTest(() => new Response("hello"), {
      server: HTTPServer,
    });
    const { hostname, port } = served.addr;
    const response = await fetch(`http://${hostname}:${port}/`);
    strictEqual(await response.text(), "hello");
  }
  await using served = await serveForTest(() => new Response("hello"), {
    server: HTTPSServer,
  });
  using client = Deno.createHttpClient({ caCerts: [served.certificate!.cert] });
  const response = await fetch(`https://localhost:${served.addr.port}/`, {
    client,
  });
  strictEqual(await response.text(), "hello");
});

Deno.test("serveForTest() takes a server that is made already", async () => {
  const server = new SimpleXMLRPCServer(LOOPBACK);
  server.registerFunction((a: number, b: number) => a + b, { name: "add" });
  await using served = await serveForTest(server);
  const { hostname, port } = served.addr;
  const response = await fetch(`http://${hostname}:${port}/RPC2`, {
    method: "POST",
    headers: { "Content-Type": "text/xml" },
    body:
      "<?xml version='1.0'?><methodCall><methodName>add</methodName><params><param><value><int>1</int></value></param><param><value><int>2</int></value></param></params></methodCall>",
  });
  match(await response.text(), /<int>3<\/int>/);
});

/** Serves what fails, and tells how the end of the block went. */
async function endOf(
  server: typeof TCPServer,
  use: (served: TestServer) => Promise<void>,
  options: ServedOptions = {},
): Promise<unknown> {
  try {
    await using served = await serveForTest(FailingHandler, {
      ...{ server, ...options },
    });
    strictEqual(await answerOf(served, "fail"), null);
    await use(served);
  } catch (error) {
    return error;
  }
  return undefined;
}

Deno.test("a handler that fails fails the test, wherever it runs, unless its error was taken", async () => {
  for (
    const server of [
      ...[TCPServer, ThreadingTCPServer, ForkingTCPServer],
    ] as (typeof TCPServer)[]
  ) {
    const error = await endOf(server, async () => {});
    ok(error instanceof AggregateError, server.name);
    match(
      error.message,
      /1 error that the test has not taken by untilErrors\(\), nor allowed by allowErrors: .*as it was told/,
    );
    strictEqual(error.errors.length, 1);
    strictEqual(
      await endOf(server, async (served) => {
        const [taken] = await served.untilErrors();
        strictEqual((taken as Error).message, "as it was told to");
        deepStrictEqual(served.errors, []);
      }),
      undefined,
    );
    strictEqual(
      await endOf(server, async () => {}, { allowErrors: true }),
      undefined,
    );
  }
});

Deno.test("errors that fail a test are printed, since its report leaves them out where its body has failed too", async () => {
  const printed: string[] = [];
  const { error: print } = console;
  console.error = (text: string) => void printed.push(text);
  try {
    const error = await endOf(TCPServer, () => {
      throw new Error("of the body");
    });
    ok(error instanceof SuppressedError);
    ok(error.error instanceof AggregateError);
    match(
      printed.join(),
      /^At the end of a test: Error: as it was told to\n/,
    );
    printed.length = 0;
    await endOf(TCPServer, async (served) => void await served.untilErrors());
    await endOf(TCPServer, async () => {}, { allowErrors: true });
    deepStrictEqual(printed, []);
  } finally {
    console.error = print;
  }
});

Deno.test("what else fails at the end of a test hides no errors of handlers", async () => {
  const printed: string[] = [];
  const { error: print } = console;
  console.error = (text: string) => void printed.push(text);
  class Failing extends TCPServer {
    override async serveForever() {
      await super.serveForever();
      throw new Error("of serving");
    }
  }
  try {
    const both = await endOf(Failing as typeof TCPServer, async () => {});
    ok(both instanceof AggregateError);
    deepStrictEqual(both.errors.map((each) => each.message), [
      "of serving",
      "as it was told to",
    ]);
    match(both.message, /as it was told to; and failed: Error: of serving$/);
    match(printed.join(), /of serving[^]*as it was told to/);
    printed.length = 0;
    const alone = await endOf(Failing as typeof TCPServer, async (served) => {
      await served.untilErrors();
    });
    strictEqual((alone as Error).message, "of serving");
    strictEqual(printed.length, 1);
    const asked = await endOf(TCPServer, async () => {}, {
      allowErrors: () => {
        throw new Error("of allowErrors");
      },
    });
    match(String(asked), /as it was told to; and failed: .*of allowErrors$/);
  } finally {
    console.error = print;
  }
});

Deno.test("of many errors the first ten are told, and all are there", async () => {
  const served = await serveForTest(() => {
    throw new Error("x".repeat(5_000));
  });
  for (let i = 0; i < 12; i++) await answerOf(served, "x").catch(() => {});
  const { error: print } = console;
  console.error = () => {};
  try {
    await rejects(served[Symbol.asyncDispose](), (error: AggregateError) => {
      match(error.message, /; and others$/);
      ok(error.message.length < 60_000);
      return error.errors.length === 12;
    });
  } finally {
    console.error = print;
  }
});

Deno.test("errors are allowed one by one", async () => {
  const messages = ["asked for", "asked for", "another"];
  const served = await serveForTest(() => {
    throw new Error(messages.shift());
  }, { allowErrors: (error) => (error as Error).message === "asked for" });
  for (let i = 0; i < 3; i++) await answerOf(served, "x").catch(() => {});
  await rejects(
    served[Symbol.asyncDispose](),
    (error: AggregateError) => error.errors.join() === "Error: another",
  );
  strictEqual(served.errors.length, 3);
});

Deno.test("errors are counted, taken in order, and those that are left fail the test", async () => {
  let number = 0;
  const handler = () => {
    throw new Error(String(++number));
  };
  const served = await serveForTest(handler);
  for (let i = 0; i < 3; i++) await answerOf(served, "x").catch(() => {});
  const messages = (errors: readonly unknown[]) =>
    errors.map((error) => (error as Error).message);
  deepStrictEqual(messages(await served.untilErrors(2)), ["1", "2"]);
  await using untroubled = await serveForTest(bracket);
  for (
    const [server, count, errors] of [
      [served, 2, "2 errors"],
      [untroubled, 1, "1 error"],
    ] as const
  ) {
    await rejects(server.untilErrors(count, { timeout: 20 }), {
      name: "TimeoutError",
      message:
        `Waited 20 ms in vain for ${errors} of the server; if the server takes longer, raise the option timeout`,
    });
  }
  deepStrictEqual(messages(served.errors), ["3"]);
  await rejects(
    served[Symbol.asyncDispose](),
    (error: AggregateError) => messages(error.errors).join() === "3",
  );
  // The end is told once, and the same each time.
  await rejects(served[Symbol.asyncDispose](), AggregateError);
  deepStrictEqual(messages(served.takeErrors()), ["3"]);
});

Deno.test("what other servers are told of is not this one's", async () => {
  await using failing = await serveForTest(FailingHandler);
  await using served = await serveForTest(FailingHandler);
  strictEqual(await answerOf(failing, "fail"), null);
  await failing.untilErrors();
  deepStrictEqual(served.errors, []);
});

Deno.test("onError and handleError are called all the same", async () => {
  const told: unknown[] = [];
  await using served = await serveForTest(FailingHandler, {
    options: { onError: (error) => void told.push(error) },
  });
  strictEqual(await answerOf(served, "fail"), null);
  deepStrictEqual(await served.untilErrors(), told);
  class Own extends TCPServer {
    override handleError(error: unknown) {
      told.push(error);
    }
  }
  await using own = await serveForTest(FailingHandler, { server: Own });
  strictEqual(await answerOf(own, "fail"), null);
  await own.untilErrors();
  strictEqual(told.length, 2);
});

Deno.test("a handler that does not end fails the test", async () => {
  const served = await serveForTest(
    ({ signal }: StreamRequestHandler) =>
      new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve())
      ),
    { gracePeriod: 20 },
  );
  await using _client = await served.connect();
  await rejects(
    served[Symbol.asyncDispose](),
    /did not finish within 20 ms/,
  );
});

Deno.test("a server that ends by itself is an error where it fails", async () => {
  const server = new TCPServer(LOOPBACK, bracket);
  void server.serveForever();
  // It serves already.
  const served = await serveForTest(server);
  await rejects(served[Symbol.asyncDispose](), /already/);
});

Deno.test("what the constructor refuses leaves nothing behind, and wrong options are refused", async () => {
  await rejects(
    serveForTest(bracket, { options: { timeuot: 1 } as object }),
    /unknown option "timeuot"/,
  );
  await rejects(
    serveForTest(bracket, {
      server: UnixStreamServer,
      options: { timeuot: 1 } as object,
    }),
    /unknown option "timeuot"/,
  );
  const unused = new TCPServer(LOOPBACK, bracket);
  await rejects(
    serveForTest(unused, { server: TCPServer } as object),
    /unknown option "server"/,
  );
  const refused: [unknown, RegExp][] = [
    [{ servr: TCPServer }, /did you mean "server"/],
    [
      { server: unused },
      /must be the class of a server/,
    ],
    [{ gracePeriod: -1 }, /gracePeriod: it must be a non-negative/],
    [{ address: { prot: 1 } }, /unknown address key "prot"/],
    [
      { address: ["127.0.0.1", 8000] },
      /^TypeError: Cannot serve for a test: the address must be an object, received \[ "127.0.0.1", 8000 \]; write one such as \{ hostname: "127.0.0.1", port: 8000 \}$/,
    ],
    [{ address: "127.0.0.1:8000" }, /must be an object, received "127/],
    [
      { address: "/tmp/a", server: UnixStreamServer },
      /must be an object, received "\/tmp\/a"; write one such as \{ path: /,
    ],
    [{ address: { host: "a" } }, /did you mean "hostname"/],
    [{ address: { port: "8000" } }, /^TypeError: .*port must be a number/],
  ];
  for (const [options, expected] of refused) {
    await rejects(serveForTest(bracket, options as object), expected);
  }
  unused.close();
});
