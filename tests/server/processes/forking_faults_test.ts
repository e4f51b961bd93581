import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  type ForkingOptions,
  ForkingTCPServer,
  HandlerLostError,
  type ServerOptions,
} from "../../../mod.ts";
import {
  addPermissionRemedy,
  permissionRemedy,
} from "../../../server/_processes/permission_remedy.ts";
import { PATIENCE, patiently } from "../../_patience.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { ask, isDisconnect, readAll } from "../../_loopback.ts";
import { Command, Echo } from "./_forking_handlers.ts";
import { childrenOf, command, Commander, exists, until } from "./_processes.ts";

const start = (options: ForkingOptions & ServerOptions<Deno.NetAddr> = {}) =>
  serveForTest(Command, { server: ForkingTCPServer, options });

/** The only error. */
async function lossOf(served: TestServer): Promise<HandlerLostError> {
  const [error] = await served.untilErrors();
  deepStrictEqual(served.errors, []);
  ok(error instanceof HandlerLostError, `${error}`);
  return error;
}

for (
  const [what, text, expected] of [
    ["exits with 0", "exit", /is gone: it ended with exit code 0$/],
    ["exits with 3", "exit 3", /is gone: it ended with exit code 3$/],
    ["leaves a rejection", "reject", /exit code 1.*Nobody awaits this/s],
    [
      "writes garbage to stdout",
      "garbage",
      /Cannot read a frame: .*; its stdout carries frames alone, .* node:fs/,
    ],
    ["floods stdout for ever", "flood", /Cannot read a frame: /],
  ] as const
) {
  Deno.test(`a handler that ${what} loses its request alone`, async () => {
    await using served = await start();
    strictEqual(await command(served.addr, text), "");
    const error = await lossOf(served);
    match(error.message, expected);
    const printed = Deno.inspect(error);
    strictEqual(printed.split(" is gone: ").length, 2, printed);
    ok(!printed.includes("[cause]"), printed);
    strictEqual(await command(served.addr, "?"), "done");
  });
}

Deno.test("an error is reported as it was thrown", async () => {
  await using served = await start();
  strictEqual(await command(served.addr, "throw"), "");
  const [error] = await served.untilErrors();
  ok(error instanceof RangeError);
  strictEqual(error.message, "Thrown far away");
  match(error.stack ?? "", /_forking_handlers\.ts/);
});

Deno.test("what a process may not do is reported, and the next client served", async () => {
  await using served = await start();
  for (const action of ["read", "connect", "spawn", "env"]) {
    strictEqual(await command(served.addr, `${action} uncaught`), "");
  }
  const remedies = [
    /: \{ read: \["\/etc\/hostname"\] \}$/,
    /: \{ net: \["127\.0\.0\.1:\d+"\] \}$/,
    /: \{ run: \["\/.*deno"\] \}$/,
    /: \{ env: \["HOME"\] \}$/,
  ];
  const errors = await served.untilErrors(4);
  for (const [index, error] of errors.entries()) {
    ok(error instanceof Deno.errors.NotCapable, `${error}`);
    match(
      error.message,
      /^Requires .*, run again with .*; processes inherit no permission, allow it by the server's option permissions: \{/,
    );
    match(error.message, remedies[index]!);
    // What is printed has it too.
    ok(error.stack!.includes(`${error.message}\n`), error.stack);
  }
  strictEqual(await command(served.addr, "?"), "done");
});

Deno.test("what is no error of a permission gets no remedy, and harms nobody", () => {
  const { NotCapable } = Deno.errors;
  const frozen = Object.freeze(
    new NotCapable('Requires net access to "a", run again with --allow-net'),
  );
  for (
    const thrown of [
      undefined,
      "Requires net access, run again with --allow-net",
      new Error("Requires net access, run again with --allow-net"),
      new NotCapable("Not so"),
      frozen,
    ]
  ) {
    const before = String(thrown);
    strictEqual(addPermissionRemedy(thrown), thrown);
    strictEqual(String(thrown), before);
  }
  const twice = new NotCapable("Requires sys access, run again with the flag");
  addPermissionRemedy(twice);
  strictEqual(
    String(addPermissionRemedy(twice)),
    "NotCapable: Requires sys access, run again with the flag; processes inherit no permission, allow it by the server's option permissions: { sys: true }",
  );
});

