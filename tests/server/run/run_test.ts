import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
} from "node:assert";
import { run, TCPServer } from "../../../mod.ts";
import { existsSync } from "node:fs";
import { patiently, repeatUntil } from "../../_patience.ts";
import { script } from "../../permissions/_terminal.ts";
import { Child, Folder, testWith } from "../../_program.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";

const PROGRAM = `${import.meta.dirname}/_run_program.ts`;

/** A program that runs servers, and their ports. */
async function start(
  what: string,
  flags: readonly string[] = ["--allow-net=127.0.0.1"],
  env: Record<string, string> = {},
): Promise<{ child: Child; ports: number[] } & AsyncDisposable> {
  const child = new Child(
    Deno.execPath(),
    [
      ...["run", "--quiet", "--no-prompt", "--no-config"],
      ...["--allow-read", ...flags, PROGRAM, what],
    ],
    env,
  );
  const [, ports] = await child.until(/at ([\d,]+);/);
  return {
    child,
    ports: ports!.split(",").map(Number),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** A client whose handler waits for it. */
async function hold(port: number): Promise<Deno.TcpConn> {
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode("x\n"));
  await read(client);
  return client;
}

async function read(client: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(100);
  const n = await client.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, n ?? 0));
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`run() drains on ${signal}`, async () => {
    await using program = await start("one");
    using client = await hold(program.ports[0]!);
    program.child.kill(signal);
    await program.child.until(`${signal}: drain;`);
    strictEqual(await read(client), "told\n");
    await client.closeWrite();
    await program.child.until(`ended by ${signal};`);
    strictEqual((await program.child.output()).code, 0);
  });
}

Deno.test("run() ends at once on the second signal", async () => {
  await using program = await start("one");
  using client = await hold(program.ports[0]!);
  program.child.kill("SIGTERM");
  await program.child.until("SIGTERM: drain;");
  strictEqual(await read(client), "told\n");
  program.child.kill("SIGINT");
  await program.child.until("SIGINT: end;");
  await program.child.until("ended by SIGTERM;");
  strictEqual((await program.child.output()).code, 0);
});

/** Runs a server that never ends by itself, and has signals come when told to. */
async function runHere(
  use: (send: (signal: Deno.Signal) => void, told: string[]) => void,
): Promise<void> {
  const listeners = new Map<Deno.Signal, () => void>();
  const { addSignalListener, removeSignalListener } = Deno;
  Deno.addSignalListener = (signal, listener) => {
    listeners.set(signal, listener);
  };
  Deno.removeSignalListener = (signal) => {
    listeners.delete(signal);
  };
  try {
    const ended = Promise.withResolvers<void>();
    const told: string[] = [];
    const running = run({
      serveForever: () => ended.promise,
      shutdown: ({ gracePeriod } = {}) => void told.push(`${gracePeriod}`),
    }, { onSignal: (signal, action) => void told.push(`${signal} ${action}`) });
    use((signal) => listeners.get(signal)!(), told);
    ended.resolve();
    await running;
    strictEqual(listeners.size, 0);
  } finally {
    Object.assign(Deno, { addSignalListener, removeSignalListener });
  }
}

Deno.test("run() takes a signal that comes twice at a time, as under deno task, for one", async () => {
  await runHere((send, told) => {
    send("SIGINT");
    send("SIGINT");
    deepStrictEqual(told, ["SIGINT drain", "undefined"]);
    // Another one is no echo.
    send("SIGTERM");
    deepStrictEqual(told.slice(2), ["SIGTERM end", "0"]);
  });
});

Deno.test("run() gives signals back when the first can have no echo any more", async () => {
  const started = performance.now();
  await runHere((send) => send("SIGINT"));
  const took = performance.now() - started;
  ok(took >= 99, `${took} ms`);
});

Deno.test("run() ends at once when the same signal comes again later", async () => {
  await using program = await start("one");
  using client = await hold(program.ports[0]!);
  program.child.kill("SIGTERM");
  await program.child.until("SIGTERM: drain;");
  await repeatUntil(
    program.child.until("SIGTERM: end;"),
    () => program.child.kill("SIGTERM"),
  );
  await program.child.until("ended by SIGTERM;");
  strictEqual(await read(client), "told\n");
});

