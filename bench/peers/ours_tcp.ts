/**
 * The same as raw_tcp.ts, with `TCPServer`.
 *
 * Argument: echo, echo-own-buffer, burn, reply, sink, or source and the number of bytes.
 */
import { StreamRequestHandler, TCPServer } from "../../mod.ts";

const [mode = "echo", bytes = "0"] = Deno.args;
const CHUNK = 64 * 1024;

class Echo extends StreamRequestHandler {
  override async handle() {
    const { rfile, wfile } = this;
    for (let chunk; (chunk = await rfile.read(CHUNK)) !== null;) {
      await wfile.write(chunk);
    }
  }
}

class EchoOwnBuffer extends StreamRequestHandler {
  override async handle() {
    const { rfile, wfile } = this;
    const buffer = new Uint8Array(1024);
    for (let n; (n = await rfile.readInto(buffer)) !== null;) {
      await wfile.write(buffer.subarray(0, n));
    }
  }
}

class Burn extends StreamRequestHandler {
  override async handle() {
    const { rfile, wfile } = this;
    for (let chunk; (chunk = await rfile.read(CHUNK)) !== null;) {
      const until = performance.now() + 1;
      while (performance.now() < until);
      await wfile.write(chunk);
    }
  }
}

class Reply extends StreamRequestHandler {
  override async handle() {
    await this.wfile.write("Thank you for connecting");
  }
}

class Sink extends StreamRequestHandler {
  override async handle() {
    const buffer = new Uint8Array(CHUNK);
    while (await this.rfile.readInto(buffer) !== null) {
      // Thrown away.
    }
  }
}

class Source extends StreamRequestHandler {
  override async handle() {
    const part = new Uint8Array(CHUNK);
    for (let left = Number(bytes); left > 0; left -= part.length) {
      await this.wfile.write(part.subarray(0, Math.min(left, part.length)));
    }
  }
}

const handlers: Record<string, typeof Echo> = {
  echo: Echo,
  "echo-own-buffer": EchoOwnBuffer,
  burn: Burn,
  reply: Reply,
  sink: Sink,
  source: Source,
};

class Server extends TCPServer {
  // Clients that are gone when the load ends are no news.
  override handleError() {}
}

const server = new Server(
  { hostname: "127.0.0.1", port: 0 },
  handlers[mode] ?? Echo,
);
console.log(server.addr.port);
await server.serveForever();
