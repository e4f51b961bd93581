// An echo of datagrams on 127.0.0.1. Argument: one (a datagram a call) or batch
// (recvmmsg and sendmmsg). Prints its port, ends when it is killed.

import {
  AF_INET,
  DatagramBatch,
  SO_RCVBUF,
  SOCK_DGRAM,
  Socket,
  SOL_SOCKET,
} from "../../poll/mod.ts";

const socket = new Socket(AF_INET, SOCK_DGRAM);
socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 1 << 20);
socket.bind({ hostname: "127.0.0.1", port: 0 });
console.log((socket.getsockname() as Deno.NetAddr).port);

if (Deno.args[0] === "batch") {
  const batch = new DatagramBatch();
  while (true) {
    socket.recvManySync(batch);
    socket.sendManySync(batch);
  }
} else {
  while (true) {
    const [data, address] = socket.recvFromSync(2048);
    socket.sendToSync(data, address);
  }
}
