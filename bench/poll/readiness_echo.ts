// An echo server on 127.0.0.1: ReadinessServer, blocking its thread. Prints its
// port, ends when it is killed.

import { ReadinessServer } from "../../poll/mod.ts";

const server = new ReadinessServer({ hostname: "127.0.0.1", port: 0 }, {
  data: (connection, bytes) => void connection.send(bytes),
});
console.log((server.addr as Deno.NetAddr).port);
server.serveForeverSync();
