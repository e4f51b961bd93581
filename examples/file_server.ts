// deno run --allow-net=127.0.0.1:8000 --allow-read=examples,handlers,server examples/file_server.ts examples
//
// A server of files with threads. Each thread imports this file and has the
// same arguments: so all of them read the directory from there.
//
// Open http://127.0.0.1:8000/ in a browser, or fetch a part of a file:
// `curl --range 0-99 http://127.0.0.1:8000/file_server.ts`. Another port is the
// second argument, and belongs in --allow-net too; another directory in
// --allow-read.

import { run } from "../server/mod.ts";
import {
  SimpleHTTPRequestHandler,
  ThreadingHTTPServer,
} from "../server/http/mod.ts";

export class Files extends SimpleHTTPRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = Deno.args[0] ?? ".";

  /** Adds to every response that browsers ask again before they use a copy. */
  override endHeaders() {
    this.sendHeader("Cache-Control", "no-cache");
    super.endHeaders();
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[1] ?? 8000);
  const server = new ThreadingHTTPServer(
    { hostname: "127.0.0.1", port },
    Files,
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  await run(server);
}
