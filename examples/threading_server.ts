// deno run --allow-net=127.0.0.1:1234 --allow-read=examples,handlers,server,mod.ts examples/threading_server.ts
//
// The server of stream_handler_server.ts with threads: the mixin is all that is
// new. A class cannot travel to another thread and its module can, so the
// handler says where it lives and is exported. The thread imports this file,
// and so whatever shall happen only once is behind `import.meta.main`.
//
// Talk to it with `nc 127.0.0.1 1234` or examples/tcp_client.ts. Another port
// is the first argument, and belongs in --allow-net too.

import {
  run,
  StreamRequestHandler,
  TCPServer,
  ThreadingMixIn,
} from "../mod.ts";

export class ThankHandler extends StreamRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const { hostname, port } = this.clientAddress;
    console.log(`Got connection from ${hostname}:${port}`);
    await this.wfile.write("Thank you for connecting");
  }
}

class Server extends ThreadingMixIn(TCPServer) {}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new Server({ hostname: "127.0.0.1", port }, ThankHandler, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
