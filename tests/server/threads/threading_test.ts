import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  TCPServer,
  ThreadingMixIn,
  ThreadingTCPServer,
  ThreadingTLSServer,
  ThreadingUnixDatagramServer,
  ThreadingUnixStreamServer,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { Child, Folder } from "../../_program.ts";
import { ask, LOOPBACK, readAll } from "../../_loopback.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";
import { acceptMode, testBoth, testMain } from "./_accept_modes.ts";
import {
  Bare,
  checksum,
  Datagrams,
  FailingAround,
  Obedient,
  pattern,
  Unmade,
} from "./_threading_handlers.ts";
import {
  DatagramClient,
  startDatagramThreads,
  startThreads,
  Threads,
} from "./_threads.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const encode = (text: string) => new TextEncoder().encode(text);

// Every kind of server, with handlers that know nothing of threads.

testBoth("ThreadingTCPServer serves a StreamRequestHandler", async () => {
  await using served = await startThreads();
  strictEqual(await ask(served.addr, "lines\na\nb\n"), "<a>\n<b>\n");
  const { local, remote, client, server: address } = JSON.parse(
    await ask(served.addr, "addresses\n"),
  );
  deepStrictEqual([local, address], [{ ...served.addr }, { ...served.addr }]);
  deepStrictEqual(client, remote);
  strictEqual(remote.hostname, "127.0.0.1");
  deepStrictEqual(served.errors, []);
});

Deno.test("ThreadingMixIn makes any class of servers thread", async () => {
  class Own extends TCPServer {
    readonly own = "own";
  }
  class OwnThreads extends ThreadingMixIn(Own) {}
  await using served = await serveForTest(Obedient, {
    server: OwnThreads,
    options: { workers: 1 },
  });
  strictEqual(served.server.own, "own");
  match(await ask(served.addr, "thread\n"), /^[0-9a-f-]{36}$/);
});

testBoth(
  "a BaseRequestHandler works on the bare connection in a thread",
  async () => {
    await using served = await serveForTest(Bare, {
      server: Threads,
      options: { workers: 1 },
    });
    const text = "echo ".repeat(100_000);
    strictEqual(await ask(served.addr, text), text);
    deepStrictEqual(served.errors, []);
  },
);

Deno.test("ThreadingTLSServer serves in threads", async () => {
  const { cert, key } = await selfSignedCertificate();
  await using served = await serveForTest(
    new ThreadingTLSServer({ ...LOOPBACK, cert, key }, Obedient, {
      workers: 1,
    }),
  );
  const client = await Deno.connectTls({
    hostname: "localhost",
    port: served.addr.port,
    caCerts: [cert],
  });
  const bytes = pattern(1_000_000);
  await client.write(encode("everything\n"));
  for (let done = 0; done < bytes.length;) {
    done += await client.write(bytes.subarray(done));
  }
  await client.closeWrite();
  strictEqual(await readAll(client), `${bytes.length} ${checksum(bytes)}`);
});

Deno.test(
  "a handler in a thread is told of its TLS handshake and ALPN",
  async () => {
    const { cert, key } = await selfSignedCertificate();
    await using served = await serveForTest(
      new ThreadingTLSServer(
        { ...LOOPBACK, cert, key, alpnProtocols: ["other", "chat"] },
        Obedient,
        { workers: 1 },
      ),
    );
    for (
      const [alpnProtocols, alpnProtocol] of [[["chat"], "chat"], [[], null]]
    ) {
      const client = await Deno.connectTls({
        hostname: "localhost",
        port: served.addr.port,
        caCerts: [cert],
        alpnProtocols: alpnProtocols as string[],
      });
      await client.write(encode("handshake\n"));
      deepStrictEqual(
        JSON.parse(await readAll(client)),
        [{ alpnProtocol }, { alpnProtocol }],
      );
    }
    await using plain = await startThreads();
    strictEqual(await ask(plain.addr, "handshake\n"), '"none"');
  },
);

Deno.test("ThreadingUnixStreamServer serves in threads", async () => {
  await using folder = new Folder();
  const path = folder.at("s");
  await using served = await serveForTest(
    new ThreadingUnixStreamServer({ path }, Obedient, { workers: 1 }),
  );
  strictEqual(await ask(served.addr, "lines\na\n"), "<a>\n");
  const { server: address } = JSON.parse(
    await ask(served.addr, "addresses\n"),
  );
  deepStrictEqual(address, { transport: "unix", path });
});

