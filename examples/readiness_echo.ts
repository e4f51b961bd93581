// deno run --allow-ffi examples/readiness_echo.ts
//
// An echo server as fast as one in C: callbacks on a readiness loop, and one
// such loop for each Worker, all on one listening socket. With Workers it needs
// --allow-read of its own files besides.
//
// Arguments: port (1234), Workers beside this thread (0).

import { run } from "../mod.ts";
import {
  type ReadinessHandlers,
  ReadinessServer,
  type SharedListener,
} from "../poll/mod.ts";

export const echo: ReadinessHandlers = {
  data: (connection, bytes) => void connection.send(bytes),
};

// The module of a Worker is a main module, too.
const inWorker = "WorkerGlobalScope" in globalThis;

if (import.meta.main && !inWorker) {
  const [port = 1234, count = 0] = Deno.args.map(Number);
  const server = new ReadinessServer({ hostname: "127.0.0.1", port }, echo);
  for (let i = 1; i <= count; i++) {
    new Worker(import.meta.url, { type: "module", name: `Worker ${i}` })
      .postMessage(server.share());
  }
  console.log(`Listening on 127.0.0.1:${(server.addr as Deno.NetAddr).port}`);
  await run(server);
} else if (import.meta.main) {
  // In a Worker the loop may block its thread, which is faster.
  addEventListener("message", (event) => {
    const shared: SharedListener = (event as MessageEvent).data;
    let used = false;
    new ReadinessServer(shared, {
      ...echo,
      opened() {
        if (!used) console.log(`${self.name} has its first connection`);
        used = true;
      },
    }).serveForeverSync();
    close();
  });
}
