import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { TCPServer, UnixStreamServer } from "../../../mod.ts";
import { type Child, Folder, Program, testWith } from "../../_program.ts";
import { ask, ownLoopback, readAll } from "../../_loopback.ts";
import { makeCertificate } from "../../_certificate.ts";
import { run } from "./_run.ts";

const activate = new Program("systemd-socket-activate", "systemd");
const PROGRAM = `${import.meta.dirname}/_activated_program.ts`;

/** An address for systemd, which takes no port 0. */
function loopback(): string {
  return `${ownLoopback()}:7007`;
}

/** What is started on the first connection, to the last of its sockets. */
class Activated implements AsyncDisposable {
  readonly child: Child;
  /** Of the socket that nobody is asked about: it is there to be connected to. */
  readonly #trigger: Deno.Conn;

  private constructor(child: Child, trigger: Deno.Conn) {
    this.child = child;
    this.#trigger = trigger;
  }

  /**
   * @param options Those of systemd-socket-activate, and the sockets.
   * @param permissions Those of the program.
   * @param args What the program does with each socket.
   */
  static async start(
    folder: Folder,
    options: readonly string[],
    permissions: readonly string[],
    args: readonly string[],
  ): Promise<Activated> {
    const path = folder.at("trigger");
    const keep = ["HOME", "DENO_DIR", "PATH"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : ["-E", `${name}=${value}`];
    });
    const child = activate.start(
      ...[...keep, ...options, "-l", path, Deno.execPath(), "run", "--quiet"],
      ...["--no-prompt", "--no-config", ...permissions, PROGRAM],
      ...[folder.at("cert.pem"), folder.at("cert.key"), ...args],
    );
    // It says so for each socket before it waits.
    await child.untilStderr(`Listening on ${path} as`);
    const trigger = await Deno.connect({ transport: "unix", path });
    return new Activated(child, trigger);
  }

  /** What it prints after a word. */
  async said(word: string): Promise<string> {
    return (await this.child.until(new RegExp(`${word} (.*)\n`)))[1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#trigger.close();
    await this.child[Symbol.asyncDispose]();
  }
}

testWith(
  [activate],
  "sockets of systemd are served: TCP, TLS and Unix, by their names",
  async () => {
    await using folder = new Folder();
    const { cert } = await makeCertificate(folder);
    await using activated = await Activated.start(
      folder,
      [
        ...["-l", loopback(), "-l", loopback(), "-l", folder.at("own")],
        ...["--fdname", "web:secure:control:trigger"],
      ],
      ["--allow-env", "--allow-net", "--allow-read"],
      ["tcp", "tls", "unix"],
    );
    deepStrictEqual(JSON.parse(await activated.said("sockets")), [
      { fd: 3, name: "web" },
      { fd: 4, name: "secure" },
      { fd: 5, name: "control" },
      { fd: 6, name: "trigger" },
    ]);
    const [web, secure, control] = JSON.parse(await activated.said("ready"));
    match(web.hostname, /^127\./);
    deepStrictEqual(control, { transport: "unix", path: "" });
    const hello = (addr: unknown) =>
      `hello from ${JSON.stringify(addr)}\n<line>\n`;
    strictEqual(await ask(web, "line\n"), hello(web));
    const path = folder.at("own");
    strictEqual(
      await ask({ transport: "unix", path }, "line\n"),
      hello(control),
    );
    const client = await Deno.startTls(await Deno.connect(secure), {
      hostname: "localhost",
      caCerts: [cert],
    });
    await client.write(new TextEncoder().encode("line\n"));
    await client.closeWrite();
    strictEqual(await readAll(client), hello(secure));
    activated.child.kill("SIGTERM");
    strictEqual((await activated.child.output()).code, 0);
    // The file is systemd's, who listens on.
    ok(Deno.lstatSync(path).isSocket);
  },
);

testWith(
  [activate],
  "an inherited socket is not used without the permission for its address",
  async () => {
    await using folder = new Folder();
    await using activated = await Activated.start(
      folder,
      ["-l", loopback(), "-l", loopback(), "-l", folder.at("own")],
      ["--allow-env", "--allow-net=127.0.0.1:1", "--allow-read"],
      ["tcp", "tcp", "unix"],
    );
    const refused = [
      await activated.said("refused 0:"),
      await activated.said("refused 1:"),
      await activated.said("refused 2:"),
    ];
    match(
      refused[0]!,
      /^NotCapable: Cannot listen on fd 3, 127[.\d]+:7007: .*--allow-net=127[.\d]+:7007 flag$/,
    );
    match(refused[1]!, /^NotCapable: .*--allow-net=127[.\d]+:7007 flag$/);
    match(refused[2]!, /^NotCapable: .*any path: .*--allow-net flag$/);
    strictEqual(await activated.said("ready"), "[null,null,null,null]");
  },
);

