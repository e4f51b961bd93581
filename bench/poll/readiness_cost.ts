// What one call of poll, select and epoll costs with so many descriptors of
// which one is ready. Prints microseconds.
//
//   deno run --allow-ffi readiness_cost.ts poll|select|epoll DESCRIPTORS CALLS

import {
  epoll,
  EPOLLIN,
  poll,
  POLLIN,
  selectSync,
  socketpair,
} from "../../poll/mod.ts";

const [kind, descriptors, calls] = [
  Deno.args[0],
  +Deno.args[1]!,
  +Deno.args[2]!,
];
const pairs = Array.from({ length: descriptors }, () => socketpair());
const ours = pairs.map(([one]) => one);
const polling = poll();
const set = epoll();
for (const one of ours) {
  polling.register(one, POLLIN);
  set.register(one, EPOLLIN);
}
pairs.at(-1)![1].sendSync(new Uint8Array(1));

const call = kind === "poll"
  ? () => polling.pollSync(0).length
  : kind === "select"
  ? () => selectSync(ours, [], [], 0)[0].length
  : () => set.pollSync(0).length;
/** How long `count` calls take, in milliseconds. */
function measure(count: number): number {
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    if (call() !== 1) throw new Error(`${kind} found something else`);
  }
  return performance.now() - started;
}
// Until it is compiled.
measure(calls);
console.log((measure(calls) / calls * 1000).toFixed(3));
