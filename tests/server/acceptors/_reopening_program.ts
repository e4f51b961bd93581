// A server that is opened on its port again as soon as it has ended, fifty times. In
// a process of its own: what another file of tests starts has its descriptors for a
// moment, between fork(2) and execve(2), and the port would be taken meanwhile.

import { notStrictEqual, strictEqual } from "node:assert";
import { TCPServer, ThreadingTCPServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask, ownLoopback } from "../../_loopback.ts";
import { Commanded } from "./_accepted_handlers.ts";

let port = 0;
// Where nobody else can be given the port meanwhile.
const hostname = ownLoopback();
for (let i = 0; i < 50; i++) {
  await using served = await serveForTest(
    new ThreadingTCPServer({ hostname, port }, Commanded, {
      ...{ accept: "threads", workers: 1 },
    }),
  );
  const { server } = served;
  if (port !== 0) strictEqual(server.addr.port, port);
  port = server.addr.port;
  if (i % 5 === 0) strictEqual(await ask(server.addr, "lines\na\n"), "<a>\n");
  if (i % 2 === 0) await server.shutdown();
  else {
    server.close();
    await server.finished;
  }
}
await using last = await serveForTest(
  new TCPServer({ hostname, port }, Commanded),
);
notStrictEqual(await ask(last.addr, "thread\n"), "");
console.log("reopened");