Deno.test("ThreadingUDPServer serves in threads", async () => {
  await using served = await startDatagramThreads();
  using client = new DatagramClient();
  for (let i = 0; i < 100; i++) {
    strictEqual(await client.ask(served.addr, `${i}`), `<${i}>`);
  }
  strictEqual(await client.ask(served.addr, ""), "<>");
  strictEqual(await client.ask(served.addr, "send twice"), "one");
  strictEqual(await client.receive(), "two");
  deepStrictEqual(served.errors, []);
});

Deno.test("ThreadingUnixDatagramServer serves in threads", async () => {
  await using folder = new Folder();
  await using _served = await serveForTest(
    new ThreadingUnixDatagramServer({ path: folder.at("s") }, Datagrams, {
      workers: 1,
    }),
  );
  const client = Deno.listenDatagram({
    transport: "unixpacket",
    path: folder.at("c"),
  });
  for (let i = 0; i < 100; i++) {
    await client.send(encode(`${i}`), {
      transport: "unixpacket",
      path: folder.at("s"),
    });
    strictEqual(decode((await client.receive())[0]), `<${i}>`);
  }
  client.close();
});

Deno.test("a handler of datagrams that does not await its send harms no other request", async () => {
  await using served = await startDatagramThreads();
  using client = new DatagramClient();
  const thread = await client.ask(served.addr, "thread");
  for (let i = 0; i < 50; i++) {
    strictEqual(await client.ask(served.addr, "send unawaited"), "sent");
  }
  strictEqual(await client.ask(served.addr, "thread"), thread);
  deepStrictEqual(served.errors, []);
});

Deno.test("a datagram that cannot be sent is the handler's error alone", async () => {
  await using served = await startDatagramThreads();
  using client = new DatagramClient();
  const thread = await client.ask(served.addr, "thread");
  strictEqual(await client.ask(served.addr, "send to nowhere"), "TypeError");
  strictEqual(await client.ask(served.addr, "send no bytes"), "TypeError");
  strictEqual(await client.ask(served.addr, "send too much"), "RangeError");
  strictEqual(await client.ask(served.addr, "thread"), thread);
});

Deno.test("a reply from a thread that cannot be sent is reported", async () => {
  await using folder = new Folder();
  const address = { transport: "unixpacket", path: folder.at("s") } as const;
  await using served = await serveForTest(
    new ThreadingUnixDatagramServer(address, Datagrams, { workers: 1 }),
  );
  const unnamed = Deno.listenDatagram(
    { transport: "unixpacket" } as unknown as typeof address,
  );
  await unnamed.send(encode("whose"), address);
  unnamed.close();
  const [error] = await served.untilErrors() as Error[];
  match(error!.message, /socket has no path/);
  const client = Deno.listenDatagram({ ...address, path: folder.at("c") });
  await client.send(encode("mine"), address);
  strictEqual(decode((await client.receive())[0]), "<mine>");
  client.close();
  deepStrictEqual(served.errors, []);
});

// What stays in the main thread.

testMain("hooks run in the main thread, in their order", async () => {
  const steps: string[] = [];
  class Hooked extends Threads {
    override async getRequest() {
      const request = await super.getRequest();
      steps.push("getRequest");
      return request;
    }
    override verifyRequest() {
      steps.push("verifyRequest");
      return true;
    }
    override async processRequest(
      ...request: Parameters<Threads["processRequest"]>
    ) {
      steps.push("processRequest");
      await super.processRequest(...request);
    }
    override async finishRequest(
      ...request: Parameters<Threads["finishRequest"]>
    ) {
      steps.push("finishRequest");
      await super.finishRequest(...request);
    }
    override async shutdownRequest(request: Deno.TcpConn) {
      steps.push("shutdownRequest");
      await super.shutdownRequest(request);
    }
    override closeRequest(request: Deno.TcpConn) {
      steps.push("closeRequest");
      super.closeRequest(request);
    }
  }
  {
    await using served = await serveForTest(Obedient, {
      server: Hooked,
      options: { workers: 1 },
    });
    await ask(served.addr, "thread\n");
  }
  deepStrictEqual(steps, [
    "getRequest",
    "verifyRequest",
    "processRequest",
    "finishRequest",
    "shutdownRequest",
    "closeRequest",
  ]);
});

