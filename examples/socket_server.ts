// deno run --allow-ffi examples/socket_server.ts
//
// One question, one answer: the system's own calls, each of which blocks until
// it is done. Nobody else is served meanwhile, and Ctrl+C is all that ends it.
//
// Arguments: port (1234), how many clients (endless).

import { createServer } from "../poll/mod.ts";

export function serve(
  port: number,
  clients: number,
  onListen: (port: number) => void,
) {
  using server = createServer({ hostname: "127.0.0.1", port }, { backlog: 5 });
  onListen((server.getsockname() as Deno.NetAddr).port);
  for (let served = 0; served < clients; served++) {
    const [client, address] = server.acceptSync();
    using _client = client;
    const { hostname, port } = address as Deno.NetAddr;
    console.log(`Got connection from ${hostname}:${port}`);
    client.sendAllSync(new TextEncoder().encode("Thank you for connecting"));
  }
}

if (import.meta.main) {
  const [port = 1234, clients = Infinity] = Deno.args.map(Number);
  serve(port, clients, (port) => console.log(`Listening on 127.0.0.1:${port}`));
}