Deno.test("the remedy has what an error of this module says is missing", () => {
  const remedy = permissionRemedy(
    'a line before\nNotCapable: Cannot connect to "/x": requires read, net access to it, run again with --allow-read=/x --allow-net=unix:/x\n--allow-run=ls',
  );
  strictEqual(
    remedy,
    'processes inherit no permission, allow it by the server\'s option permissions: { read: ["/x"], net: ["unix:/x"] }',
  );
  strictEqual(
    permissionRemedy(
      'Cannot receive answers at a socket in "/x": requires read, write, net access to it, run again with --allow-read=/x --allow-write=/x --allow-net',
    ),
    'processes inherit no permission, allow it by the server\'s option permissions: { read: ["/x"], write: ["/x"], net: true }',
  );
});

Deno.test("what a process prints is looked through in no time, whatever it is", () => {
  const text = 'requires a access to "'.repeat(100_000);
  const begun = performance.now();
  strictEqual(permissionRemedy(text), undefined);
  // A regular expression that is not bounded takes minutes for it.
  ok(performance.now() - begun < PATIENCE / 2);
});

Deno.test("what a handler prints goes to stderr, and harms no frame", async () => {
  await using served = await start();
  strictEqual(await command(served.addr, "print"), "done");
});

Deno.test("what a handler starts neither reads nor writes its frames", async () => {
  await using served = await start({ permissions: { run: true } });
  strictEqual(await command(served.addr, "start programs"), "0 0 0");
  strictEqual(served.errors.length, 0);
});

Deno.test("a process keeps nothing that the next one finds, nor do its workers", async () => {
  await using served = await start({
    denoArgs: ["--unstable-kv", "--unstable-webgpu"],
  });
  for (
    const where of [
      "kept",
      "kept by a worker",
      "kept by a worker of a worker",
      "kept by a worker that is had another way",
    ]
  ) strictEqual(await command(served.addr, where), "nothing", where);
  strictEqual(await command(served.addr, "kept for a session"), "value");
  strictEqual(
    await command(served.addr, "kept by a worker of Node's"),
    "NotSupported",
  );
  strictEqual(await command(served.addr, "work in a worker"), "one 42");
});

Deno.test("a process keeps nothing by an object that it marks as a store of Deno's", async () => {
  await using served = await start();
  strictEqual(
    await command(served.addr, "kept by what is marked as a store"),
    "symbol TypeError TypeError TypeError",
  );
});

Deno.test("a process that may write everywhere has Node's workers", async () => {
  await using served = await start({ permissions: { write: true } });
  strictEqual(
    await command(served.addr, "kept by a worker of Node's"),
    "allowed",
  );
});

Deno.test("a process that can answer no more is ended, and its client's place free", async () => {
  await using served = await start({ maxChildren: 1 });
  strictEqual(await command(served.addr, "close stdout"), "");
  match(
    (await lossOf(served)).message,
    /exit code 1 and wrote .*Cannot answer/,
  );
  strictEqual(await command(served.addr, "?"), "done");
});

Deno.test("a process that eats its memory is ended by V8 alone", async () => {
  await using served = await start({
    denoArgs: ["--v8-flags=--max-old-space-size=64"],
  });
  strictEqual(await command(served.addr, "memory"), "");
  match((await lossOf(served)).message, /out of memory/);
  strictEqual(await command(served.addr, "?"), "done");
});

Deno.test("a process killed before its request is replaced", async () => {
  await using served = await start({ maxChildren: 1, requestsPerChild: 2 });
  const first = await Commander.connect(served.addr);
  strictEqual(await first.command("?"), "done");
  Deno.kill(first.pid, "SIGKILL");
  await until("the end of the process", () => !exists(first.pid));
  strictEqual(await command(served.addr, "?"), "done");
  strictEqual(
    (await lossOf(served)).message,
    "A process that ran no request is gone: it was ended by SIGKILL",
  );
});

