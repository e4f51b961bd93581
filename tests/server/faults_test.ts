import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  DatagramRequestHandler,
  StreamWriter,
  TCPServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { Lingering } from "../../server/_closing/linger.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Folder } from "../_program.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const udpClient = () => Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
const elapse = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));
const never = () => new Promise<never>(() => {});

interface Serving {
  readonly finished: Promise<void>;
  serveForever(): Promise<void>;
}

/** Fails, and does not hang, where a server does not end. */
const ends = <T>(ending: Promise<T>) => patiently(ending, () => "the end");

// Connections on their way out.

Deno.test("more than 1,024 clients that keep their side open hold up no other", async () => {
  await using served = await serveForTest(
    ({ wfile }) => void wfile.write("answer"),
  );
  const clients: Deno.Conn[] = [];
  const buffer = new Uint8Array(10);
  for (let i = 0; i < 1_100; i++) {
    const client = await Deno.connect(served.addr);
    clients.push(client);
    strictEqual(await ends(client.read(buffer)), 6);
  }
  for (const client of clients) client.close();
});

Deno.test("the connection that has lingered longest is closed when there are too many", async () => {
  const lingering = new Lingering(60_000);
  const closed: number[] = [];
  const open = (id: number) => {
    const { promise, resolve } = Promise.withResolvers<null>();
    return {
      closeWrite: () => Promise.resolve(),
      read: () => promise,
      close: () => {
        closed.push(id);
        resolve(null);
      },
    };
  };
  const connections = Array.from({ length: 4_098 }, (_, id) => open(id));
  const all = connections.map((connection) =>
    lingering.end(connection as unknown as Deno.Conn)
  );
  deepStrictEqual(closed, [0, 1]);
  for (const connection of connections) connection.close();
  await Promise.all(all);
  lingering.finish();
});

Deno.test("a connection of one's own that never stops giving ends with lingerTimeout, and holds up nobody", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++);
  const lingering = new Lingering(500);
  await ends(lingering.end(
    {
      closeWrite: () => Promise.resolve(),
      read: () => Promise.resolve(1),
      close: () => {},
    } as unknown as Deno.Conn,
  ));
  clearInterval(timer);
  lingering.finish();
  ok(turns > 1, `${turns} turns`);
});

Deno.test("lingerTimeout of one server is not another's", async () => {
  const reply = ({ wfile }: { wfile: StreamWriter }) => void wfile.write("hi");
  await using patient = await serveForTest(reply);
  await using hasty = await serveForTest(reply, {
    options: { lingerTimeout: 20 },
  });
  using first = await Deno.connect(patient.addr);
  await first.read(new Uint8Array(2));
  using second = await Deno.connect(hasty.addr);
  await second.read(new Uint8Array(2));
  const started = performance.now();
  await hasty.server.shutdown({ gracePeriod: 60_000 });
  const took = performance.now() - started;
  // The other's first deadline is 5 seconds from now.
  strictEqual(took < 2_500, true, `${took} ms`);
  await patient.server.shutdown({ gracePeriod: 0 });
});

Deno.test("unawaited writes that the client never takes end with lingerTimeout", async () => {
  await using served = await serveForTest(
    ({ wfile }) => void wfile.write(new Uint8Array(12 << 20)),
    { options: { lingerTimeout: 30 } },
  );
  using _client = await Deno.connect(served.addr);
  const [error] = await served.untilErrors();
  strictEqual(
    (error as DOMException).message,
    "The client took nothing of what was left to be sent for lingerTimeout, 30 ms",
  );
  await ends(served.server.shutdown());
});

Deno.test("unawaited writes may take longer than lingerTimeout while the client takes them", async () => {
  const size = 12 << 20;
  const lingerTimeout = 300;
  await using served = await serveForTest(
    ({ wfile }) => void wfile.write(new Uint8Array(size)),
    { options: { lingerTimeout } },
  );
  using client = await Deno.connect(served.addr);
  const buffer = new Uint8Array(128 * 1024);
  const started = performance.now();
  const taken = () => performance.now() - started;
  let total = 0;
  for (let n; (n = await client.read(buffer)) !== null;) {
    total += n;
    if (taken() < 2 * lingerTimeout) await elapse(10);
  }
  strictEqual(total, size);
  strictEqual(taken() > lingerTimeout, true);
  deepStrictEqual(served.errors, []);
});

// Hooks that are slow, or never end.

