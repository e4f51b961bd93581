import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { connect, type ConnectOptions } from "../../handlers/client/mod.ts";
import { encodeProxyHeader, TCPServer, UnixStreamServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Child, Folder, Program, testWith } from "../_program.ts";
import { patiently } from "../_patience.ts";
import { hasIPv6, LOOPBACK } from "../_loopback.ts";
import { bracket } from "../peers/_peers.ts";

const python = new Program("python3", "python3");

/** A listener that nobody accepts from, its queue being full: SYNs are ignored. */
async function unreachable(
  stack: AsyncDisposableStack,
): Promise<Deno.NetAddr & { transport: "tcp" }> {
  const listener = stack.use(
    Deno.listen({ ...LOOPBACK, tcpBacklog: 1 } as Deno.TcpListenOptions),
  );
  for (let i = 0; i < 2; i++) {
    const filler = await Deno.connect(listener.addr as Deno.ConnectOptions);
    stack.defer(() => filler.close());
  }
  return listener.addr as Deno.NetAddr & { transport: "tcp" };
}

Deno.test("connect() reads and writes as handlers do, and says where the ends are", async () => {
  await using served = await serveForTest(bracket);
  await using client = await connect(served.addr);
  await client.wfile.write("one\ntwo\n");
  strictEqual(await client.rfile.readLine(), "<one>");
  strictEqual(await client.rfile.readLine(), "<two>");
  deepStrictEqual(client.addr, served.addr);
  strictEqual(client.localAddr.hostname, "127.0.0.1");
  strictEqual(client.tls, undefined);
  await client.wfile.closeWrite();
  strictEqual(await client.rfile.read(), null);
});

Deno.test("connect() tries all addresses of a name", async () => {
  // localhost is ::1 first where it has two addresses.
  await using served = await serveForTest(bracket);
  await using client = await connect({
    hostname: "localhost",
    port: served.addr.port,
  });
  await client.wfile.write("x\n");
  strictEqual(await client.rfile.readLine(), "<x>");
  strictEqual(client.addr.hostname, "127.0.0.1");
});

Deno.test({
  name: "connect() takes addresses of IPv6",
  ignore: !hasIPv6(),
  async fn() {
    await using served = await serveForTest(
      new TCPServer({ hostname: "::1", port: 0 }, bracket),
    );
    await using client = await connect(served.addr);
    await client.wfile.write("x\n");
    strictEqual(await client.rfile.readLine(), "<x>");
    await client.close();
    await rejects(
      connect({ hostname: "::1", port: 1 }),
      /^ConnectionRefused: Cannot connect to \[::1\]:1 \(connecting\)/,
    );
  },
});

Deno.test("connect() connects to Unix sockets, with a file and without", async () => {
  await using folder = new Folder();
  for (const path of [folder.at("s"), `\0${crypto.randomUUID()}`]) {
    await using served = await serveForTest(
      new UnixStreamServer({ path }, bracket),
    );
    await using client = await connect(served.addr);
    await client.wfile.write("x\n");
    strictEqual(await client.rfile.readLine(), "<x>");
    deepStrictEqual(client.addr, { transport: "unix", path });
  }
});

Deno.test("connect() fails with Deno's errors, which name the step and the address", async () => {
  await rejects(
    connect({ port: 1 }),
    (error: Error) =>
      error instanceof Deno.errors.ConnectionRefused &&
      error.cause instanceof Deno.errors.ConnectionRefused &&
      error.message.startsWith(
        "Cannot connect to 127.0.0.1:1 (connecting): ",
      ) &&
      error.message.endsWith("start the server, or correct the address"),
  );
  await rejects(
    connect({ path: "/nowhere/at all" }),
    (error: Error) =>
      error instanceof Deno.errors.NotFound &&
      /^Cannot connect to "\/nowhere\/at all" \(connecting\): /.test(
        error.message,
      ),
  );
  await rejects(
    // RFC 6761, section 6.4: such a name does not exist.
    connect({ hostname: "nobody.invalid", port: 1 }),
    /^Error: Cannot connect to nobody\.invalid:1 \(resolving\): .*must resolve$/,
  );
});

testWith(
  [python],
  "connect() does not wait where the queue of a Unix socket is full",
  async () => {
    await using folder = new Folder();
    await using listener = python.start(
      "-c",
      "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen(0)\nprint('ready',flush=True)\nsys.stdin.read()",
      folder.at("s"),
    );
    await listener.until("ready");
    await using _first = await connect({ path: folder.at("s") });
    await rejects(
      connect({ path: folder.at("s") }),
      (error: Error) =>
        error instanceof Deno.errors.WouldBlock &&
        /try again$/.test(error.message),
    );
  },
);

