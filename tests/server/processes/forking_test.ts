import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  ForkingMixIn,
  type ForkingOptions,
  ForkingTCPServer,
  ForkingTLSServer,
  ForkingUDPServer,
  ForkingUnixDatagramServer,
  ForkingUnixStreamServer,
  type RequestHandlerClass,
  StreamRequestHandler,
  TCPServer,
} from "../../../mod.ts";
import { permissionFlags } from "../../../server/_processes/child_command.ts";
import { Folder } from "../../_program.ts";
import { ask, LOOPBACK, readAll } from "../../_loopback.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";
import {
  Command,
  DatagramEcho,
  Echo,
  hidden,
  Pid,
} from "./_forking_handlers.ts";
import { command, Commander, exists } from "./_processes.ts";

const REUSED: ForkingOptions = { requestsPerChild: Infinity };

Deno.test("each request has a process of its own, which is gone afterwards", async () => {
  const pids = new Set<number>();
  {
    await using served = await serveForTest(Pid, { server: ForkingTCPServer });
    for (let i = 0; i < 4; i++) pids.add(Number(await ask(served.addr, "\n")));
  }
  strictEqual(pids.size, 4);
  strictEqual(pids.has(Deno.pid), false);
  for (const pid of pids) strictEqual(exists(pid), false);
});

Deno.test("requestsPerChild lets a process handle so many, one after the other", async () => {
  await using served = await serveForTest(
    Pid,
    {
      server: ForkingTCPServer,
      options: {
        maxChildren: 1,
        requestsPerChild: 3,
      },
    },
  );
  const pids: string[] = [];
  for (let i = 0; i < 6; i++) pids.push(await ask(served.addr, "\n"));
  deepStrictEqual(pids.map((pid) => pids.indexOf(pid)), [0, 0, 0, 3, 3, 3]);
});

Deno.test("connectionsPerChild lets a process handle so many at once", async () => {
  await using served = await serveForTest(
    Command,
    {
      server: ForkingTCPServer,
      options: {
        ...REUSED,
        maxChildren: 1,
        connectionsPerChild: 2,
      },
    },
  );
  using first = await Commander.connect(served.addr);
  using second = await Commander.connect(served.addr);
  strictEqual(first.pid, second.pid);
  deepStrictEqual(
    await Promise.all([first.command("?"), second.command("?")]),
    ["done", "done"],
  );
});

Deno.test("bytes arrive unchanged both ways, more than a window of them", async () => {
  const size = 3 * 1024 * 1024;
  const sent = new Uint8Array(size).map((_, i) => i * 31 + (i >> 8));
  await using served = await serveForTest(Echo, {
    server: ForkingTCPServer,
    options: REUSED,
  });
  const conn = await Deno.connect(served.addr as Deno.ConnectOptions);
  const received = new Response(
    conn.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).bytes();
  for (let done = 0; done < size;) {
    done += await conn.write(sent.subarray(done));
  }
  await conn.closeWrite();
  deepStrictEqual(await received, sent);
});

Deno.test("the mixin makes any server class fork", async () => {
  class Server extends ForkingMixIn(TCPServer) {
    override verifyRequest() {
      return Deno.pid > 0;
    }
  }
  await using served = await serveForTest(Echo, { server: Server });
  strictEqual(await ask(served.addr, "mixed"), "mixed");
});

Deno.test(
  "ForkingTLSServer keeps the key, and its processes the plain text",
  async () => {
    const { cert, key } = await selfSignedCertificate();
    await using served = await serveForTest(
      new ForkingTLSServer({ ...LOOPBACK, cert, key }, Command),
    );
    for (const [action, answer] of [["?", "done"], ["connect", "NotCapable"]]) {
      const client = await Deno.connectTls({
        hostname: "localhost",
        port: served.addr.port,
        caCerts: [cert],
      });
      await client.write(new TextEncoder().encode(`${action}\n`));
      match(await readAll(client), new RegExp(`^\\d+\n${answer}$`));
    }
  },
);

