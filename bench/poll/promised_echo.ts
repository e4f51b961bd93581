// An echo server on 127.0.0.1 with promised calls: every wait goes through the
// module's waiter. Prints its port, ends when it is killed.

import { createServer, type Socket } from "../../poll/mod.ts";

async function serve(socket: Socket): Promise<void> {
  using _socket = socket;
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (let count; (count = await socket.recvInto(buffer)) > 0;) {
      await socket.sendAll(buffer.subarray(0, count));
    }
  } catch {
    // The client has gone.
  }
}

const listener = createServer({ hostname: "127.0.0.1", port: 0 });
console.log((listener.getsockname() as Deno.NetAddr).port);
while (true) serve((await listener.accept())[0]);
