// deno run --allow-net=127.0.0.1:1234 examples/tcp_server.ts
//
// The smallest server: a function is handler enough. It gets a
// StreamRequestHandler and takes from it what it needs. What it has written
// arrives before the connection closes, and one client never waits for another.
//
// Talk to it with `nc 127.0.0.1 1234` or examples/tcp_client.ts. Another port
// is the first argument, and belongs in --allow-net too.

import { run, type StreamRequestHandler, TCPServer } from "../mod.ts";

export async function thank(
  { clientAddress, wfile }: StreamRequestHandler<Deno.NetAddr>,
) {
  console.log(
    `Got connection from ${clientAddress.hostname}:${clientAddress.port}`,
  );
  await wfile.write("Thank you for connecting");
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new TCPServer({ hostname: "127.0.0.1", port }, thank, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
