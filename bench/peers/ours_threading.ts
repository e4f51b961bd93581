/**
 * As ours_tcp.ts and ours_udp.ts, with threads.
 *
 * Arguments: echo, reply, sink, source, burn or udp, then the number of
 * threads, then for source the number of bytes.
 */
import {
  DatagramRequestHandler,
  StreamRequestHandler,
  ThreadingTCPServer,
  ThreadingUDPServer,
} from "../../mod.ts";

const [mode = "echo", workers = "1", bytes = "0"] = Deno.args;
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

export class Burn extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const { rfile, wfile } = this;
    for (let chunk; (chunk = await rfile.read(CHUNK)) !== null;) {
      const until = performance.now() + 1;
      while (performance.now() < until);
      await wfile.write(chunk);
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

class TCP extends ThreadingTCPServer {
  // Clients that are gone when the load ends are no news.
  override handleError() {}
}

if (import.meta.main) {
  const address = { hostname: "127.0.0.1", port: 0 };
  const options = { workers: Number(workers) };
  const handlers: Record<string, typeof Echo> = {
    echo: Echo,
    burn: Burn,
    reply: Reply,
    sink: Sink,
    source: Source,
  };
  const server = mode === "udp"
    ? new ThreadingUDPServer(address, UDPEcho, options)
    : new TCP(address, handlers[mode] ?? Echo, options);
  console.log((server.addr as Deno.NetAddr).port);
  await server.serveForever();
}
