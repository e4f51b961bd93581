// deno run --allow-net=127.0.0.1:1234 examples/stream_handler_server.ts
//
// The server of tcp_server.ts with a class for its handler: one instance for
// each connection, so what belongs to a connection has a place to live. A
// subclass may override setup(), handle() and finish(); the last is always
// called.
//
// Talk to it with `nc 127.0.0.1 1234` or examples/tcp_client.ts. Another port
// is the first argument, and belongs in --allow-net too.

import { run, StreamRequestHandler, TCPServer } from "../mod.ts";

export class ThankHandler extends StreamRequestHandler<Deno.NetAddr> {
  override async handle() {
    const { hostname, port } = this.clientAddress;
    console.log(`Got connection from ${hostname}:${port}`);
    await this.wfile.write("Thank you for connecting");
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new TCPServer({ hostname: "127.0.0.1", port }, ThankHandler, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