Deno.test("run() recycles on SIGHUP where there are threads", async () => {
  await using program = await start("threads");
  const [port] = program.ports as [number];
  const thread = async () => {
    const answer = await ask({ ...LOOPBACK, port }, "x\n");
    // It may have been told to end meanwhile.
    return answer.replace("told\n", "");
  };
  const first = await thread();
  program.child.kill("SIGHUP");
  await program.child.until("SIGHUP: recycle;");
  let last = first;
  while (last === first) last = await thread();
  match(last, /^\d+\n/);
  program.child.kill("SIGTERM");
  await program.child.until("ended by SIGTERM;");
});

Deno.test("run() leaves SIGHUP its usual effect where there is nothing to recycle", async () => {
  await using program = await start("one");
  program.child.kill("SIGHUP");
  notStrictEqual((await program.child.output()).code, 0);
});

Deno.test("run() ends several servers together", async () => {
  await using program = await start("two");
  const clients = await Promise.all(program.ports.map(hold));
  program.child.kill("SIGTERM");
  for (const client of clients) {
    strictEqual(await read(client), "told\n");
    client.close();
  }
  await program.child.until("ended by SIGTERM;");
});

Deno.test("run() drains where it is hindered, and says by what", async () => {
  await using program = await start("refusing");
  using client = await hold(program.ports[0]!);
  program.child.kill("SIGTERM");
  strictEqual(await read(client), "told\n");
  await program.child.untilStderr("Error: It does not want to hear");
  await client.closeWrite();
  await program.child.until("ended by SIGTERM;");
  const { code, stderr } = await program.child.output();
  strictEqual(code, 0);
  match(stderr, /Error: It does not want to end/);
});

Deno.test("run() shuts all down where one throws instead of serving", async () => {
  await using program = await start("throwing");
  await program.child.until("failed: Error: It cannot serve;");
  strictEqual((await program.child.output()).code, 0);
});

Deno.test("run() gives signals back when it is done", async () => {
  await using program = await start("afterwards");
  program.child.kill("SIGTERM");
  await program.child.until("ended by SIGTERM;");
  program.child.kill("SIGTERM");
  strictEqual((await program.child.output()).code, 143);
});

Deno.test("run() rejects with what serveForever() does", async () => {
  await using program = await start("failing");
  await program.child.until(/failed: Busy: Cannot serve/);
});

Deno.test("run() tells systemd when it is ready and when it stops", async () => {
  await using folder = new Folder();
  const path = folder.at("notify");
  const manager = Deno.listenDatagram({ transport: "unixpacket", path });
  const told = async () =>
    new TextDecoder().decode((await manager.receive())[0]);
  try {
    await using program = await start("one", [
      ...["--unstable-net", "--allow-net", `--allow-write=${path}`],
      "--allow-env=NOTIFY_SOCKET",
    ], { NOTIFY_SOCKET: path });
    match(await told(), /^READY=1\nMAINPID=\d+$/);
    program.child.kill("SIGTERM");
    strictEqual(await told(), "STOPPING=1");
    await program.child.until("ended by SIGTERM;");
  } finally {
    manager.close();
  }
});

const MISSING = "NotCapable: Cannot notify the service manager: requires";
for (
  const [flags, env, printed] of [
    [[], { NOTIFY_SOCKET: "/nobody" }, []],
    [["--allow-env"], {}, []],
    [
      ["--allow-env=WATCHDOG_USEC"],
      { NOTIFY_SOCKET: "/nobody", WATCHDOG_USEC: "1000000" },
      [`${MISSING} env access, run again with --allow-env=NOTIFY_SOCKET`],
    ],
    [
      ["--allow-env=NOTIFY_SOCKET", "--unstable-net"],
      { NOTIFY_SOCKET: "/nobody" },
      [`${MISSING} net, write access, run again with --allow-net --allow-write=/nobody`],
    ],
  ] as const
) {
  Deno.test(
    `run() with ${flags.join(" ") || "no flag"} under a manager that has set ${
      Object.keys(env).join() || "nothing"
    } prints ${printed.length} that is missing`,
    async () => {
      await using program = await start(
        "one",
        ["--allow-net=127.0.0.1", ...flags],
        env,
      );
      program.child.kill("SIGTERM");
      await program.child.until("ended by SIGTERM;");
      const { code, stderr } = await program.child.output();
      strictEqual(code, 0);
      // Behind each is its stack.
      deepStrictEqual(stderr.match(/^\w+: .*$/gm) ?? [], printed);
    },
  );
}