testWith(
  [activate],
  "the permission for its address is enough for an inherited socket",
  async () => {
    await using folder = new Folder();
    const address = loopback();
    await using activated = await Activated.start(
      folder,
      ["-l", address],
      ["--allow-env", `--allow-net=${address}`],
      ["tcp"],
    );
    const [addr] = JSON.parse(await activated.said("ready"));
    strictEqual(await ask(addr), `hello from ${JSON.stringify(addr)}\n`);
  },
);

testWith(
  [activate],
  "a socket of another kind, and one that is used already, are refused by name",
  async () => {
    await using folder = new Folder();
    await using activated = await Activated.start(
      folder,
      [
        ...["-l", loopback(), "-l", loopback()],
        ...["-l", folder.at("own")],
      ],
      ["--allow-env", "--allow-net", "--allow-read"],
      ["unix", "tcp twice", "tcp"],
    );
    match(
      await activated.said("refused 1:"),
      /^Busy: Cannot listen on fd 4: something in this process uses it already$/,
    );
    match(
      await activated.said("refused 2:"),
      /^TypeError: Cannot listen on fd 5: it is no listening socket of TCP/,
    );
  },
);

testWith(
  [activate],
  "a datagram socket is refused by name",
  async () => {
    await using folder = new Folder();
    const path = folder.at("datagrams");
    await using child = activate.start(
      ...["-E", `HOME=${Deno.env.get("HOME")}`, "-d", "-l", path],
      ...["-l", loopback(), Deno.execPath(), "run", "--quiet"],
      ...["--no-config", "-A", PROGRAM, "", "", "unix", "tcp"],
    );
    await child.untilStderr(/Listening on 127/);
    const client = Deno.listenDatagram({
      transport: "unixpacket",
      path: folder.at("client"),
    });
    await client.send(new Uint8Array(1), { transport: "unixpacket", path });
    const first = await child.until(/refused 0: (.*)\n/);
    match(first[1]!, /^TypeError: Cannot listen on fd 3: it is no listening/);
    const second = await child.until(/refused 1: (.*)\n/);
    match(second[1]!, /^TypeError: Cannot listen on fd 4: it is no listening/);
    client.close();
  },
);

Deno.test("a number that is no descriptor is refused", () => {
  throws(() => new TCPServer({ fd: 99_999 }, () => {}), {
    name: "BadResource",
    message:
      "Cannot listen on fd 99999: this process has no such descriptor; start it with the socket, as systemd does",
  });
  for (const fd of [-1, 1.5, NaN, "3", null, undefined]) {
    throws(() => new UnixStreamServer({ fd: fd as number }, () => {}), {
      name: "RangeError",
      message: /must be the number of a descriptor/,
    });
  }
  throws(
    () => new TCPServer({ fd: 3, port: 1 } as never, () => {}),
    { name: "TypeError", message: /unknown address key "port"/ },
  );
  throws(
    () => new UnixStreamServer({ fd: 3 }, () => {}, { mode: 0o600 }),
    { name: "TypeError", message: /mode is for a socket file/ },
  );
});

const LIST = `
try { console.log(JSON.stringify(s.inheritedSockets())); }
catch (error) { console.log(String(error)); }`;

Deno.test("sockets that are another process's are not listed", async () => {
  const fds = { LISTEN_FDS: "2", LISTEN_FDNAMES: "a:b" };
  strictEqual(await run(LIST, {}), "[]");
  strictEqual(await run(LIST, { ...fds }), "[]");
  strictEqual(await run(LIST, { ...fds, LISTEN_PID: "1" }), "[]");
  const ours = `Deno.env.set("LISTEN_PID", String(Deno.pid));${LIST}`;
  deepStrictEqual(JSON.parse(await run(ours, { LISTEN_FDS: "2" })), [
    { fd: 3, name: "unknown" },
    { fd: 4, name: "unknown" },
  ]);
  for (const LISTEN_FDS of ["-1", "many", "999999", "1e9"]) {
    match(
      await run(ours, { LISTEN_FDS }),
      /^InvalidData: Cannot list inherited sockets: LISTEN_FDS must be their/,
    );
  }
  match(await run(LIST, {}, []), /^NotCapable/);
});

