import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  restart,
  TCPServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { Child, Folder } from "../../_program.ts";
import { ask as askText, isDisconnect, LOOPBACK } from "../../_loopback.ts";

const PROGRAM = `${import.meta.dirname}/_restarting_program.ts`;
const FLAGS = ["--allow-net", "--allow-env", "--allow-run=deno"];

type Where = Deno.ConnectOptions | Deno.UnixConnectOptions;

/** The processes that serve one socket, one after the other. */
class Line implements AsyncDisposable {
  readonly addr: Where;
  readonly #child: Child;
  readonly #pids: number[];

  private constructor(child: Child, pid: number, addr: Where) {
    this.#child = child;
    this.#pids = [pid];
    this.addr = addr;
  }

  static async start(
    how: string,
    successor = "",
    flags: readonly string[] = [],
  ): Promise<Line> {
    const child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", "--no-config", ...FLAGS, ...flags],
      ...[PROGRAM, how, successor],
    ]);
    const [, pid, addr] = await child.until(/ready (\d+) (.*)\n/);
    return new Line(child, Number(pid), JSON.parse(addr!));
  }

  /** The process that is to serve. */
  get pid(): number {
    return this.#pids.at(-1)!;
  }

  /** Has the process start its successor. */
  async restart(): Promise<void> {
    Deno.kill(this.pid, "SIGHUP");
    const [, pid] = await this.#child.until(/handed over to (\d+)\n/);
    this.#pids.push(Number(pid));
  }

  /** What it says where it goes on itself. */
  async kept(): Promise<string> {
    Deno.kill(this.pid, "SIGHUP");
    return (await this.#child.until(/kept: (.*)\n/))[1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(this.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child[Symbol.asyncDispose]();
  }
}

/** Asks a line, and tells which process has answered. */
async function ask(addr: Where): Promise<number> {
  using client = await Deno.connect(addr as Deno.ConnectOptions);
  await client.write(new TextEncoder().encode("who\n"));
  await client.closeWrite();
  const answer = await new Response(
    client.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).text();
  const [, pid] = /^who (\d+)\n$/.exec(answer) ?? [];
  ok(pid !== undefined, `the answer was ${JSON.stringify(answer)}`);
  return Number(pid);
}

Deno.test("five restarts under load: nobody is refused, reset or forgotten", async () => {
  await using line = await Line.start("inheritable");
  const { addr } = line;
  const answered = new Map<number, number>();
  let goesOn = true;
  let connections = 0;
  const clients = Array.from({ length: 16 }, async () => {
    while (goesOn) {
      const pid = await ask(addr);
      connections++;
      answered.set(pid, (answered.get(pid) ?? 0) + 1);
    }
  });
  const pids = [line.pid];
  for (let i = 0; i < 5; i++) {
    const before = connections;
    await line.restart();
    pids.push(line.pid);
    // Its successor serves as well, and not for a moment only.
    while (connections < before + 200) await ask(addr);
  }
  goesOn = false;
  await patiently(Promise.all(clients), () => "the last answers");
  deepStrictEqual([...answered.keys()].sort(), pids.sort());
  ok(connections >= 1000, `${connections} connections`);
});

Deno.test("a connection in progress is served to its end by the one that took it", async () => {
  await using line = await Line.start("inheritable");
  using client = await Deno.connect(line.addr as Deno.ConnectOptions);
  const first = line.pid;
  const say = async (word: string) => {
    await client.write(new TextEncoder().encode(`${word}\n`));
    const buffer = new Uint8Array(100);
    const n = await client.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, n!));
  };
  strictEqual(await say("before"), `before ${first}\n`);
  const restarted = line.restart();
  // The successor answers others, and this one is answered as it was.
  while (await ask(line.addr) === first);
  strictEqual(await say("after"), `after ${first}\n`);
  await client.closeWrite();
  await restarted;
});

Deno.test("a Unix server is restarted twice under load, and its file stays", async () => {
  await using folder = new Folder();
  const path = folder.at("own.sock");
  const addr = { transport: "unix", path } as const;
  await using line = await Line.start(path, "", [
    ...[`--allow-read=${path}`, `--allow-write=${path}`],
  ]);
  const pids = [line.pid];
  const answered = new Set<number>();
  let goesOn = true;
  const clients = Array.from({ length: 8 }, async () => {
    while (goesOn) answered.add(await ask(addr));
  });
  for (let i = 0; i < 2; i++) {
    await line.restart();
    pids.push(line.pid);
    while (await ask(addr) !== line.pid);
  }
  goesOn = false;
  await patiently(Promise.all(clients), () => "the last answers");
  deepStrictEqual([...answered].sort(), pids.sort());
  ok(Deno.lstatSync(path).isSocket);
});