Deno.test("timeout and signal end a connect that hangs", async () => {
  await using stack = new AsyncDisposableStack();
  const address = await unreachable(stack);
  await rejects(
    connect(address, { timeout: 20 }),
    (error: DOMException) =>
      error.name === "TimeoutError" &&
      error.message ===
        `Cannot connect to 127.0.0.1:${address.port} (connecting): it took longer than timeout, 20 ms`,
  );
  await rejects(
    connect({ ...address, hostname: "localhost" }, { timeout: 20 }),
    /\(resolving or connecting\): it took longer than timeout/,
  );
  const leaving = new AbortController();
  const connecting = connect(address, { signal: leaving.signal });
  leaving.abort(new Error("leaving"));
  await rejects(connecting, /^Error: leaving$/);
  await rejects(
    connect(address, { signal: leaving.signal }),
    /^Error: leaving$/,
  );
});

Deno.test("a connect that is ended as it is complete leaves nothing open", async () => {
  // The sanitizer of resources would tell.
  await using served = await serveForTest(bracket);
  let done = 0;
  for (let i = 0; i < 40; i++) {
    const leaving = new AbortController();
    // Another operation that ends in the same turn of the event loop, or near it.
    const other = Deno.connect(served.addr);
    const connecting = connect(served.addr, { signal: leaving.signal });
    (await other).close();
    leaving.abort(new Error("leaving"));
    try {
      await (await connecting).close();
      done++;
    } catch (error) {
      strictEqual((error as Error).message, "leaving");
    }
  }
  ok(done <= 40);
});

Deno.test("a silent peer of a handshake gets its descriptor back, by timeout and by signal", async () => {
  using listener = Deno.listen(LOOPBACK);
  for (
    const [options, expected] of [
      [
        () => ({ timeout: 1_000 }),
        /\(handshake\): it took longer than timeout, 1000 ms$/,
      ],
      [() => ({ signal: AbortSignal.timeout(500) }), /aborted due to timeout/],
    ] as const
  ) {
    const connecting = rejects(
      connect(listener.addr, { tls: true, ...options() }),
      {
        message: expected,
        name: "TimeoutError",
      },
    );
    using peer = await patiently(listener.accept(), () => "a client");
    await connecting;
    // What it has sent has come, and then the end: nobody holds the connection.
    const buffer = new Uint8Array(64 * 1024);
    const end = async () => {
      while (await peer.read(buffer) !== null);
    };
    await patiently(end(), () => "the end of the connection");
  }
});

Deno.test("proxyHeader is sent before all else", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  await using served = await serveForTest(
    async (handler) => {
      resolve([handler.clientAddress.hostname, await handler.rfile.readLine()]);
    },
    { options: { proxyProtocol: { mode: "require", trust: ["127.0.0.0/8"] } } },
  );
  const source = { transport: "tcp", hostname: "192.0.2.7", port: 7 } as const;
  const proxyHeader = encodeProxyHeader({ source, destination: served.addr });
  await using client = await connect(served.addr, { proxyHeader });
  await client.wfile.write("x\n");
  deepStrictEqual(await promise, ["192.0.2.7", "x"]);
});

Deno.test("what is written and not awaited is sent before the end, which is not cut short", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  await using served = await serveForTest(
    async ({ rfile }) => {
      let size = 0;
      for await (const chunk of rfile.readable) size += chunk.length;
      resolve(size);
    },
  );
  {
    await using client = await connect(served.addr);
    for (let i = 0; i < 8; i++) {
      void client.wfile.write(new Uint8Array(1 << 20));
    }
  }
  strictEqual(await promise, 8 << 20);
});

Deno.test("close() gives up on a server that does not read, and says so", async () => {
  using listener = Deno.listen(LOOPBACK);
  const client = await connect(listener.addr);
  using _peer = await listener.accept();
  void client.wfile.write(new Uint8Array(16 << 20));
  await rejects(client.close({ timeout: 20 }), {
    name: "TimeoutError",
    message:
      `Cannot send to 127.0.0.1:${listener.addr.port} what was written: it took longer than timeout, 20 ms`,
  });
  // Calling it again tells the same, and it is closed.
  await rejects(client.close(), { name: "TimeoutError" });
  await rejects(client.rfile.read());
});

Deno.test("close() does not tell again of a write that somebody has seen fail", async () => {
  using listener = Deno.listen(LOOPBACK);
  const client = await connect(listener.addr);
  (await listener.accept()).close();
  await client.rfile.read();
  await rejects(async () => {
    for (let i = 0; i < 100; i++) {
      await client.wfile.write(new Uint8Array(1 << 16));
    }
  });
  await client.close();
});

Deno.test("abort() closes at once, and ends the read that waits", async () => {
  using listener = Deno.listen(LOOPBACK);
  const client = await connect(listener.addr);
  using peer = await listener.accept();
  const reading = rejects(client.rfile.readLine());
  client.abort();
  client.abort();
  await reading;
  await client.close();
  strictEqual(await peer.read(new Uint8Array(1)), null);
});