Deno.test("a descriptor that is no socket is refused", async () => {
  strictEqual(
    await run(
      `try { new s.TCPServer({ fd: 0 }, () => {}); }
       catch (error) { console.log(String(error)); }`,
      {},
    ),
    "TypeError: Cannot listen on fd 0: it is no listening socket of TCP (ENOTSOCK)",
  );
});

const NOTIFY = `
try { console.log(await s.sdNotify("READY=1\\nSTATUS=serving")); }
catch (error) { console.log(String(error)); }`;

Deno.test("sdNotify() tells the service manager, and nobody where there is none", async () => {
  await using folder = new Folder();
  strictEqual(await run(NOTIFY, {}), "false");
  const abstract = `notify-${crypto.randomUUID()}`;
  for (
    const [path, name] of [
      [folder.at("notify"), folder.at("notify")],
      [`\0${abstract}`, `@${abstract}`],
    ] as const
  ) {
    const manager = Deno.listenDatagram({ transport: "unixpacket", path });
    const flags = ["-A", "--unstable-net"];
    const [said, [told]] = await Promise.all([
      run(NOTIFY, { NOTIFY_SOCKET: name }, flags),
      manager.receive(),
    ]);
    strictEqual(said, "true");
    strictEqual(new TextDecoder().decode(told), "READY=1\nSTATUS=serving");
    match(
      await run(NOTIFY, { NOTIFY_SOCKET: name }),
      /^NotSupported: .*--unstable-net flag, or have /,
    );
    manager.close();
  }
  match(
    await run(NOTIFY, { NOTIFY_SOCKET: folder.at("nobody") }, [
      ...["-A", "--unstable-net"],
    ]),
    /^NotFound|^ConnectionRefused/,
  );
});

Deno.test("without a flag, two servers share a port, each with its clients", async () => {
  const said = await run(
    `
    const ask = async (addr) => {
      const client = await Deno.connect(addr);
      const answer = await new Response(client.readable).text();
      return answer;
    };
    const make = (port, answer) => {
      const server = new s.TCPServer(
        { hostname: "127.0.0.1", port, reusePort: true },
        ({ wfile }) => wfile.write(answer),
      );
      server.serveForever();
      return server;
    };
    const first = make(0, "1");
    const second = make(first.addr.port, "2");
    const answers = new Set();
    while (answers.size < 2) answers.add(await ask(first.addr));
    await first.shutdown();
    // Nobody is left in the queue of the one that is closed.
    const later = new Set();
    for (let i = 0; i < 20; i++) later.add(await ask(second.addr));
    await second.shutdown();
    console.log([...answers].sort().join(), [...later].join());`,
    {},
  );
  strictEqual(said, "1,2 2");
});

Deno.test("a port that is taken is told by its name, and by what helps", async () => {
  const said = await run(
    `
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      new s.TCPServer({ ...taken.addr, reusePort: true }, () => {});
    } catch (error) { console.log(String(error)); }
    try {
      new s.TCPServer({ hostname: "nowhere.invalid", port: 0, reusePort: true }, () => {});
    } catch (error) { console.log(String(error)); }
    taken.close();`,
    {},
  );
  const [taken, nowhere] = said.split("\n");
  match(taken!, /^AddrInUse: Cannot listen on .*EADDRINUSE; stop the program/);
  match(nowhere!, /^\w*Error: Cannot listen on nowhere.invalid:0/);
});

Deno.test("options of an accepted socket reach the kernel", async () => {
  const said = await run(
    `
    const server = new s.TCPServer(
      { hostname: "127.0.0.1", port: 0, reusePort: true },
      async ({ request, rfile }) => {
        request.setNoDelay(true);
        request.setKeepAlive(true, 60_000);
        const ends = [request.localAddr, request.remoteAddr].map(({ port }) =>
          ":" + port.toString(16).toUpperCase().padStart(4, "0")
        );
        for (const line of Deno.readTextFileSync("/proc/net/tcp").split("\\n")) {
          const [, local, remote, state, , timer] = line.trim().split(/ +/);
          // State 1 is an open connection, timer 2 that of keep-alive; proc(5).
          if (
            local?.endsWith(ends[0]) && remote?.endsWith(ends[1]) &&
            state === "01"
          ) console.log(timer.split(":")[0]);
        }
        await rfile.readAll();
      },
    );
    server.serveForever();
    const client = await Deno.connect(server.addr);
    await client.closeWrite();
    await new Response(client.readable).text();
    await server.shutdown();`,
    {},
  );
  strictEqual(said, "02");
});