Deno.test("handleError that never returns holds up neither accepting nor shutdown()", async () => {
  class Stuck extends TCPServer {
    #failed = false;
    override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
      if (!this.#failed) {
        this.#failed = true;
        throw new Deno.errors.ConnectionAborted("one client's");
      }
      return await super.getRequest();
    }
    override handleError() {
      return never();
    }
  }
  await using served = await serveForTest(async ({ rfile, wfile }) => {
    const line = await rfile.readLine();
    if (line === "fail") throw new Error("asked to");
    await wfile.write("served");
  }, { server: Stuck });
  const { server } = served;
  strictEqual(await ends(ask(server.addr, "go\n")), "served");
  using client = await Deno.connect(server.addr);
  await client.write(encode("fail\n"));
  await served.untilErrors(2);
  strictEqual(await ends(ask(server.addr, "go\n")), "served");
  await ends(server.shutdown({ gracePeriod: 1 }));
  await ends(server.finished);
  match(String(served.takeErrors()), /did not finish within 1 ms/);
});

Deno.test("verifyRequest that never decides does not hold up shutdown()", async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  class Undecided extends TCPServer {
    override verifyRequest() {
      ask();
      return never();
    }
  }
  await using served = await serveForTest(() => {}, { server: Undecided });
  using client = await Deno.connect(served.addr);
  await asked;
  await ends(served.server.shutdown({ gracePeriod: 1 }));
  match(String(served.takeErrors()), /did not finish within 1 ms/);
  strictEqual(await client.read(new Uint8Array(1)), null);
});

Deno.test("idleTimeout starts with the handler, however long verifyRequest takes", async () => {
  const idleTimeout = 200;
  class Thinking extends TCPServer {
    override async verifyRequest() {
      await elapse(idleTimeout + 20);
      return true;
    }
  }
  await using served = await serveForTest(
    async ({ wfile }) => {
      await elapse(10);
      await wfile.write("in time");
    },
    { server: Thinking, options: { idleTimeout } },
  );
  strictEqual(await ask(served.addr), "in time");
  deepStrictEqual(served.errors, []);
});

// handleRequest

Deno.test("handleRequest() without time serves a client that waits already", async () => {
  let served = 0;
  await using server = new TCPServer(LOOPBACK, ({ wfile }) => {
    served++;
    wfile.write("served");
  }, { timeout: 0 });
  const answer = ask(server.addr);
  for (let i = 0; i < 10_000 && served === 0; i++) await server.handleRequest();
  strictEqual(served, 1);
  strictEqual(await answer, "served");
});

// Datagrams

Deno.test("a datagram's reply is what was written, whatever becomes of the buffer", async () => {
  await using served = await serveForTest(
    async ({ packet, wfile }) => {
      const buffer = encode("aaaa");
      await wfile.write(buffer);
      buffer.fill(0x62);
      if (packet.length > 0) await wfile.write(buffer);
      buffer.fill(0x63);
    },
    { server: UDPServer },
  );
  const client = udpClient();
  await client.send(new Uint8Array(0), served.addr);
  strictEqual(decode((await client.receive())[0]), "aaaa");
  await client.send(new Uint8Array(1), served.addr);
  strictEqual(decode((await client.receive())[0]), "aaaabbbb");
  client.close();
});

Deno.test("a reply of a handler that waits for nothing is what was written", async () => {
  const buffer = new Uint8Array(1);
  const sent: Uint8Array[] = [];
  await using served = await serveForTest(
    (handler) => {
      const { packet, request, wfile } = handler;
      const [, socket] = request;
      Object.defineProperty(request, 1, {
        value: {
          // As a socket that has no room now.
          send: async (data: Uint8Array<ArrayBuffer>, to: Deno.NetAddr) => {
            sent.push(data);
            await elapse(0);
            return await socket.send(data, to);
          },
        },
      });
      buffer.set(packet);
      wfile.write(buffer);
      buffer.fill(0);
    },
    { server: UDPServer },
  );
  const client = udpClient();
  await client.send(new Uint8Array([7]), served.addr);
  deepStrictEqual([...(await client.receive())[0]], [7]);
  client.close();
  strictEqual(sent.length, 1);
});

Deno.test("a datagram request that was aborted sends no reply", async () => {
  await using served = await serveForTest(
    async ({ packet, signal, wfile }) => {
      if (packet.length === 0) {
        await new Promise((resolve) =>
          signal.addEventListener("abort", resolve)
        );
        return void wfile.write("too late");
      }
      wfile.write("in time");
    },
    { server: UDPServer, options: { requestTimeout: 20 } },
  );
  const client = udpClient();
  await client.send(new Uint8Array(0), served.addr);
  const [error] = await served.untilErrors();
  strictEqual((error as DOMException).name, "TimeoutError");
  await client.send(new Uint8Array(1), served.addr);
  strictEqual(decode((await client.receive())[0]), "in time");
  client.close();
});

