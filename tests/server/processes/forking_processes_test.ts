import { match, ok, strictEqual } from "node:assert";
import { Child, Folder } from "../../_program.ts";
import { ask } from "../../_loopback.ts";
import {
  childrenOf,
  command,
  Commander,
  copyProgram,
  exists,
  parentOf,
  until,
} from "./_processes.ts";

const PROGRAM = `${import.meta.dirname}/_forking_program.ts`;
const DENO = Deno.execPath();

function startProgram(
  flags: readonly string[],
  args: readonly string[] = ["serve"],
): Child {
  // So that deno is found by its name too.
  const PATH = `${DENO.slice(0, DENO.lastIndexOf("/"))}:/usr/bin:/bin`;
  return new Child(
    DENO,
    [
      "run",
      "--quiet",
      "--no-prompt",
      ...flags,
      PROGRAM,
      ...args,
    ],
    { PATH, NO_COLOR: "1" },
  );
}

async function addressOf(program: Child): Promise<Deno.NetAddr> {
  const [, port] = await program.until(/Listening on \S+:(\d+)/);
  return { transport: "tcp", hostname: "127.0.0.1", port: Number(port) };
}

for (const flag of ["--allow-run=deno", `--allow-run=${DENO}`]) {
  Deno.test(`${flag.replace(DENO, "its path")} is enough to start processes`, async () => {
    await using program = startProgram(["--allow-net", flag]);
    strictEqual(await command(await addressOf(program), "env"), "NotCapable");
    program.kill("SIGTERM");
    const { code, stderr } = await program.output();
    strictEqual(code, 0, stderr);
  });
}

Deno.test("a constructor without run permission says what to allow", async () => {
  await using program = startProgram(["--allow-net"]);
  const { code, stderr } = await program.output();
  strictEqual(code, 1);
  match(stderr, /NotCapable: Cannot create server: .*--allow-run=deno/);
});

Deno.test("a program that is not Deno says that it needs denoPath", async () => {
  await using folder = new Folder();
  await copyProgram(DENO, folder.at("program"));
  await using program = new Child(folder.at("program"), [
    ...["run", "--quiet", "--allow-net", "--allow-run", PROGRAM, "serve"],
  ]);
  const { code, stderr } = await program.output();
  strictEqual(code, 1);
  match(stderr, /TypeError: .*pass the path of deno as denoPath/);
});

/** Writes a program whose processes import this module by its name. */
async function writeMapped(file: string, config: string): Promise<void> {
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      imports: { "@wire/socketserver": import.meta.resolve("../../../mod.ts") },
    }),
  );
  await Deno.writeTextFile(
    file,
    `import { ForkingTCPServer, StreamRequestHandler } from "@wire/socketserver";
    export class Mapped extends StreamRequestHandler {
      static override readonly moduleUrl = import.meta.url;
    }
    if (import.meta.main) {
      const denoArgs = Deno.args;
      const address = { hostname: "127.0.0.1", port: 0 };
      await using _ = new ForkingTCPServer(address, Mapped, { denoArgs });
    }`,
  );
}

async function runMapped(
  file: string,
  flags: readonly string[],
  ...args: string[]
) {
  await using program = new Child(
    DENO,
    ["run", "--quiet", "--no-prompt", "--allow-net", "--allow-run=deno"]
      .concat(flags, file, args),
    { PATH: DENO.slice(0, DENO.lastIndexOf("/")), NO_COLOR: "1" },
  );
  return await program.output();
}

Deno.test("processes use the configuration of the handler's module, if it may be read", async () => {
  await using folder = new Folder();
  const file = folder.at("mapped.ts");
  const config = folder.at("deno.json");
  await writeMapped(file, config);
  strictEqual((await runMapped(file, [`--allow-read=${config}`])).code, 0);
  strictEqual((await runMapped(file, [], `--config=${config}`)).code, 0);
  const { stderr } = await runMapped(file, []);
  match(stderr, /Import "@wire\/socketserver" not a dependency/);
  ok(
    stderr.includes(
      `; name the configuration that has it by the option denoArgs: ["--config=PATH"], or let this process find it: run again with --allow-read=${config} or, if it is further out, with that of each deno.json and deno.jsonc on the way to it\n`,
    ),
    stderr,
  );
});

Deno.test("a configuration further out is used where all on the way to it may be read, and the error names them", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.at("src"));
  const file = folder.at("src/mapped.ts");
  const config = folder.at("deno.json");
  await writeMapped(file, config);
  const { stderr } = await runMapped(file, [`--allow-read=${config}`]);
  const [, needed] = /run again with --allow-read=(\S+)\n/.exec(stderr) ?? [];
  strictEqual(
    needed,
    `${folder.at("src/deno.json")},${folder.at("src/deno.jsonc")},${config}`,
    stderr,
  );
  strictEqual((await runMapped(file, [`--allow-read=${needed}`])).code, 0);
  strictEqual((await runMapped(file, [], `--config=${config}`)).code, 0);
});

