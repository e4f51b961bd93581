// This module as it comes from a registry: over HTTP, into a cache that was empty.

import { match, strictEqual } from "node:assert";
import { join } from "node:path";
import { Child, Folder } from "../../_program.ts";
import { ask } from "../../_loopback.ts";

const ROOT = join(import.meta.dirname!, "../../..");

/** A program that a user has, and what it says when it serves. */
const PROGRAM = `
import * as servers from "@wire/socketserver";

export class Echo extends servers.StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    await this.wfile.write(await this.rfile.readLine() + "\\n");
  }
}

if (import.meta.main) {
  const Server = servers[Deno.args[0] as "ThreadingTCPServer"];
  const address = { hostname: "127.0.0.1", port: 0 };
  await servers.run(new Server(address, Echo, {
    ...(Deno.args[1] === undefined ? {} : { accept: Deno.args[1] as "main" }),
    onListen: ({ port }) => console.log(\`port \${port};\`),
  }));
}
`;

/** Serves the files of this project, as a registry does. */
function startRegistry() {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const path = join(ROOT, new URL(request.url).pathname);
      const headers = { "Content-Type": "application/typescript" };
      return new Response(await Deno.readFile(path), { headers });
    },
  );
}

Deno.test("threads and processes start without a network where the program was downloaded", async () => {
  await using folder = new Folder();
  const env = { DENO_DIR: folder.at("cache"), NO_COLOR: "1" };
  const program = folder.at("program.ts");
  await Deno.writeTextFile(program, PROGRAM);
  {
    await using registry = startRegistry();
    const host = `127.0.0.1:${registry.addr.port}`;
    await Deno.writeTextFile(
      folder.at("deno.json"),
      JSON.stringify({
        imports: { "@wire/socketserver": `http://${host}/mod.ts` },
      }),
    );
    const deno = Deno.execPath();
    const cached = ["cache", "--quiet", `--allow-import=${host}`, program];
    await using download = new Child(deno, cached, env);
    const { code, stderr } = await download.output();
    strictEqual(code, 0, stderr);
  }
  // README's flags, what jsr.io has without one, and where the cache is.
  const threads = [`--allow-read=${program}`, "--allow-import"];
  const processes = [
    ...["--allow-run=deno", `--allow-read=${folder.at("deno.json")}`],
    "--allow-env=DENO_DIR",
  ];
  for (
    const [flags, ...args] of [
      [threads, "ThreadingTCPServer"],
      [threads, "ThreadingTCPServer", "main"],
      [processes, "ForkingTCPServer"],
    ] as const
  ) {
    await using child = new Child(Deno.execPath(), [
      ...["run", "--no-prompt", "--cached-only", "--allow-net=127.0.0.1"],
      ...[...flags, program, ...args],
    ], env);
    const [, port] = await child.until(/port (\d+);/);
    const address = { hostname: "127.0.0.1", port: Number(port) };
    strictEqual(await ask(address, "hello\n"), "hello\n", `${args}`);
    child.kill("SIGTERM");
    const { code, stderr } = await child.output();
    strictEqual(code, 0, stderr);
  }
  // Without the last flag they look in the user's own cache.
  await using child = new Child(Deno.execPath(), [
    ...["run", "--no-prompt", "--cached-only", "--allow-net=127.0.0.1"],
    ...[...processes.slice(0, -1), program, "ForkingTCPServer"],
  ], env);
  const { code, stderr } = await child.output();
  strictEqual(code, 1);
  match(stderr, /not found in cache/);
  match(
    stderr,
    /; processes download nothing: if the cache of Deno is not where it is by default, let this process tell them: run again with --allow-env=DENO_DIR,XDG_CACHE_HOME$/m,
  );
});
