// An echo server with the public API, for syscalls_test.ts: serves so many
// connections on a Unix path until they have closed.

import { createServer, epoll, EPOLLIN, type Socket } from "../../poll/mod.ts";

const [path = "", count] = Deno.args;
const connections = Number(count);
const sockets = new Map<number, Socket>();
const buffer = new Uint8Array(4096);
using listener = createServer({ path });
using events = epoll();
console.log("listening");
for (let i = 0; i < connections; i++) {
  const [socket] = listener.acceptSync();
  sockets.set(socket.fileno(), socket);
  events.register(socket, EPOLLIN);
}
while (sockets.size > 0) {
  for (const [fd] of events.pollSync()) {
    const socket = sockets.get(fd)!;
    const received = socket.recvIntoSync(buffer);
    if (received > 0) socket.sendSync(buffer.subarray(0, received));
    else {
      sockets.delete(fd);
      socket.close();
    }
  }
}