Deno.test("connect() refuses what is wrong, before it connects", async () => {
  const wrong: [unknown, unknown, RegExp][] = [
    [
      { port: 1 },
      { timeuot: 1 },
      /unknown option "timeuot"; did you mean "timeout"/,
    ],
    [{ port: 1 }, { timeout: -1 }, /^RangeError: .*timeout must be a non-neg/],
    [{ port: 1 }, { timeout: "1" }, /^RangeError: .*timeout must be/],
    [
      { port: 1 },
      { signal: {} },
      /^TypeError: .*signal must be an AbortSignal/,
    ],
    [
      { port: 1 },
      { tls: "yes" },
      /^TypeError: .*TLS options must be an object/,
    ],
    [{ port: 1 }, { tls: null }, /^TypeError: .*TLS options must be an object/],
    [{ port: 1 }, { proxyHeader: "PROXY" }, /proxyHeader must be the bytes/],
    [{ port: 1 }, { proxyHeader: new Uint8Array(20) }, /proxyHeader must be/],
    [{ port: 0 }, {}, /^RangeError: .*port must be an integer from 1 to 65535/],
    [{ port: 70_000 }, {}, /^RangeError: .*received 70000$/],
    [
      { port: "80" },
      {},
      /^TypeError: .*port must be a number, received "80"; convert it by Number\(\)$/,
    ],
    [{}, {}, /^TypeError: .*port must be a number, received undefined$/],
    [undefined, {}, /address must be an object, received undefined/],
    [
      ["127.0.0.1", 80],
      {},
      /^TypeError: Cannot connect: the address must be an object, received \[ "127.0.0.1", 80 \]; write one such as \{ hostname: "127.0.0.1", port: 8000 \}$/,
    ],
    ["127.0.0.1:80", {}, /must be an object, received "127.0.0.1:80"/],
    [80, {}, /must be an object, received 80/],
    ["127.0.0.1", 80, /the address must be an object, received "127/],
    [{ host: "a", port: 1 }, {}, /"host"; did you mean "hostname"\?$/],
    [{ hostname: "127.0.0.1:80", port: 80 }, {}, /write the port as port/],
    [{ hostname: 5, port: 1 }, {}, /hostname must be .*, received 5;/],
    [{ hostname: "[::1]", port: 1 }, {}, /without brackets/],
    [{ hostname: "", port: 1 }, {}, /hostname must be a name/],
    [{ hostname: "a b", port: 1 }, {}, /hostname must be a name/],
    [{ port: 1, prot: 2 }, {}, /unknown address key "prot"/],
    [
      { port: 1, transport: "udp" },
      {},
      /transport must be "tcp", received "udp"/,
    ],
    [{ path: "" }, {}, /path must be that of a socket/],
    [{ path: null }, {}, /path must be that of a socket, received null/],
    [{ path: "/x", port: 1 }, {}, /unknown address key "port"/],
    [{ path: "/x" }, { tls: true }, /name it by the TLS option serverName/],
  ];
  for (const [address, options, expected] of wrong) {
    await rejects(
      connect(address as { port: number }, options as ConnectOptions),
      expected,
      Deno.inspect([address, options]),
    );
  }
});

Deno.test("close() refuses unknown options, and can be called again", async () => {
  using listener = Deno.listen(LOOPBACK);
  const client = await connect(listener.addr);
  await rejects(
    client.close({ timeuot: 1 } as unknown as { timeout: number }),
    /unknown option "timeuot"/,
  );
  await client.close();
});

Deno.test("a missing permission is named", async () => {
  const module = new URL("../../handlers/client/mod.ts", import.meta.url).href;
  const addresses = [
    { port: 1 },
    { hostname: "::1", port: 2 },
    { path: "/x" },
    { path: "\0x" },
  ];
  await using child = new Child(Deno.execPath(), ["run", "--quiet", "-"]);
  await child.send(`
    import { connect } from ${JSON.stringify(module)};
    for (const address of ${JSON.stringify(addresses)}) {
      await connect(address).catch((error) => console.log(String(error)));
    }`);
  const { stdout } = await child.output();
  deepStrictEqual(new TextDecoder().decode(stdout).trim().split("\n"), [
    "NotCapable: Cannot connect to 127.0.0.1:1: requires net access to it, run again with --allow-net=127.0.0.1:1",
    "NotCapable: Cannot connect to [::1]:2: requires net access to it, run again with --allow-net=[::1]:2",
    'NotCapable: Cannot connect to "/x": requires read, write, net access to it, run again with --allow-read=/x --allow-write=/x --allow-net=unix:/x',
    'NotCapable: Cannot connect to "\\u0000x": requires net access to it, run again with --allow-net',
  ]);
});
