/** Serves in the way that its argument says, and tells where. */
import {
  ForkingHTTPServer,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { LoggingBase, LoggingFetch } from "./_logging_handlers.ts";

const [way = "", kind = ""] = Deno.args;
const Handler = kind === "fetch" ? LoggingFetch : LoggingBase;
const server = way === "threads"
  ? new ThreadingHTTPServer(LOOPBACK, Handler, { workers: 1 })
  : way === "processes"
  ? new ForkingHTTPServer(LOOPBACK, Handler, { maxChildren: 1 })
  : new HTTPServer(LOOPBACK, Handler);
console.log(`port ${server.addr.port}.`);
await server.serveForever();
