/**
 * The same as raw_udp.ts, with `UDPServer`: `reply` writes the packet back, `read`
 * reads it from `rfile` first.
 */
import { DatagramRequestHandler, UDPServer } from "../../mod.ts";

class Reply extends DatagramRequestHandler {
  override handle() {
    this.wfile.write(this.packet);
  }
}

class Read extends DatagramRequestHandler {
  override async handle() {
    const bytes = await this.rfile.read();
    if (bytes !== null) this.wfile.write(bytes);
  }
}

const server = new UDPServer(
  { hostname: "127.0.0.1", port: 0 },
  Deno.args[0] === "read" ? Read : Reply,
);
console.log((server.addr as Deno.NetAddr).port);
await server.serveForever();
