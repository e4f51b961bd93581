/** A thread that has requests of one address let in, as many as may be. */
import { parentPort } from "node:worker_threads";
import { Counts } from "../../../server/_admission/counts.ts";

/** What it is told. */
export interface Counting {
  readonly memory: SharedArrayBuffer;
  readonly addresses: number;
  readonly limit: number;
  readonly threads: number;
  readonly thread: number;
  /** How many are in, and the most that ever were. */
  readonly inside: SharedArrayBuffer;
  readonly rounds: number;
}

/** Whose requests they are. */
export const ADDRESS = { first: 12_345, second: -67_890 };

parentPort?.once("message", (told: Counting) => {
  const { memory, addresses, limit, threads, thread, rounds } = told;
  const counts = new Counts(memory, addresses, limit, threads, thread);
  const inside = new Int32Array(told.inside);
  let entered = 0;
  for (let round = 0; round < rounds; round++) {
    if (!counts.enter(ADDRESS)) continue;
    entered++;
    const now = Atomics.add(inside, 0, 1) + 1;
    for (let most; now > (most = Atomics.load(inside, 1));) {
      Atomics.compareExchange(inside, 1, most, now);
    }
    Atomics.sub(inside, 0, 1);
    counts.leave(ADDRESS);
  }
  parentPort!.postMessage(entered);
});