testMain("a request that verifyRequest refuses reaches no thread", async () => {
  class Refusing extends Threads {
    override verifyRequest() {
      return false;
    }
  }
  await using served = await serveForTest(Obedient, {
    server: Refusing,
    options: { workers: 1 },
  });
  strictEqual(await ask(served.addr, "thread\n"), "");
  deepStrictEqual(served.errors, []);
});

testBoth(
  "handleError is told what a handler threw, with its class, stack, code and cause",
  async () => {
    await using served = await startThreads();
    strictEqual(await ask(served.addr, "throw\n"), "");
    const [error] = await served.untilErrors() as Error[];
    ok(error instanceof Deno.errors.PermissionDenied);
    strictEqual(error.message, "thrown by Obedient");
    match(error.stack!, /_threading_handlers\.ts:\d+/);
    ok(error.cause instanceof RangeError);
    strictEqual(error.cause.message, "its cause");
  },
);

testBoth(
  "whatever a handler throws is reported and harms no other request",
  async () => {
    await using served = await startThreads();
    const thread = await ask(served.addr, "thread\n");
    await ask(served.addr, "throw text\n");
    await ask(served.addr, "throw what cannot be looked at\n");
    await ask(served.addr, "throw a giant\n");
    const [text, proxy, giant] = await served.untilErrors(3) as Error[];
    strictEqual(text, "just text");
    strictEqual(proxy!.message, "Threw what cannot be looked at");
    match(giant!.message, /^\0+ … \(cut, it had 200000 characters\)$/);
    strictEqual(await ask(served.addr, "thread\n"), thread);
  },
);

testBoth("setup and finish that fail are reported together", async () => {
  await using served = await serveForTest(FailingAround, {
    server: Threads,
    options: { workers: 1 },
  });
  strictEqual(await ask(served.addr), "");
  const [error] = await served.untilErrors() as Error[];
  strictEqual(error!.name, "SuppressedError");
  match(error!.message, /failed in finish/);
});

testBoth(
  "a handler that its constructor did not finish cannot use its connection later",
  async () => {
    await using served = await serveForTest(Unmade, {
      server: Threads,
      options: { workers: 1 },
    });
    strictEqual(await ask(served.addr), "");
    const [error] = await served.untilErrors() as Error[];
    strictEqual(error!.message, "failed in constructor");
    strictEqual(await ask(served.addr), "BadResource");
  },
);

// Shutting down.

testBoth("a handler may shut its server down, and still answers", async () => {
  await using served = await startThreads();
  strictEqual(await ask(served.addr, "shut down\n"), "shut down");
  await served.server.finished;
  deepStrictEqual(served.errors, []);
});

Deno.test("a handler of datagrams may shut its server down, and still answers", async () => {
  await using served = await startDatagramThreads();
  using client = new DatagramClient();
  strictEqual(await client.ask(served.addr, "shut down"), "shut down");
  await served.server.finished;
  deepStrictEqual(served.errors, []);
});

testBoth(
  "what a handler has left running may shut the server down",
  async () => {
    await using served = await startThreads();
    strictEqual(await ask(served.addr, "shut down later\n"), "");
    await served.server.finished;
    deepStrictEqual(served.errors, []);
  },
);

testBoth("a grace period that is none is refused in the handler", async () => {
  await using served = await startThreads();
  strictEqual(
    await ask(served.addr, "shut down badly\n"),
    "RangeError: Cannot use gracePeriod: it must be a non-negative number of milliseconds, received -1",
  );
  strictEqual(
    await ask(served.addr, "shut down misspelt\n"),
    'TypeError: Cannot shut down: unknown option "gracePeriodd"; did you mean "gracePeriod"?',
  );
  match(await ask(served.addr, "thread\n"), /-/);
});

testBoth("shutdown lets handlers in threads finish", async () => {
  await using served = await startThreads({ workers: 2 });
  const client = await Deno.connect(served.addr);
  await client.write(encode("everything\n"));
  const down = served.server.shutdown();
  await client.write(encode("late"));
  await client.closeWrite();
  strictEqual(await readAll(client), `4 ${checksum(encode("late"))}`);
  await down;
  deepStrictEqual(served.errors, []);
});

