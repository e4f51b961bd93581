// deno run --allow-net=127.0.0.1:1234 --allow-run=deno examples/forking_server.ts
//
// Every client is served by a process of its own, as after a fork. A process
// that crashes or hangs takes its own client with it and no other. Windows has
// no fork, and does not need it here: processes are started, not forked.
//
// Talk to it with `nc 127.0.0.1 1234` or examples/tcp_client.ts. Another port
// is the first argument, and belongs in --allow-net too.

import { ForkingMixIn, run, StreamRequestHandler, TCPServer } from "../mod.ts";

export class Server extends ForkingMixIn(TCPServer) {}

export class Handler extends StreamRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const { hostname, port } = this.clientAddress;
    // A process's stdout carries its frames: what it prints goes to stderr.
    console.log(`Got connection from ${hostname}:${port}`);
    await this.wfile.write("Thank you for connecting");
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new Server({ hostname: "127.0.0.1", port }, Handler, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