Deno.test("ForkingUnixStreamServer and ForkingUnixDatagramServer answer", async () => {
  await using folder = new Folder();
  await using streams = await serveForTest(
    new ForkingUnixStreamServer({ path: folder.at("s") }, Echo),
  );
  strictEqual(
    await ask({ transport: "unix", path: folder.at("s") }, "unix"),
    "unix",
  );
  strictEqual(streams.addr.transport, "unix");
  await using _datagrams = await serveForTest(
    new ForkingUnixDatagramServer({ path: folder.at("d") }, DatagramEcho),
  );
  const client = Deno.listenDatagram({
    transport: "unixpacket",
    path: folder.at("c"),
  });
  await client.send(new TextEncoder().encode("packet"), {
    transport: "unixpacket",
    path: folder.at("d"),
  });
  const [data] = await client.receive();
  strictEqual(new TextDecoder().decode(data), "packet");
  client.close();
});

Deno.test("ForkingUDPServer answers each datagram from a process", async () => {
  await using served = await serveForTest(DatagramEcho, {
    server: ForkingUDPServer,
  });
  const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  for (const text of ["one", "two"]) {
    await client.send(new TextEncoder().encode(text), served.addr);
    const [data] = await client.receive();
    strictEqual(new TextDecoder().decode(data), text);
  }
  client.close();
});

Deno.test("a handler sees the address, the arguments and shutdown() of its server", async () => {
  const server = new ForkingTCPServer(LOOPBACK, Command);
  const serving = server.serveForever();
  strictEqual(await command(server.addr, "args"), JSON.stringify(Deno.args));
  strictEqual(await command(server.addr, "shutdown"), "done");
  await serving;
});

Deno.test("handlers that may not shut the server down are told so, those it has left running too", async () => {
  await using served = await serveForTest(Command, {
    server: ForkingTCPServer,
    options: { ...REUSED, maxChildren: 1, allowShutdown: false },
  });
  strictEqual(await command(served.addr, "shutdown"), "");
  const [error] = await served.untilErrors();
  ok(error instanceof Deno.errors.NotCapable);
  strictEqual(
    error.message,
    "Cannot shut down: the server's option allowShutdown is false; post a message that asks for it",
  );
  strictEqual(await command(served.addr, "shutdown later"), "done");
  strictEqual(
    await command(served.addr, "how shutdown later went"),
    `${error}`,
  );
});

Deno.test("a shutdown that is refused and not awaited harms no other request of the process", async () => {
  await using served = await serveForTest(Command, {
    server: ForkingTCPServer,
    options: {
      ...{ ...REUSED, maxChildren: 1, connectionsPerChild: 2 },
      allowShutdown: false,
    },
  });
  const { addr } = served;
  using other = await Commander.connect(addr);
  strictEqual(await command(addr, "shutdown unawaited"), "done");
  strictEqual(await other.command("args"), JSON.stringify(Deno.args));
});

Deno.test("500 clients of at most 4 processes are all served", async () => {
  await using served = await serveForTest(Echo, {
    server: ForkingTCPServer,
    options: { ...REUSED, maxChildren: 4 },
  });
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => ask(served.addr, `${i}`)),
  );
  deepStrictEqual(answers, answers.map((_, i) => `${i}`));
});

Deno.test("a process may do nothing unless it is permitted", async () => {
  await using served = await serveForTest(Command, {
    server: ForkingTCPServer,
    options: REUSED,
  });
  for (const action of ["read", "connect", "spawn", "env"]) {
    strictEqual(await command(served.addr, action), "NotCapable", action);
  }
  strictEqual(await command(served.addr, "import"), "TypeError");
  strictEqual(await command(served.addr, "stdin"), "null");
});

Deno.test("permissions and env give a process what they name", async () => {
  await using served = await serveForTest(
    Command,
    {
      server: ForkingTCPServer,
      options: {
        permissions: { read: ["/etc/hostname"], env: ["HOME"], net: false },
        env: { HOME: "/nowhere" },
      },
    },
  );
  strictEqual(await command(served.addr, "read"), "allowed");
  strictEqual(await command(served.addr, "env"), "allowed");
  strictEqual(await command(served.addr, "connect"), "NotCapable");
});

