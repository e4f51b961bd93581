// An echo server on 127.0.0.1 with the public API: level-triggered epoll, one
// recv and one send for each event. Prints its port, ends when it is killed.

import { createServer, epoll, EPOLLIN, type Socket } from "../../poll/mod.ts";

const sockets = new Map<number, Socket>();
const buffer = new Uint8Array(64 * 1024);
/** The part of it that was sent last: most messages are of one size. */
let view = buffer;
const listener = createServer({ hostname: "127.0.0.1", port: 0 });
console.log((listener.getsockname() as Deno.NetAddr).port);

const events = epoll();
events.register(listener, EPOLLIN);

function serve(fd: number, socket: Socket): void {
  try {
    const received = socket.recvIntoSync(buffer);
    if (received > 0) {
      if (view.length !== received) view = buffer.subarray(0, received);
      socket.sendSync(view);
      return;
    }
  } catch {
    // A reset: closed as any other.
  }
  sockets.delete(fd);
  socket.close();
}

while (true) {
  for (const [fd] of events.pollSync()) {
    if (fd === listener.fileno()) {
      const [socket] = listener.acceptSync();
      socket.setBlocking(false);
      sockets.set(socket.fileno(), socket);
      events.register(socket, EPOLLIN);
    } else serve(fd, sockets.get(fd)!);
  }
}
