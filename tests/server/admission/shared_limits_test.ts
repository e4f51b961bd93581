// Limits that several threads share.

import { ok, strictEqual } from "node:assert";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Admission } from "../../../server/_admission/admission.ts";
import { allocateCounts, Counts } from "../../../server/_admission/counts.ts";
import { patiently } from "../../_patience.ts";
import type { Admitting } from "./_admitting_thread.ts";
import { ADDRESS, type Counting } from "./_counting_thread.ts";

const THREAD = new URL("./_counting_thread.ts", import.meta.url);

Deno.test("threads that count at the same time pass no limit", async () => {
  for (const limit of [1, 2]) {
    const threads = 3;
    const memory = allocateCounts(8, threads, limit);
    const inside = new SharedArrayBuffer(8);
    const workers = Array.from(
      { length: threads },
      () => new Worker(THREAD),
    );
    try {
      const entered = await Promise.all(workers.map((worker, thread) => {
        worker.postMessage(
          {
            ...{ memory, addresses: 8, limit, threads, thread, inside },
            rounds: 20_000,
          } satisfies Counting,
        );
        return patiently(
          once(worker, "message").then(([count]) => count as number),
          () => "a thread that counts",
        );
      }));
      const [left, most] = new Int32Array(inside);
      strictEqual(left, 0);
      ok(most! <= limit, `${most} were in, ${limit} may be`);
      ok(entered.some((count) => count > 0), `${entered}`);
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    // Nothing is left of them.
    ok(new Uint8Array(memory).every((byte) => byte === 0));
  }
});

Deno.test("what a thread that is gone has counted is forgotten, and nothing else", () => {
  const memory = allocateCounts(8, 3, 4);
  const [first, second, third] = [0, 1, 2].map((thread) =>
    new Counts(memory, 8, 4, 3, thread)
  );
  strictEqual(first!.enter(ADDRESS) && first!.enter(ADDRESS), true);
  strictEqual(second!.enter(ADDRESS), true);
  strictEqual(third!.enter(ADDRESS), true);
  strictEqual(third!.enter(ADDRESS), false);
  second!.clear(0);
  strictEqual(third!.enter(ADDRESS) && third!.enter(ADDRESS), true);
  strictEqual(third!.enter(ADDRESS), false);
  second!.leave(ADDRESS);
  strictEqual(third!.enter(ADDRESS), true);
});

Deno.test("what an address may send is the same in a thread whose clock began later", async () => {
  const options = { rate: { burst: 3, perSecond: 0.001 } };
  const admission = new Admission(options, 2);
  const hostname = "192.0.2.1";
  const client = { transport: "tcp", hostname, port: 1 } as const;
  strictEqual(typeof admission.enter(client), "object");
  const worker = new Worker(
    new URL("./_admitting_thread.ts", import.meta.url),
  );
  try {
    worker.postMessage(
      { options, memory: admission.memory, hostname } satisfies Admitting,
    );
    const [entered] = await patiently(
      once(worker, "message"),
      () => "a thread that lets clients in",
    );
    strictEqual(entered, 2);
  } finally {
    await worker.terminate();
  }
  strictEqual(admission.enter(client), "rate");
});