Deno.test("a Unix server whose socket can be inherited removes its own file alone", async () => {
  await using folder = new Folder();
  const path = folder.at("own.sock");
  const address = { path, inheritable: true };
  const make = (reclaim: boolean) =>
    new UnixStreamServer(address, ({ wfile }) => wfile.write("served"), {
      ...{ mode: 0o600, reclaim },
      // Whoever looks if it is alive is gone before it is answered.
      onError() {},
    });
  {
    await using served = await serveForTest(make(false), {
      allowErrors: isDisconnect,
    });
    strictEqual(served.addr.path, path);
    strictEqual(Deno.lstatSync(path).mode! & 0o777, 0o600);
    strictEqual(await askText({ transport: "unix", path }), "served");
    throws(() => make(true), Deno.errors.AddrInUse);
  }
  throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
  await using served = await serveForTest(make(false));
  // Somebody else takes the path.
  Deno.removeSync(path);
  const other = Deno.listen({ transport: "unix", path });
  await served.server.shutdown();
  ok(Deno.lstatSync(path).isSocket);
  other.close();
  for (
    const [path, name] of [
      [`${folder.path}/nowhere/own.sock`, "NotFound"],
      [folder.at("long".repeat(40)), "TypeError"],
    ] as const
  ) {
    throws(
      () => new UnixStreamServer({ path, inheritable: true }, () => {}),
      { name, message: /^Cannot listen on / },
    );
  }
});

Deno.test("an abstract Unix socket can be inherited", async () => {
  const path = `\0socketserver-${crypto.randomUUID()}`;
  await using served = await serveForTest(
    new UnixStreamServer(
      { path, inheritable: true },
      ({ wfile }) => wfile.write("served"),
    ),
  );
  strictEqual(served.addr.path, path);
  strictEqual(await askText({ transport: "unix", path }), "served");
});

for (
  const [successor, how] of [
    [
      "that ends",
      /^ConnectionAborted: Cannot restart: the successor did not get ready, it ended with 3$/,
    ],
    [
      "that may do nothing",
      /^ConnectionAborted: Cannot restart: .*it ended with 1$/,
    ],
    [
      "that does not serve",
      /^TimedOut: Cannot restart: the successor did not serve its sockets within 1000 ms, and was ended/,
    ],
  ] as const
) {
  Deno.test(`a successor ${successor} takes over nothing, and the server goes on`, async () => {
    await using line = await Line.start("inheritable", successor);
    match(await line.kept(), how);
    strictEqual(await ask(line.addr), line.pid);
  });
}

Deno.test("a socket that cannot be inherited is refused by name", async () => {
  await using line = await Line.start("of Deno's");
  match(
    await line.kept(),
    /^TypeError: Cannot restart server 0: its socket cannot be inherited; open it with inheritable: true/,
  );
  strictEqual(await ask(line.addr), line.pid);
});

Deno.test("servers of datagrams are refused by restart(), with what to do instead", async () => {
  await using folder = new Folder();
  await using udp = new UDPServer(LOOPBACK, () => {});
  await using unix = new UnixDatagramServer(
    { path: folder.at("own.sock") },
    () => {},
  );
  const options = { args: ["run", "main.ts"] };
  await rejects(restart(udp, options), {
    name: "TypeError",
    message: /server 0: .* datagrams .*; open it with reuseAddress: true, /,
  });
  await rejects(restart([unix], options), {
    name: "TypeError",
    message: /server 0: .* datagrams .*; shut it down, and start the other/,
  });
});

Deno.test("restart() refuses options that cannot be", async () => {
  await using server = new TCPServer(
    { ...LOOPBACK, inheritable: true },
    () => {},
  );
  const args = ["run", "main.ts"];
  const refused: [object, RegExp][] = [
    [{}, /args must be the arguments/],
    [{ args: "run main.ts" }, /args must be the arguments/],
    [{ args, readyTimeout: -1 }, /readyTimeout/],
    [{ args, names: [] }, /names must be one for each server/],
    [{ args, names: ["a:b"] }, /names must be one for each server/],
    [{ args, permissions: "all" }, /unknown option "permissions"/],
  ];
  for (const [options, message] of refused) {
    await rejects(restart(server, options as { args: string[] }), { message });
  }
});
