/** The same as raw_udp.ts, with `UDPServer`. */
import { DatagramRequestHandler, UDPServer } from "../../mod.ts";

class Echo extends DatagramRequestHandler {
  override handle() {
    this.wfile.write(this.packet);
  }
}

const server = new UDPServer({ hostname: "127.0.0.1", port: 0 }, Echo);
console.log((server.addr as Deno.NetAddr).port);
await server.serveForever();