testBoth(
  "a server that is closed before it served leaves no thread",
  async () => {
    const server = new ThreadingTCPServer(LOOPBACK, Obedient, { workers: 2 });
    await server.shutdown();
  },
);

testBoth("shutdown ends a thread that is still starting", async () => {
  await using served = await startThreads({ workers: 2, gracePeriod: 0 });
  const clients = await Promise.all(
    Array.from({ length: 3 }, () => Deno.connect(served.addr)),
  );
  await ask(served.addr, "thread\n");
  await served.server.shutdown();
  for (const client of clients) client.close();
  for (const error of served.takeErrors()) {
    match(String(error), /did not finish within 0 ms$/);
  }
});

testBoth(
  "shutdown leaves no thread and no descriptor, and the process ends",
  async () => {
    await using child = new Child(Deno.execPath(), [
      "eval",
      `import { ThreadingTCPServer } from ${
        JSON.stringify(import.meta.resolve("../../../mod.ts"))
      };
    import { Obedient } from ${
        JSON.stringify(import.meta.resolve("./_threading_handlers.ts"))
      };
    const count = (of) => [...Deno.readDirSync("/proc/self/" + of)].length;
    const round = async () => {
      const server = new ThreadingTCPServer({ hostname: "127.0.0.1", port: 0 }, Obedient, { workers: 1, accept: "${acceptMode()}" });
      const served = server.serveForever();
      await Promise.all(Array.from({ length: 8 }, async () => {
        const client = await Deno.connect(server.addr);
        await client.write(new TextEncoder().encode("thread\\n"));
        await new Response(client.readable).text();
      }));
      await server.shutdown();
      await served;
    };
    // What Deno opens for itself the first time stays.
    await round();
    const threads = count("task"), descriptors = count("fd");
    for (let i = 0; i < 4; i++) await round();
    console.log("down");
    // A worker's last steps are its own; nobody tells when they are done.
    while (count("task") > threads || count("fd") > descriptors) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    console.log("nothing left");`,
    ]);
    await child.until("nothing left");
    strictEqual((await child.output()).code, 0);
  },
);

/** What a process prints that has a server with one thread, and ends by itself. */
async function printed(code: string): Promise<string> {
  await using child = new Child(Deno.execPath(), [
    "eval",
    `import { ThreadingTCPServer } from ${
      JSON.stringify(import.meta.resolve("../../../mod.ts"))
    };
    import { Obedient } from ${
      JSON.stringify(import.meta.resolve("./_threading_handlers.ts"))
    };
    const server = new ThreadingTCPServer({ hostname: "127.0.0.1", port: 0 }, Obedient, { workers: 1, accept: "${acceptMode()}" });
    server.handleError = ({ name }) => console.log(name);
    server.serveForever();
    const client = await Deno.connect(server.addr);
    const order = (line) => client.write(new TextEncoder().encode(line + "\\n"));
    ${code}`,
  ]);
  const { code: status, stdout, stderr } = await patiently(
    child.output(),
    () => "the end of the process",
  );
  strictEqual(status, 0, stderr);
  return decode(stdout);
}

testBoth(
  "unref() lets the process end, when the threads have ended what they do",
  async () => {
    const output = await printed(`
    await order("log later");
    await client.read(new Uint8Array(10));
    client.close();
    server.unref();
    console.log("let go");`);
    strictEqual(output, "let go\nover\n");
  },
);

testBoth(
  "a thread in an endless loop does not keep the process from ending",
  async (mode) => {
    const output = await printed(`
    await order("loop without sleep");
    await server.shutdown({ gracePeriod: 50 });
    client.close();
    console.log("down");`);
    const told = mode === "threads" ? "HandlerLostError" : "AbortError";
    strictEqual(output, `${told}\ndown\n`);
  },
);

testBoth("handleRequest serves one request in a thread", async () => {
  await using server = new Threads(LOOPBACK, Obedient, { workers: 1 });
  const handled = server.handleRequest();
  match(await ask(server.addr, "thread\n"), /-/);
  await handled;
});
