/**
 * The same as raw_udp.ts, with `UDPServer`: `copied` has each packet in memory
 * of its own, `borrowed` in one buffer as there.
 */
import { DatagramRequestHandler, UDPServer } from "../../mod.ts";

class Echo extends DatagramRequestHandler {
  override handle() {
    this.wfile.write(this.packet);
  }
}

class BorrowingEcho extends Echo {
  static override readonly borrowsPacket = true;
}

const server = new UDPServer(
  { hostname: "127.0.0.1", port: 0 },
  Deno.args[0] === "borrowed" ? BorrowingEcho : Echo,
);
console.log((server.addr as Deno.NetAddr).port);
await server.serveForever();