Deno.test("a process killed during its request is reported with the signal", async () => {
  await using served = await start();
  using client = await Commander.connect(served.addr);
  Deno.kill(client.pid, "SIGKILL");
  strictEqual(await client.end(), "");
  match((await lossOf(served)).message, /it was ended by SIGKILL$/);
  strictEqual(await command(served.addr, "?"), "done");
});

Deno.test("requestTimeout kills a process in an endless loop", async () => {
  await using served = await start({ requestTimeout: 1_000 });
  using client = await Commander.connect(served.addr);
  strictEqual(await client.command("loop"), "");
  await until("the end of the process", () => !exists(client.pid));
  strictEqual(await command(served.addr, "?"), "done");
  match(String(await served.untilErrors()), /longer than requestTimeout/);
});

Deno.test("requestTimeout kills a process whose handler ignores it", async () => {
  await using served = await start({
    requestTimeout: 1_000,
    requestsPerChild: 9,
  });
  using client = await Commander.connect(served.addr);
  strictEqual(await client.command("ignore the abort"), "");
  await until("the end of the process", () => !exists(client.pid));
  match(String(await served.untilErrors()), /longer than requestTimeout/);
});

Deno.test("requestTimeout leaves a process whose handler heeds it", async () => {
  await using served = await start({
    requestTimeout: 1_000,
    requestsPerChild: 9,
    maxChildren: 1,
  });
  using client = await Commander.connect(served.addr);
  strictEqual(await client.command("wait"), "");
  using next = await Commander.connect(served.addr);
  strictEqual(next.pid, client.pid);
  strictEqual(await next.command("?"), "done");
  match(String(await served.untilErrors()), /longer than requestTimeout/);
});

Deno.test("shutdown drains, and aborts what does not end", async () => {
  await using served = await start();
  const { server } = served;
  using client = await Commander.connect(server.addr);
  const drained = client.command("wait");
  using other = await Commander.connect(server.addr);
  const shut = server.shutdown({ gracePeriod: Infinity });
  strictEqual(await other.command("?"), "done");
  const aborted = server.shutdown({ gracePeriod: 20 });
  strictEqual(await drained, "");
  await Promise.all([shut, aborted]);
  strictEqual(exists(client.pid), false);
  match(String(served.takeErrors()), /did not finish within 20 ms/);
});

Deno.test("shutdown kills a process that ignores SIGTERM after killTimeout", async () => {
  await using served = await start({ requestsPerChild: 9, killTimeout: 200 });
  using client = await Commander.connect(served.addr);
  strictEqual(await client.command("ignore signals"), "ignoring");
  const before = performance.now();
  await served.server.shutdown();
  ok(performance.now() - before >= 190);
  strictEqual(exists(client.pid), false);
});

Deno.test("a process that does not start any more is named to those that wait", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const base = import.meta.resolve("./_forking_handlers.ts");
  await Deno.writeTextFile(
    file,
    `import { Echo } from "${base}"; export class Moved extends Echo {}`,
  );
  class Moved extends Echo {
    static override readonly moduleUrl: string = `file://${file}`;
  }
  await using served = await serveForTest(Moved, {
    server: ForkingTCPServer,
    options: { spareChildren: 0 },
  });
  await Deno.remove(file);
  strictEqual(await ask(served.addr, "x"), "");
  const [error] = await served.untilErrors();
  match(`${error}`, /Cannot start a process: .*exit code 1.*Module not found/s);
});

