import { match, ok, strictEqual, throws } from "node:assert";
import {
  type ForkingOptions,
  ForkingTCPServer,
  type RequestHandlerClass,
  StreamRequestHandler,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { Child, Folder } from "../../_program.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { Command } from "./_forking_handlers.ts";
import { command, Commander, copyProgram } from "./_processes.ts";

const DENO = Deno.execPath();
const PROGRAM = `${import.meta.dirname}/_forking_program.ts`;
const NOBODY = 65_534;

/** A handler whose module is a file with `source` before its class. */
async function handlerAfter(source: string, folder: Folder) {
  const file = folder.at("module.ts");
  const mod = import.meta.resolve("../../../handlers/mod.ts");
  await Deno.writeTextFile(
    file,
    `import { StreamRequestHandler } from "${mod}";\n${source}
    export class Late extends StreamRequestHandler {}`,
  );
  return class Late extends StreamRequestHandler {
    static override readonly moduleUrl: string = `file://${file}`;
  };
}

/** A program that takes whatever arguments it gets. */
async function stub(folder: Folder, lines: string): Promise<string> {
  const source = folder.at("source");
  const path = folder.at("stub");
  await Deno.writeTextFile(source, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  await copyProgram(source, path);
  return path;
}

const refuse = (
  Handler: RequestHandlerClass<Deno.TcpConn, Deno.NetAddr>,
  options: ForkingOptions,
  message: RegExp,
) => throws(() => new ForkingTCPServer(LOOPBACK, Handler, options), message);

for (
  const [what, source] of [
    ["loops", 'console.error("so far"); for (;;);'],
    [
      "waits for ever",
      'console.error("so far"); await new Promise(() => setInterval(() => {}));',
    ],
  ] as const
) {
  Deno.test(`a constructor does not wait for a module that ${what}`, async () => {
    await using folder = new Folder();
    const Late = await handlerAfter(source, folder);
    refuse(
      Late,
      { startTimeout: 1_000 },
      /^TimedOut: Cannot create server: its processes do not start: it did not import its handler within 1000 ms and wrote to stderr: so far$/,
    );
  });
}

Deno.test("a process that starts too slowly is named to those that wait", async () => {
  await using folder = new Folder();
  const Late = await handlerAfter("", folder);
  // Enough for the first, which has to start, also on a busy machine.
  const startTimeout = 1_000;
  await using served = await serveForTest(Late, {
    server: ForkingTCPServer,
    options: { spareChildren: 0, startTimeout },
  });
  await handlerAfter("for (;;);", folder);
  strictEqual(await ask(served.addr, "x"), "");
  const [error] = await served.untilErrors();
  ok(
    `${error}`.includes(
      `Cannot start a process: it did not import its handler within ${startTimeout} ms`,
    ),
    `${error}`,
  );
});

Deno.test("a module may leave timers, and run for a while after it was imported", async () => {
  await using folder = new Folder();
  const Late = await handlerAfter(
    "setInterval(() => {}, 60_000); await new Promise((done) => setTimeout(done));",
    folder,
  );
  await using served = await serveForTest(Late, { server: ForkingTCPServer });
  strictEqual(await ask(served.addr, "x"), "");
  strictEqual(served.errors.length, 0);
});

Deno.test("a module that creates a server when a process imports it is refused", async () => {
  await using folder = new Folder();
  const mod = import.meta.resolve("../../../mod.ts");
  const Late = await handlerAfter(
    `import { ForkingTCPServer } from "${mod}";
    export class Other extends StreamRequestHandler {
      static override readonly moduleUrl = import.meta.url;
    }
    new ForkingTCPServer({ hostname: "127.0.0.1", port: 0 }, Other);`,
    folder,
  );
  const permissions = { run: true, net: true, read: true } as const;
  for (const options of [{}, { permissions }]) {
    refuse(
      Late,
      options,
      /TypeError: Cannot create server: this is a thread or process that imports the handler class "Other"; .*import\.meta\.main/,
    );
  }
});

Deno.test("what ends with exit code 0 has not imported a handler", async () => {
  await using folder = new Folder();
  const Late = await handlerAfter("Deno.exit(0);", folder);
  const early =
    /^Error: .* it ended with exit code 0 without having imported its handler/;
  refuse(Late, {}, early);
  refuse(Command, { denoPath: "/bin/true" }, early);
  refuse(Command, { denoArgs: ["--help"] }, early);
});

Deno.test("denoPath that is another program is told by what that did", async () => {
  await using folder = new Folder();
  const options = { denoPath: await stub(folder, "echo nonsense >&2; exit 7") };
  refuse(
    Command,
    options,
    /^Error: .* do not start: it ended with exit code 7 and wrote to stderr: nonsense$/,
  );
  await stub(folder, "exec sleep 60");
  refuse(Command, { ...options, startTimeout: 200 }, /^TimedOut: .* 200 ms$/);
  await stub(folder, "kill -9 $$");
  refuse(Command, options, /^Error: .* it was ended by SIGKILL$/);
  await stub(folder, "sleep 5 & exit 3");
  refuse(Command, options, /^Error: .* it ended with exit code 3$/);
});

Deno.test("a program that is not Deno starts processes with denoPath", async () => {
  await using folder = new Folder();
  const other = folder.at("program");
  await copyProgram(DENO, other);
  await using program = new Child(other, [
    ...["run", "--quiet", "--allow-net", `--allow-run=${DENO}`],
    ...[PROGRAM, "serve", DENO],
  ]);
  const [, port] = await program.until(/Listening on \S+:(\d+)/);
  strictEqual(
    await command(
      { transport: "tcp", hostname: "127.0.0.1", port: Number(port) },
      "?",
    ),
    "done",
  );
});

Deno.test({
  name: "uid and gid are those of the processes",
  // Only root may change to another user.
  ignore: Deno.uid() !== 0,
  async fn() {
    await using folder = new Folder();
    await Deno.chmod(folder.path, 0o755);
    // Where nobody may read it.
    const deno = folder.at("deno");
    await copyProgram(DENO, deno);
    await Deno.mkdir(folder.at("cache"));
    await Deno.chown(folder.at("cache"), NOBODY, NOBODY);
    await using served = await serveForTest(
      Command,
      {
        server: ForkingTCPServer,
        options: {
          denoPath: deno,
          uid: NOBODY,
          gid: NOBODY,
          env: { DENO_DIR: folder.at("cache") },
          permissions: { read: ["/etc"] },
        },
      },
    );
    using client = await Commander.connect(served.addr);
    const status = Deno.readTextFileSync(`/proc/${client.pid}/status`);
    match(status, /^Uid:(\s+65534){4}$/m);
    match(status, /^Gid:(\s+65534){4}$/m);
    strictEqual(await client.command("read shadow"), "PermissionDenied");
  },
});

Deno.test("a process has a group of its own: no signal of a terminal reaches it", async () => {
  await using served = await serveForTest(Command, {
    server: ForkingTCPServer,
  });
  using client = await Commander.connect(served.addr);
  const stat = Deno.readTextFileSync(`/proc/${client.pid}/stat`);
  // proc_pid_stat(5): state, parent, group, after the name in parentheses.
  const [, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  strictEqual(Number(group), client.pid);
  strictEqual(await client.command("?"), "done");
});
