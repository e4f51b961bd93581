// A server of CGI scripts in a process of its own, with the permissions that it
// is given. It ends with its standard input.

import { HTTPServer } from "../../server/http/http_server.ts";
import { Scripts } from "./_cgi_handlers.ts";

const server = new HTTPServer({ hostname: "127.0.0.1", port: 0 }, Scripts);
server.serveForever();
console.log(server.addr.port);
for await (const _ of Deno.stdin.readable) {
  // Nothing is asked of it.
}
await server.shutdown({ gracePeriod: 0 });
