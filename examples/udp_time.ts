// deno run --unstable-net --allow-net=127.0.0.1 examples/udp_time.ts
//
// Datagrams: each is a request of its own, and what the handler wrote is sent
// back as one datagram. Answering takes the permission for the client's port,
// which nobody knows beforehand.
//
// Talk to it with examples/udp_time_client.ts, or with `nc -u 127.0.0.1 1234`:
// whatever is sent is a question. Another port is the first argument.

import { DatagramRequestHandler, run, UDPServer } from "../mod.ts";

export class TimeHandler extends DatagramRequestHandler<Deno.NetAddr> {
  override handle() {
    this.wfile.write(`${new Date().toISOString()}\n`);
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new UDPServer({ hostname: "127.0.0.1", port }, TimeHandler, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
