/**
 * Serves files, on the event loop or in threads.
 *
 * Arguments: the directory, then the number of threads; none without it.
 */
import {
  HTTPServer,
  SimpleHTTPRequestHandler,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";

const [directory = ".", workers] = Deno.args;

export class Files extends SimpleHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = directory;
  override logMessage() {}
}

if (import.meta.main) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const server = workers === undefined
    ? new HTTPServer(address, Files)
    : new ThreadingHTTPServer(address, Files, { workers: Number(workers) });
  // Clients that are gone when the load ends are no news.
  server.handleError = () => {};
  console.log(server.addr.port);
  await server.serveForever();
}