class Stopping extends DatagramRequestHandler {
  override handle() {
    this.server.shutdown();
    this.wfile.write("stopping");
  }
}

const STOPPING = {
  "that is synchronous": ({ server, wfile }: DatagramRequestHandler) => {
    server.shutdown();
    wfile.write("stopping");
  },
  "that awaits it": async ({ server, wfile }: DatagramRequestHandler) => {
    await server.shutdown();
    wfile.write("stopping");
  },
  "that awaits it late": async ({ server, wfile }: DatagramRequestHandler) => {
    await Promise.resolve();
    await server.shutdown();
    wfile.write("stopping");
  },
  "that is a class": Stopping,
};

for (const [which, handler] of Object.entries(STOPPING)) {
  Deno.test(`UDPServer is shut down by a handler ${which}, which still replies`, async () => {
    const server = new UDPServer(
      LOOPBACK,
      handler as ConstructorParameters<typeof UDPServer>[1],
    );
    const served = server.serveForever();
    const client = udpClient();
    await client.send(new Uint8Array(1), server.addr);
    strictEqual(decode((await client.receive())[0]), "stopping");
    await ends(served);
    client.close();
  });

  Deno.test(`UnixDatagramServer is shut down by a handler ${which}, which still replies`, async () => {
    await using folder = new Folder();
    const server = new UnixDatagramServer(
      { path: folder.at("s") },
      handler as ConstructorParameters<typeof UnixDatagramServer>[1],
    );
    const served = server.serveForever();
    const client = Deno.listenDatagram({
      transport: "unixpacket",
      path: folder.at("c"),
    });
    await client.send(new Uint8Array(1), server.addr);
    strictEqual(decode((await client.receive())[0]), "stopping");
    await ends(served);
    client.close();
  });
}

// Shutting down

Deno.test("shutdown() inside a handler lets its caller answer though others must be aborted", async () => {
  const errors: unknown[] = [];
  const server = new TCPServer(LOOPBACK, async ({ rfile, wfile, server }) => {
    await wfile.write("!");
    if (await rfile.readLine() !== "stop") return;
    await server.shutdown({ gracePeriod: 30 });
    await wfile.write("stopped");
  }, { onError: (error) => void errors.push(error) });
  const served = server.serveForever();
  using idle = await Deno.connect(server.addr);
  await idle.read(new Uint8Array(1));
  const caller = await Deno.connect(server.addr);
  await caller.write(encode("stop\n"));
  strictEqual(await readAll(caller), "!stopped");
  await ends(served);
  strictEqual(errors.length, 1);
});

Deno.test("shutdown() can be awaited twice by each of several handlers", async () => {
  const errors: unknown[] = [];
  const server = new TCPServer(LOOPBACK, async ({ rfile, wfile, server }) => {
    await rfile.readLine();
    await server.shutdown();
    await Promise.all([server.shutdown(), server.shutdown()]);
    await wfile.write("after all");
  }, { onError: (error) => void errors.push(error) });
  const served = server.serveForever();
  const answers = [ask(server.addr, "go\n"), ask(server.addr, "go\n")];
  deepStrictEqual(await ends(Promise.all(answers)), ["after all", "after all"]);
  await ends(served);
  deepStrictEqual(errors, []);
});

Deno.test("shutdown() can be awaited inside every hook", async () => {
  const stop = (server: TCPServer) => server.shutdown({ gracePeriod: 100 });
  const hooks = {
    verifyRequest: class extends TCPServer {
      override async verifyRequest() {
        await stop(this);
        return true;
      }
    },
    handleError: class extends TCPServer {
      override async handleError() {
        await stop(this);
      }
    },
    shutdownRequest: class extends TCPServer {
      override async shutdownRequest(request: Deno.TcpConn) {
        await super.shutdownRequest(request);
        await stop(this);
      }
    },
  };
  for (const [name, Server] of Object.entries(hooks)) {
    const server = new Server(LOOPBACK, () => {
      if (name === "handleError") throw new Error("to be handled");
    });
    const served = server.serveForever();
    strictEqual(await ask(server.addr), "");
    await patiently(served, () => `the end of the server of ${name}`);
  }
});

