// deno run --allow-net --allow-read=examples --allow-env=PATH --allow-run=examples/cgi-bin/greet.ts examples/cgi_server.ts
//
// Files, and scripts that answer by what they print: the oldest interface
// between a web server and programs in any language (RFC 3875). Any executable
// file below cgi-bin is a script; which of them may run is said by --allow-run.
// Of this process's environment they get PATH alone: this one looks for deno.
//
// Where root runs the server, scripts run as nobody, who must then be able to read
// Deno itself. A second argument, as-server, runs them as the server runs.
//
// Ask it: http://127.0.0.1:8000/cgi-bin/greet.ts

import { run } from "../server/mod.ts";
import { CGIHTTPRequestHandler, HTTPServer } from "../server/http/mod.ts";

export class Site extends CGIHTTPRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = import.meta.dirname!;
  /** Nobody waits longer for a script than this, in milliseconds. */
  static override readonly cgiTimeout: number = 5_000;
  static override readonly cgiUser: "nobody" | "server" =
    Deno.args[1] === "as-server" ? "server" : "nobody";
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 8000);
  const server = new HTTPServer({ hostname: "127.0.0.1", port }, Site, {
    onListen: ({ hostname, port }) =>
      console.log(
        `Listening on ${hostname}:${port}; open http://${hostname}:${port}/cgi-bin/greet.ts`,
      ),
  });
  await run(server, { gracePeriod: 500 });
}