Deno.test("a failing start is told once, and in short to others that wait", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const base = import.meta.resolve("./_forking_handlers.ts");
  await Deno.writeTextFile(
    file,
    `import { Echo } from "${base}"; export class Late extends Echo {}`,
  );
  class Late extends Echo {
    static override readonly moduleUrl: string = `file://${file}`;
  }
  await using served = await serveForTest(Late, {
    server: ForkingTCPServer,
    options: { spareChildren: 0 },
  });
  await Deno.writeTextFile(file, 'throw new Error("\\x1b[2J as it starts")');
  await Promise.all([1, 2, 3].map(() => ask(served.addr, "x")));
  // Others fail in the same way meanwhile, which is told nobody.
  strictEqual(await ask(served.addr, "x"), "");
  await Deno.remove(file);
  const printed = (await served.untilErrors(4)).map((error) =>
    Deno.inspect(error)
  );
  deepStrictEqual(served.errors, []);
  match(
    printed[0]!,
    /^\w*Error: Cannot start a process: it ended with exit code 1 and wrote to stderr: .*\\x1b\[2J as it starts/s,
  );
  for (const brief of printed.slice(1)) {
    strictEqual(
      brief,
      "Error: Cannot start a process: it ended with exit code 1, as was told before",
    );
  }
});

Deno.test("processes killed at random for 4 s do not end the service", async () => {
  await using served = await start({
    maxChildren: 6,
    spareChildren: 2,
    requestsPerChild: 20,
    connectionsPerChild: 4,
  });
  const pids = new Set<number>();
  const end = performance.now() + 4_000;
  let kills = 0;
  // Numbers are used again, for processes of others too.
  const ours = () => childrenOf().filter((pid) => pids.has(pid));
  const killer = setInterval(() => {
    const living = ours();
    const victim = living[Math.floor(Math.random() * living.length)];
    if (victim === undefined) return;
    kills++;
    Deno.kill(victim, "SIGKILL");
  }, 100);
  let answered = 0;
  const client = async () => {
    while (performance.now() < end) {
      try {
        using commander = await Commander.connect(served.addr);
        pids.add(commander.pid);
        if (await commander.command("?") === "done") answered++;
      } catch (error) {
        const lost = error instanceof Deno.errors.ConnectionReset ||
          error instanceof Deno.errors.UnexpectedEof ||
          error instanceof Deno.errors.BrokenPipe;
        if (!lost) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  clearInterval(killer);
  ok(kills > 5, `${kills} kills`);
  ok(answered > 10, `${answered} served`);
  // The last that was killed may still have taken one.
  let last = "";
  for (let times = 0; last === "" && times < 10; times++) {
    last = await command(served.addr, "?").catch((error) => {
      if (error instanceof Deno.errors.UnexpectedEof) return "";
      throw error;
    });
  }
  strictEqual(last, "done");
  await served.server.shutdown();
  for (const error of served.takeErrors()) {
    ok(error instanceof Error);
    match(error.message, /SIGKILL|closed|reset|Broken pipe/i);
  }
  deepStrictEqual(ours(), []);
});

Deno.test("a client that reads nothing stalls itself alone", async () => {
  await using served = await serveForTest(
    Echo,
    {
      server: ForkingTCPServer,
      options: {
        maxChildren: 1,
        requestsPerChild: Infinity,
        connectionsPerChild: 2,
      },
      allowErrors: isDisconnect,
    },
  );
  const silent = await Deno.connect(served.addr as Deno.ConnectOptions);
  const flood = (async () => {
    const part = new Uint8Array(64 * 1024);
    for (let i = 0; i < 400; i++) await silent.write(part);
  })().catch(() => {});
  for (let i = 0; i < 20; i++) {
    strictEqual(
      await patiently(ask(served.addr, `${i}`), () => "an echo"),
      `${i}`,
    );
  }
  silent.close();
  await flood;
  strictEqual(await ask(served.addr, "after"), "after");
});

Deno.test("what was written before a process ended arrives", async () => {
  await using served = await start();
  const conn = await Deno.connect(served.addr as Deno.ConnectOptions);
  await conn.write(new TextEncoder().encode("exit\n"));
  match(await readAll(conn), /^\d+\n$/);
  match((await lossOf(served)).message, /it ended with exit code 0$/);
});
