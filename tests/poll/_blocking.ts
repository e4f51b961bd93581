// Blocks in every kind of wait, for libc_test.ts.

import { ok, throws } from "node:assert";
import {
  DefaultSelector,
  epoll,
  poll,
  selectSync,
  socketpair,
} from "../../poll/mod.ts";

const WAIT = 60;

Deno.addSignalListener("SIGUSR1", () => {});
const [ours, theirs] = socketpair();
ours.setTimeout(WAIT);
console.log("waiting");
for (
  const wait of [
    () => selectSync([ours], [], [], WAIT),
    () => poll().pollSync(WAIT),
    () => epoll().pollSync(WAIT),
    () => new DefaultSelector().selectSync(WAIT),
    ...[
      () => ours.recvSync(1),
      () => ours.recvIntoSync(new Uint8Array(1)),
      () => ours.recvFromSync(1),
      () => ours.recvmsgSync(1),
    ].map((receive) => () => throws(receive, Deno.errors.TimedOut)),
  ]
) {
  const started = performance.now();
  wait();
  ok(performance.now() - started >= WAIT, String(wait));
}
theirs.close();
console.log("waited");
// It must still be there for the last signal.
await Deno.stdin.read(new Uint8Array(1));
Deno.exit();
