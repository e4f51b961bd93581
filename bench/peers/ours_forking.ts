/**
 * As ours_tcp.ts and ours_udp.ts, with processes.
 *
 * Arguments: echo, reply, sink, source or udp, then how many
 * children at most, how many requests and how many connections each takes (0 for
 * no limit), how many are spare, then for source the number of bytes.
 */
import {
  DatagramRequestHandler,
  ForkingTCPServer,
  ForkingUDPServer,
  StreamRequestHandler,
} from "../../mod.ts";

const [
  mode = "echo",
  children = "1",
  requests = "0",
  connections = "0",
  spares = "1",
  bytes = "0",
] = Deno.args;
const CHUNK = 64 * 1024;

export class Echo extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const { rfile, wfile } = this;
    const buffer = new Uint8Array(1024);
    for (let n; (n = await rfile.readInto(buffer)) !== null;) {
      await wfile.write(buffer.subarray(0, n));
    }
  }
}

export class Reply extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    await this.wfile.write("Thank you for connecting");
  }
}

export class Sink extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const buffer = new Uint8Array(CHUNK);
    while (await this.rfile.readInto(buffer) !== null) {
      // Thrown away.
    }
  }
}

export class Source extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const part = new Uint8Array(CHUNK);
    for (let left = Number(bytes); left > 0; left -= part.length) {
      await this.wfile.write(part.subarray(0, Math.min(left, part.length)));
    }
  }
}

export class UDPEcho extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override handle() {
    this.wfile.write(this.packet);
  }
}

class TCP extends ForkingTCPServer {
  // Clients that are gone when the load ends are no news.
  override handleError() {}
}

if (import.meta.main) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = {
    maxChildren: Number(children),
    spareChildren: Number(spares),
    requestsPerChild: Number(requests) || Infinity,
    connectionsPerChild: Number(connections) || Infinity,
  };
  const handlers: Record<string, typeof Echo> = {
    echo: Echo,
    reply: Reply,
    sink: Sink,
    source: Source,
  };
  const server = mode === "udp"
    ? new ForkingUDPServer(address, UDPEcho, options)
    : new TCP(address, handlers[mode] ?? Echo, options);
  console.log((server.addr as Deno.NetAddr).port);
  await server.serveForever();
}
