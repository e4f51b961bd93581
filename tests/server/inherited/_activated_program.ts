/**
 * What systemd-socket-activate starts. The arguments say what becomes of each
 * inherited socket, in their order. It prints what it has, and serves.
 */
import {
  inheritedSockets,
  StreamRequestHandler,
  TCPServer,
  TLSServer,
  UnixStreamServer,
} from "../../../mod.ts";

class Greeter extends StreamRequestHandler {
  override async handle() {
    await this.wfile.write(`hello from ${JSON.stringify(this.server.addr)}\n`);
    for await (const line of this.rfile) await this.wfile.write(`<${line}>\n`);
  }
}

const [cert = "", key = "", ...kinds] = Deno.args;
const sockets = inheritedSockets();
console.log(`sockets ${JSON.stringify(sockets)}`);
const pem = () => ({
  cert: Deno.readTextFileSync(cert),
  key: Deno.readTextFileSync(key),
});
const servers = sockets.map((socket, i) => {
  const { fd } = socket;
  try {
    switch (kinds[i]) {
      case "tcp":
        return new TCPServer(socket, Greeter);
      case "tls":
        return new TLSServer({ ...socket, ...pem() }, Greeter);
      case "unix":
        return new UnixStreamServer(socket, Greeter);
      case "tcp twice":
        new TCPServer({ fd }, Greeter);
        return new TCPServer({ fd }, Greeter);
    }
  } catch (error) {
    console.log(`refused ${i}: ${error}`);
  }
});
Deno.addSignalListener("SIGTERM", async () => {
  await Promise.all(servers.map((server) => server?.shutdown()));
  Deno.exit(0);
});
const addrs = servers.map((server) => server?.addr ?? null);
console.log(`ready ${JSON.stringify(addrs)}`);
await Promise.all(servers.map((server) => server?.serveForever()));
