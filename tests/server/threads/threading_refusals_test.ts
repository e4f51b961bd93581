import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  type RequestHandlerClass,
  StreamRequestHandler,
  type ThreadingOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { Child, Folder } from "../../_program.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";
import { Obedient } from "./_threading_handlers.ts";

const MODULE = JSON.stringify(import.meta.resolve("../../../mod.ts"));

type TCPHandler = RequestHandlerClass<Deno.TcpConn, Deno.NetAddr>;

/** A handler class that says it lives at a URL. */
function livingAt(url: unknown): TCPHandler {
  return class Handler extends StreamRequestHandler {
    static override readonly moduleUrl: string = url as string;
  } as unknown as TCPHandler;
}

/** The error of constructing a server. */
function refusal(handler: unknown, options?: ThreadingOptions): Error {
  try {
    new ThreadingTCPServer(LOOPBACK, handler as TCPHandler, options).close();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected an error");
}

/** The same for a handler whose module has this source. */
async function refusalOf(source: string): Promise<Error & { file: string }> {
  await using folder = new Folder();
  const file = folder.at("handler.ts");
  await Deno.writeTextFile(file, source);
  return Object.assign(refusal(livingAt(`file://${file}`)), { file });
}

const CLASS = `import { StreamRequestHandler } from ${MODULE};
  export class Handler extends StreamRequestHandler {}`;

Deno.test("a handler class without moduleUrl is refused, and told what to add", () => {
  class Homeless extends StreamRequestHandler {}
  const { name, message } = refusal(Homeless);
  strictEqual(name, "TypeError");
  strictEqual(
    message,
    'Cannot create server: the handler class "Homeless" does not say where it lives; add to it: static override readonly moduleUrl: string = import.meta.url',
  );
});

Deno.test("a handler class that only inherits its moduleUrl is refused", () => {
  class Heir extends Obedient {}
  match(
    refusal(Heir).message,
    /the handler class "Heir" does not say where it lives; add to it/,
  );
});

Deno.test("a moduleUrl that is no URL is refused", () => {
  strictEqual(
    refusal(livingAt("./handler.ts")).message,
    'Cannot create server: moduleUrl of the handler class "Handler" is "./handler.ts", which is not a URL; use import.meta.url',
  );
  match(refusal(livingAt(1)).message, /does not say where it lives/);
});

Deno.test("a function, and what is no handler at all, is refused", () => {
  function answer() {}
  for (const handler of [answer, () => {}, class {}, 1, undefined, null, {}]) {
    const { name, message } = refusal(handler);
    strictEqual(name, "TypeError");
    match(
      message,
      /^Cannot create server: .+ cannot run in another thread or process; export a class that extends StreamRequestHandler, or another request handler, and pass that$/s,
    );
  }
  match(refusal(answer).message, /the function "answer"/);
});

Deno.test("a handler class that its module does not export is refused", async () => {
  const { name, message, file } = await refusalOf(
    CLASS.replace("export class", "class"),
  );
  strictEqual(name, "TypeError");
  strictEqual(
    message,
    `Cannot find the handler class "Handler": "file://${file}" does not export it; write: export class Handler`,
  );
});

Deno.test("a handler class may be exported by another name, and by default", async () => {
  await using folder = new Folder();
  for (
    const [i, source] of [
      CLASS.replace("export", "") + "export { Handler as Other };",
      CLASS.replace("export", "export default"),
    ].entries()
  ) {
    const file = folder.at(`${i}.ts`);
    await Deno.writeTextFile(file, source);
    const server = new ThreadingTCPServer(
      LOOPBACK,
      livingAt(`file://${file}`),
      { workers: 1 },
    );
    await server.shutdown();
  }
});

Deno.test("what a handler's module throws, the constructor throws", async () => {
  const thrown = await refusalOf(
    `${CLASS} throw new RangeError("thrown while importing");`,
  );
  strictEqual(thrown.name, "RangeError");
  strictEqual(thrown.message, "thrown while importing");
});

Deno.test("a module that does not exist or has a syntax error is named", async () => {
  const missing = refusal(livingAt("file:///no/such/handler.ts"));
  match(
    missing.message,
    /Cannot start a thread: module not found "file:\/\/\/no\/such\/handler\.ts"\..* use import\.meta\.url/,
  );
  const wrong = await refusalOf(`${CLASS} const = 1;`);
  match(wrong.message, /handler\.ts/);
});

Deno.test("a module that ends its thread while it is imported is told at once", async () => {
  for (
    const [end, why] of [
      ["self.close();", "Its code called self.close()"],
      ["Deno.exit(3);", "Its code called Deno.exit(3)"],
      ['Promise.reject(new Error("unhandled"));', "unhandled"],
    ] as const
  ) {
    const { message } = await refusalOf(
      `${end} await new Promise(() => {}); ${CLASS}`,
    );
    strictEqual(message, why);
  }
});

Deno.test("a module that starts its server without import.meta.main is told so", async () => {
  await using folder = new Folder();
  const file = folder.at("main.ts");
  await Deno.writeTextFile(
    file,
    `import { StreamRequestHandler, ThreadingTCPServer } from ${MODULE};
    export class Handler extends StreamRequestHandler {
      static override readonly moduleUrl: string = import.meta.url;
    }
    const server = new ThreadingTCPServer({ hostname: "127.0.0.1", port: 0 }, Handler);
    await server.serveForever();`,
  );
  await using child = new Child(Deno.execPath(), [
    ...["run", "--allow-all", "--no-config", file],
  ], { NO_COLOR: "1" });
  const { code, stderr } = await child.output();
  strictEqual(code, 1);
  match(
    stderr,
    /TypeError: Cannot create server: this is a thread or process that imports the handler class "Handler"; put what its module does beside defining classes behind: if \(import\.meta\.main\)/,
  );
});

Deno.test("workers and connectionsPerWorker out of range are refused", () => {
  for (const name of ["workers", "connectionsPerWorker"] as const) {
    for (const value of [0, -1, 1.5, NaN]) {
      const { name: kind, message } = refusal(Obedient, { [name]: value });
      strictEqual(kind, "RangeError");
      strictEqual(
        message,
        `Cannot create server: ${name} must be an integer of at least 1, received ${value}`,
      );
    }
  }
});

Deno.test("a server that cannot listen starts no thread", async () => {
  await using taken = await serveForTest(
    ({ wfile }) => wfile.write("taken"),
  );
  throws(
    () => new ThreadingTCPServer(taken.addr, Obedient),
    Deno.errors.AddrInUse,
  );
  strictEqual(await ask(taken.addr), "taken");
});

// Permissions.

/** A server whose handler is its own module, run with just the given flags. */
async function runWith(
  flags: (file: string) => string[],
  imports = "",
): Promise<{ stdout: string; stderr: string; file: string }> {
  await using folder = new Folder();
  const file = folder.at("main.ts");
  await Deno.writeTextFile(
    file,
    `import { StreamRequestHandler, ThreadingTCPServer } from ${MODULE};
    ${imports}
    export class Handler extends StreamRequestHandler {
      static override readonly moduleUrl: string = import.meta.url;
      override async handle() { await this.wfile.write("permitted"); }
    }
    if (import.meta.main) {
      await using server = new ThreadingTCPServer(
        { hostname: "127.0.0.1", port: 0 }, Handler, { workers: 1 });
      server.serveForever();
      const client = await Deno.connect(server.addr);
      console.log(await new Response(client.readable).text());
    }`,
  );
  await using child = new Child(Deno.execPath(), [
    ...["run", "--no-prompt", "--no-config", ...flags(file), file],
  ], { NO_COLOR: "1" });
  const { stdout, stderr } = await child.output();
  return { stdout: new TextDecoder().decode(stdout), stderr, file };
}

const LIBRARY = new URL("../../..", import.meta.url).pathname;

Deno.test("ThreadingTCPServer needs to read its own files and the handler's alone", async () => {
  const { stdout, stderr } = await runWith((file) => [
    "--allow-net=127.0.0.1",
    `--allow-read=${LIBRARY}mod.ts,${LIBRARY}server,${LIBRARY}handlers,${file}`,
  ]);
  strictEqual(stdout, "permitted\n", stderr);
});

/** What the error says, and the flag that it says to add. */
function missing(stderr: string, file: string) {
  const [, refused, flag] =
    /NotCapable: Cannot start a thread: requires read access to "(.*)", run again with (--allow-read=\S+); threads import this module, the handler's and all that it imports\n/
      .exec(stderr) ?? [];
  return { refused, flag: flag?.replace(file, "FILE") };
}

Deno.test("ThreadingTCPServer that must not read its files names all that it needs", async () => {
  const NET = "--allow-net=127.0.0.1";
  const { stdout, stderr, file } = await runWith(() => [NET]);
  strictEqual(stdout, "");
  const { refused, flag } = missing(stderr, file);
  match(refused ?? stderr, /acceptor_main\.ts$/);
  strictEqual(
    flag,
    `--allow-read=${LIBRARY}mod.ts,${LIBRARY}server,${LIBRARY}handlers,FILE`,
  );
  // It is enough.
  const again = await runWith((file) => [NET, flag.replace("FILE", file)]);
  strictEqual(again.stdout, "permitted\n", again.stderr);
});

Deno.test("ThreadingTCPServer that must not read the handler's file names that alone", async () => {
  const { stdout, stderr, file } = await runWith(() => [
    "--allow-net=127.0.0.1",
    `--allow-read=${LIBRARY}`,
  ]);
  strictEqual(stdout, "");
  deepStrictEqual(missing(stderr, file), {
    refused: file,
    flag: "--allow-read=FILE",
  });
});

Deno.test("ThreadingTCPServer names a file that its handler imports", async () => {
  await using folder = new Folder();
  const other = folder.at("other, with a comma.ts");
  await Deno.writeTextFile(other, "export {};");
  const { stdout, stderr } = await runWith((file) => [
    "--allow-net=127.0.0.1",
    `--allow-read=${LIBRARY},${file}`,
  ], `import ${JSON.stringify(other)};`);
  strictEqual(stdout, "");
  strictEqual(
    stderr.includes(
      `run again with --allow-read=${other.replace(",", ",,")}; threads import`,
    ),
    true,
    stderr,
  );
});
