/**
 * The same as raw_tls.ts, with `TLSServer`.
 *
 * Arguments: the certificate's file, its key's, and echo, sink, or source and the
 * number of bytes.
 */
import { StreamRequestHandler, TLSServer } from "../../mod.ts";

const [certFile = "", keyFile = "", mode = "echo", bytes = "0"] = Deno.args;
const CHUNK = 64 * 1024;

class Echo extends StreamRequestHandler {
  override async handle() {
    const { rfile, wfile } = this;
    for (let chunk; (chunk = await rfile.read(CHUNK)) !== null;) {
      await wfile.write(chunk);
    }
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
    await this.rfile.readExactly(1);
    const part = new Uint8Array(CHUNK);
    for (let left = Number(bytes); left > 0; left -= part.length) {
      await this.wfile.write(part.subarray(0, Math.min(left, part.length)));
    }
  }
}

const server = new TLSServer(
  {
    ...{ hostname: "127.0.0.1", port: 0 },
    cert: Deno.readTextFileSync(certFile),
    key: Deno.readTextFileSync(keyFile),
  },
  { echo: Echo, sink: Sink, source: Source }[mode]!,
  // A load ends its connections in the middle.
  { onListen: ({ port }) => console.log(port), onError() {} },
);
await server.serveForever();