Deno.test("out of descriptors, all clients are served, one after the other", async () => {
  const program = [
    ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-run=deno"],
    ...[PROGRAM, "serve"],
  ];
  await using limited = new Child(
    "/bin/sh",
    ["-c", 'ulimit -n 60; exec "$@"', "sh", DENO, ...program],
    {
      PATH: `${DENO.slice(0, DENO.lastIndexOf("/"))}:/usr/bin:/bin`,
      NO_COLOR: "1",
    },
  );
  const address = await addressOf(limited);
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => ask(address, "?\n")),
  );
  for (const answer of answers) match(answer, /^\d+\ndone$/);
  limited.kill("SIGTERM");
  const { code, stderr } = await limited.output();
  strictEqual(code, 0, stderr);
  // It may be told, but not for each client.
  ok(stderr.split("Too many open files").length < 10, stderr);
});

Deno.test("what a process prints is obeyed by no terminal, in reports neither", async () => {
  await using program = startProgram(["--allow-net", "--allow-run=deno"]);
  const address = await addressOf(program);
  strictEqual(await command(address, "print controls"), "done");
  await program.untilStderr("\\x1b[31mred\\x07 \\x9b\\x0d\\x7f €\n");
  strictEqual(await command(address, "exit with controls"), "");
  await program.untilStderr(/Error while serving .*HandlerLostError/);
  program.kill("SIGTERM");
  const { stderr } = await program.output();
  // deno-lint-ignore no-control-regex -- it must have none.
  strictEqual(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.exec(stderr), null);
});

Deno.test("what a process wrote when it failed is printed once", async () => {
  await using program = startProgram(["--allow-net", "--allow-run=deno"]);
  strictEqual(await command(await addressOf(program), "reject"), "");
  await program.untilStderr(
    /Error while serving \S+: HandlerLostError: The process that ran this request is gone: it ended with exit code 1; what it wrote to stderr is above\n/,
  );
  program.kill("SIGTERM");
  const { stderr } = await program.output();
  strictEqual(stderr.split("Error: Nobody awaits this").length, 2, stderr);
});

Deno.test("no process outlives a server that was killed", async () => {
  await using program = startProgram(["--allow-net", "--allow-run=deno"]);
  const address = await addressOf(program);
  using client = await Commander.connect(address);
  using other = await Commander.connect(address);
  await other.say("stay");
  const children = childrenOf(parentOf(client.pid));
  ok(children.includes(client.pid) && children.includes(other.pid));
  program.kill("SIGKILL");
  await until("the end of all processes", () => !children.some(exists));
});

Deno.test("no process that imports its handler outlives its server", async () => {
  await using folder = new Folder();
  const file = folder.at("slow.ts");
  await Deno.writeTextFile(
    file,
    `import { ForkingTCPServer, StreamRequestHandler } from "${
      import.meta.resolve("../../../mod.ts")
    }";
    export class Slow extends StreamRequestHandler {
      static override readonly moduleUrl = import.meta.url;
    }
    if (import.meta.main) {
      console.log("pid", Deno.pid);
      new ForkingTCPServer({ hostname: "127.0.0.1", port: 0 }, Slow);
    } else {
      await new Promise(() => setInterval(() => {}, 1_000));
    }`,
  );
  await using program = new Child(DENO, ["run", "--quiet", "-A", file]);
  const [, pid] = await program.until(/pid (\d+)/);
  let importing: number[] = [];
  await until("a process that imports", () => {
    importing = childrenOf(Number(pid));
    return importing.length > 0;
  });
  program.kill("SIGKILL");
  await until("its end", () => !importing.some(exists));
});

Deno.test("spare processes that were killed are replaced", async () => {
  await using program = startProgram(["--allow-net", "--allow-run=deno"]);
  const address = await addressOf(program);
  using client = await Commander.connect(address);
  const parent = parentOf(client.pid);
  const spares = () => childrenOf(parent).filter((pid) => pid !== client.pid);
  await until("two spare processes", () => spares().length === 2);
  const killed = spares();
  for (const spare of killed) Deno.kill(spare, "SIGKILL");
  await until("the end of both", () => !killed.some(exists));
  strictEqual(await command(address, "?"), "done");
  strictEqual(await client.command("?"), "done");
});

Deno.test("a server that is unreferenced lets its program end", async () => {
  await using program = startProgram(
    ["--allow-net", "--allow-run=deno"],
    ["unref"],
  );
  const { code, stderr } = await program.output();
  strictEqual(code, 0, stderr);
});

Deno.test("nothing is left of 100 requests in processes of their own", async () => {
  await using program = startProgram(
    // The children file cannot be read with less.
    ["--allow-all"],
    ["count", "80"],
  );
  const { code, stdout, stderr } = await program.output();
  strictEqual(code, 0, stderr);
  const { before, most, after } = JSON.parse(new TextDecoder().decode(stdout));
  strictEqual(after.children, 0);
  // maxChildren, those that end among them.
  ok(most > 1 && most <= 4, `${most} processes`);
  ok(after.descriptors <= before.descriptors, JSON.stringify([before, after]));
  ok(after.memory < before.memory + 30, JSON.stringify([before, after]));
});