Deno.test("run() of a program that was started for its socket says that it may not see NOTIFY_SOCKET", async () => {
  await using child = new Child("/bin/sh", [
    ...["-c", 'LISTEN_PID=$$ exec "$@"', "sh", Deno.execPath()],
    ...["run", "--quiet", "--no-prompt", "--no-config", "--allow-read"],
    ...["--allow-net=127.0.0.1", "--allow-env=LISTEN_PID", PROGRAM, "one"],
  ]);
  await child.untilStderr(
    `${MISSING} env access, run again with --allow-env=NOTIFY_SOCKET\n`,
  );
  child.kill("SIGTERM");
  strictEqual((await child.output()).code, 0);
});

Deno.test("run() says which flags its watchdog needs, where it has told systemd", async () => {
  await using folder = new Folder();
  const path = folder.at("notify");
  const manager = Deno.listenDatagram({ transport: "unixpacket", path });
  try {
    await using program = await start("one", [
      ...["--unstable-net", "--allow-net", `--allow-write=${path}`],
      "--allow-env=NOTIFY_SOCKET",
    ], { NOTIFY_SOCKET: path });
    await program.child.untilStderr(
      "NotCapable: Cannot watch over the service: requires env access, run again with --allow-env=WATCHDOG_USEC,WATCHDOG_PID\n",
    );
    program.child.kill("SIGTERM");
    await program.child.until("ended by SIGTERM;");
  } finally {
    manager.close();
  }
});

Deno.test("run() serves on where it cannot tell systemd", async () => {
  await using program = await start(
    "one",
    ["--unstable-net", "--allow-net=127.0.0.1", "--allow-env=NOTIFY_SOCKET"],
    { NOTIFY_SOCKET: "/nobody/there" },
  );
  await program.child.untilStderr("NotCapable: Cannot notify");
  program.child.kill("SIGTERM");
  await program.child.until("ended by SIGTERM;");
  strictEqual((await program.child.output()).code, 0);
});

Deno.test("run() refuses what it cannot run", async () => {
  await using server = new TCPServer(LOOPBACK, () => {});
  for (
    const [servers, options, message] of [
      [[], {}, /must be a server, or several, received \[\]/],
      [null, {}, /must be a server, or several, received \[ null \]/],
      [
        { serveForever: () => {} },
        {},
        /must be a server, or several, received/,
      ],
      [server, { signals: "SIGINT" }, /signals must be an array/],
      [server, { onSignal: 1 }, /onSignal must be a function, received 1/],
      [server, { signal: [] }, /unknown option "signal"; did you mean/],
    ] as const
  ) {
    await rejects(
      run(servers as never, options as never),
      (error: Error) => error instanceof TypeError && message.test(`${error}`),
    );
  }
  await rejects(run(server, { gracePeriod: -1 }), RangeError);
});

testWith(
  [script],
  "run() ends when its terminal does, where there is something to recycle too",
  async () => {
    await using folder = new Folder();
    const terminal = script.start(
      "-qec",
      `exec '${Deno.execPath()}' run -A --quiet '${PROGRAM}' threads pid`,
      folder.at("typescript"),
    );
    const [, pid] = await terminal.until(/pid (\d+);/);
    terminal.kill("SIGKILL");
    await terminal.output();
    await patiently(gone(Number(pid)), () => `the end of process ${pid}`);
  },
);

async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("run() leaves no listener behind where a signal cannot be heard", async () => {
  await using server = new TCPServer(LOOPBACK, () => {});
  const added: string[] = [];
  const { addSignalListener, removeSignalListener } = Deno;
  Deno.addSignalListener = (signal, listener) => {
    addSignalListener(signal, listener);
    added.push(signal);
  };
  Deno.removeSignalListener = (signal, listener) => {
    removeSignalListener(signal, listener);
    added.splice(added.indexOf(signal), 1);
  };
  try {
    await rejects(run(server, { signals: ["SIGTERM", "SIGKILL"] }), TypeError);
  } finally {
    Object.assign(Deno, { addSignalListener, removeSignalListener });
  }
  strictEqual(added.join(), "");
});