Deno.test("shutdown() inside a handler of a server inside a handler ends both", async () => {
  const outer = new TCPServer(LOOPBACK, async ({ wfile }) => {
    const inner = new TCPServer(LOOPBACK, async () => {
      await outer.shutdown();
      inner.close();
    });
    const served = inner.serveForever();
    strictEqual(await ask(inner.addr), "");
    await served;
    await wfile.write("both");
  });
  const served = outer.serveForever();
  strictEqual(await ends(ask(outer.addr)), "both");
  await ends(served);
});

Deno.test("a signal that is aborted already shuts down every server", async () => {
  await using folder = new Folder();
  const signal = AbortSignal.abort();
  const path = folder.at("s");
  const servers: (() => Serving)[] = [
    () => new TCPServer(LOOPBACK, () => {}, { signal }),
    () => new UDPServer(LOOPBACK, () => {}, { signal }),
    () => new UnixStreamServer({ path }, () => {}, { signal }),
    () => new UnixDatagramServer({ path }, () => {}, { signal }),
  ];
  for (const make of servers) {
    await ends(make().serveForever());
    // Nor does it wait to be served.
    await ends(make().finished);
  }
  deepStrictEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("a signal is let go of when its server ends", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    addEventListener.apply(signal, args as never);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    removeEventListener.apply(signal, args as never);
  };
  const server = new TCPServer(LOOPBACK, () => {}, { signal });
  const served = server.serveForever({ signal });
  strictEqual(listeners, 2);
  await server.shutdown();
  await served;
  strictEqual(listeners, 0);
});

Deno.test("unref() lets the process end, with serviceActions overridden too", async () => {
  await using folder = new Folder();
  const file = folder.at("unref.ts");
  await Deno.writeTextFile(
    file,
    `import { TCPServer } from ${
      JSON.stringify(import.meta.resolve("../../mod.ts"))
    };
    class Serviced extends TCPServer { override serviceActions() {} }
    const address = { hostname: "127.0.0.1", port: 0 };
    for (const late of [true, false]) {
      const server = new Serviced(address, () => {});
      if (!late) server.unref();
      server.serveForever();
      if (late) server.unref();
    }
    addEventListener("unload", () => console.log("ended"));`,
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", file],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.output();
  try {
    strictEqual(
      decode((await ends(output)).stdout),
      "ended\n",
    );
  } catch (error) {
    child.kill();
    await output;
    throw error;
  }
});

// Words

Deno.test("servers name the address that they cannot have, and what to do", async () => {
  for (const port of [99_999, -1, NaN, 1.5]) {
    for (const Server of [TCPServer, UDPServer]) {
      throws(
        () => new Server({ ...LOOPBACK, port }, () => {}),
        {
          name: "RangeError",
          message:
            `Cannot create server: port must be an integer from 0 to 65535, received ${port}`,
        },
      );
    }
  }
  await using server = new TCPServer(LOOPBACK, () => {});
  throws(() => new TCPServer(server.addr, () => {}), {
    name: "AddrInUse",
    message: new RegExp(
      `^Cannot listen on 127\\.0\\.0\\.1:${server.addr.port}: .*; stop the program that has it, or choose another port, 0 for any that is free$`,
    ),
  });
  throws(
    () =>
      new TCPServer({ hostname: "no.such.host.invalid", port: 0 }, () => {}),
    /^Error: Cannot listen on no\.such\.host\.invalid:0: .*; the host name must resolve$/,
  );
  // An address for documentation (RFC 5737), nobody's.
  throws(() => new TCPServer({ hostname: "192.0.2.1", port: 0 }, () => {}), {
    name: "AddrNotAvailable",
    message:
      /^Cannot listen on 192\.0\.2\.1:0: .*; the address must be one of this machine's$/,
  });
});

Deno.test("StreamWriter refuses a limit that is none", async () => {
  const sink = { write: (data: Uint8Array) => Promise.resolve(data.length) };
  for (const limit of [NaN, -1, "x" as unknown as number]) {
    throws(() => new StreamWriter(sink, { limit }), {
      name: "RangeError",
      message: `Cannot limit a writer to ${
        Deno.inspect(limit)
      } bytes: the limit must be a non-negative number`,
    });
  }
  await new StreamWriter(sink, { limit: 0 }).write("x");
});

Deno.test("handleRequest() fails after close(), and serveForever() returns", async () => {
  const server = new TCPServer(LOOPBACK, () => {});
  server.close();
  await ends(server.serveForever());
  await rejects(server.handleRequest(), Deno.errors.BadResource);
});
