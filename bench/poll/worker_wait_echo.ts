// What promised_echo.ts might be: a Worker that blocks in epoll_wait and wakes
// the event loop through shared memory. Slower, and hence not in the module.
// Prints its port, ends when it is killed.

import { isMainThread, Worker, workerData } from "node:worker_threads";
import { createServer, epoll, EPOLLIN, EPOLLONESHOT } from "../../poll/mod.ts";
import type { Socket } from "../../poll/mod.ts";

/** Descriptors that wait in shared memory to be told of. */
const RING = 2048;

if (isMainThread) {
  const events = epoll();
  const shared = new Int32Array(new SharedArrayBuffer(4 * (1 + RING)));
  const waiting = new Map<number, () => void>();
  const known = new Set<number>();

  const wait = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      const fd = socket.fileno();
      waiting.set(fd, resolve);
      if (known.has(fd)) events.modify(fd, EPOLLIN | EPOLLONESHOT);
      else events.register(fd, EPOLLIN | EPOLLONESHOT);
      known.add(fd);
    });

  const tell = async () => {
    for (let told = 0;;) {
      const head = Atomics.load(shared, 0);
      while (told < head) {
        const fd = shared[1 + told++ % RING]!;
        const resolve = waiting.get(fd);
        waiting.delete(fd);
        resolve?.();
      }
      await Atomics.waitAsync(shared, 0, head).value;
    }
  };

  const serve = async (socket: Socket) => {
    const buffer = new Uint8Array(16 * 1024);
    socket.setBlocking(false);
    try {
      while (true) {
        try {
          const count = socket.recvIntoSync(buffer);
          if (count === 0) break;
          socket.sendSync(buffer.subarray(0, count));
        } catch (error) {
          if (!(error instanceof Deno.errors.WouldBlock)) throw error;
          await wait(socket);
        }
      }
    } catch {
      // The client has gone.
    }
    known.delete(socket.fileno());
    socket.close();
  };

  const listener = createServer({ hostname: "127.0.0.1", port: 0 });
  console.log((listener.getsockname() as Deno.NetAddr).port);
  new Worker(new URL(import.meta.url), {
    workerData: { fd: events.fileno(), shared },
  });
  tell();
  while (true) serve((await listener.accept())[0]);
} else {
  const { linuxLibc } = await import("../../poll/_libc.ts");
  const { FD_WORD, WORDS } = await import("../../poll/_epoll_event.ts");
  const { fd, shared } = workerData;
  const libc = linuxLibc("wait");
  const found = new Int32Array(256 * WORDS);
  for (let head = 0;;) {
    const count = libc.epoll_wait(fd, found, 256, -1);
    for (let i = 0; i < count; i++) {
      shared[1 + head++ % RING] = found[i * WORDS + FD_WORD];
    }
    Atomics.store(shared, 0, head);
    Atomics.notify(shared, 0);
  }
}
