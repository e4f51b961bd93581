// A server with threads in a process that has few descriptors: prints its port,
// what it reports to stderr, and ends at SIGTERM.

import { StreamRequestHandler, ThreadingTCPServer } from "../../../mod.ts";

/** Answers lines; one of them ends its thread. */
export class Doomed extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const line of this.rfile) {
      if (line === "die") self.close();
      await this.wfile.write(`<${line}>\n`);
    }
  }
}

/** Says what comes of a server where five descriptors are left. */
function constructWithFive(): void {
  const open: Deno.FsFile[] = [];
  try {
    for (;;) open.push(Deno.openSync(new URL(import.meta.url)));
  } catch {
    // None is left.
  }
  for (const file of open.splice(0, 5)) file.close();
  let said = "constructed";
  try {
    new ThreadingTCPServer({ hostname: "127.0.0.1", port: 0 }, Doomed);
  } catch (error) {
    said = `${error}`;
  }
  console.log(said);
  Deno.exit();
}

if (import.meta.main) {
  if (Deno.args[0] === "five") constructWithFive();
  const server = new ThreadingTCPServer(
    { hostname: "127.0.0.1", port: 0 },
    Doomed,
    { workers: Number(Deno.args[0]), gracePeriod: 100 },
  );
  Deno.addSignalListener("SIGTERM", () => server.shutdown());
  console.log(`port ${server.addr.port}`);
  await server.serveForever();
  Deno.exit();
}