Deno.test("permissions become flags", () => {
  deepStrictEqual(
    permissionFlags({
      env: true,
      net: ["a:1", "b"],
      read: ["/with,comma", new URL("file:///b%20c")],
      run: [],
      write: false,
    }),
    ["--allow-env", "--allow-net=a:1,b", "--allow-read=/with,,comma,/b c"],
  );
  throws(
    () => permissionFlags({ net: "inherit" }),
    /^TypeError: Cannot create server: permissions.net must be true, false or a list/,
  );
  throws(
    () => permissionFlags({ nett: true } as Deno.PermissionOptionsObject),
    /^TypeError: Cannot create server: there is no permission "nett"/,
  );
  for (const permissions of ["inherit", "none", ["read"], null]) {
    throws(
      () => permissionFlags(permissions as Deno.PermissionOptionsObject),
      /^TypeError: Cannot create server: permissions must be an object/,
    );
  }
  for (const item of [undefined, new URL("http://localhost")]) {
    throws(
      () => permissionFlags({ read: [item as unknown as string] }),
      /^TypeError: Cannot create server: permissions\.read has .*, which is neither text nor/,
    );
  }
});

Deno.test("a constructor refuses what cannot work, and says what to do", async () => {
  const refuse = (
    handler: RequestHandlerClass<Deno.TcpConn, Deno.NetAddr>,
    options: ForkingOptions,
    message: RegExp,
  ) => throws(() => new ForkingTCPServer(LOOPBACK, handler, options), message);
  class Homeless extends StreamRequestHandler {}
  class Lost extends StreamRequestHandler {
    static override readonly moduleUrl: string = import.meta.resolve(
      "./missing.ts",
    );
  }
  refuse(Homeless, {}, /^TypeError: .*"Homeless" does not say where it lives/);
  refuse(Lost, {}, /^Error: .*exit code 1.*Module not found.*missing\.ts/s);
  refuse(
    hidden.Hidden,
    {},
    /^Error: .*does not export it; write: export class/s,
  );
  refuse(Echo, { denoArgs: ["--nonsense"] }, /^Error: .*'--nonsense'/s);
  refuse(Echo, { maxChildren: 0 }, /^RangeError: .*maxChildren/);
  refuse(Echo, { maxChildren: 1, spareChildren: 2 }, /^RangeError: .*spare/);
  refuse(Echo, { requestsPerChild: 0.5 }, /^RangeError: .*requestsPerChild/);
  refuse(Echo, { connectionsPerChild: -1 }, /^RangeError: .*connections/);
  refuse(
    Echo,
    { allowShutdown: 0 as unknown as boolean },
    /^TypeError: .*allowShutdown must be true or false, received 0/,
  );
  refuse(Echo, { killTimeout: NaN }, /^RangeError: .*killTimeout/);
  for (const id of [-1, NaN, 1.5, 2 ** 32 - 1, "nobody", null]) {
    refuse(
      Echo,
      { uid: id as number },
      /^RangeError: .*uid must be an integer/,
    );
    refuse(
      Echo,
      { gid: id as number },
      /^RangeError: .*gid must be an integer/,
    );
  }
  for (const args of ["--quiet", null]) {
    const denoArgs = args as unknown as string[];
    refuse(
      Echo,
      { denoArgs },
      /^TypeError: .*denoArgs must be a list of flags/,
    );
  }
  refuse(
    Echo,
    { denoArgs: [1 as unknown as string] },
    /^TypeError: .*denoArgs\["0"\] must be text, received 1/,
  );
  refuse(
    Echo,
    { env: { A: 1 as unknown as string } },
    /^TypeError: .*env\["A"\] must be text, received 1/,
  );
  refuse(
    Echo,
    { env: "A=1" as unknown as Record<string, string> },
    /^TypeError: .*env must be an object/,
  );
  refuse(
    Echo,
    { denoPath: new URL("http://localhost/deno") },
    /^TypeError: .*denoPath has http:\/\/localhost\/deno, which is neither/,
  );
  refuse(Echo, { denoPath: "/nowhere/deno" }, /^NotFound: .*\/nowhere\/deno/);
  await using folder = new Folder();
  const broken = folder.at("broken.ts");
  await Deno.writeTextFile(broken, "export class Echo {");
  class Broken extends StreamRequestHandler {
    static override readonly moduleUrl: string = `file://${broken}`;
  }
  refuse(Broken, {}, /^Error: .*broken\.ts:1/s);
});
