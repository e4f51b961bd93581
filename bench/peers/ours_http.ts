/** Answers with six bytes. Argument: fetch or base. */
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";

class Hello extends BaseHTTPRequestHandler {
  doGET(): void {
    this.sendResponse(200);
    this.sendHeader("Content-Type", "text/plain");
    this.sendHeader("Content-Length", "6");
    this.endHeaders();
    this.wfile.write("hello\n");
  }

  // The others do not log either.
  override logRequest(): void {}
}

class Server extends HTTPServer {
  // Clients that are gone when the load ends are no news.
  override handleError(): void {}
}

const server = new Server(
  { hostname: "127.0.0.1", port: 0 },
  Deno.args[0] === "base" ? Hello : () => new Response("hello\n"),
);
console.log(server.addr.port);
await server.serveForever();
