import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  ACCEPTED,
  COUNTERS,
  ENDED,
  FAILED,
  HANDLED,
  statsOf,
} from "../../../server/_numbers/counters.ts";
import { Numbers } from "../../../server/_numbers/numbers.ts";
import {
  AllCounters,
  allocateCounters,
  countersOf,
  wantedEvents,
} from "../../../server/_numbers/shared_counters.ts";
import { Watch } from "../../../server/_numbers/watch.ts";
import { Workforce } from "../../../server/_numbers/workforce.ts";
import { seenServer } from "../../_seen_server.ts";
import { below, random } from "../../fuzz/_fuzzing.ts";

const server = seenServer({
  ...{ transport: "tcp", hostname: "127.0.0.1", port: 1 },
});
const client = { transport: "tcp", hostname: "127.0.0.1", port: 2 } as const;

Deno.test("each thread has counters of its own, in cache lines of its own", () => {
  const memory = allocateCounters(3);
  const all = new AllCounters(memory, 3);
  const ranges = [0, 1, 2].map((thread) => {
    const counters = countersOf(memory, thread);
    strictEqual(counters.length, COUNTERS);
    strictEqual(counters.byteOffset % 64, 0);
    counters.fill(thread + 1);
    return [counters.byteOffset, counters.byteOffset + counters.byteLength];
  });
  for (let i = 1; i < 3; i++) ok(ranges[i]![0]! >= ranges[i - 1]![1]!);
  ok(wantedEvents(memory).byteLength <= ranges[0]![0]!);
  deepStrictEqual([...all.sum()], Array(COUNTERS).fill(6));
});

Deno.test("what a thread had in progress has failed when it is gone, and what it counted stays", () => {
  const memory = allocateCounters(2);
  const all = new AllCounters(memory, 2);
  const counters = countersOf(memory, 1);
  counters[ACCEPTED] = 10;
  counters[HANDLED] = 7;
  counters[ENDED] = 6;
  counters[FAILED] = 1;
  all.gone(1, 3);
  deepStrictEqual([...countersOf(memory, 1)], Array(COUNTERS).fill(0));
  const { active, lingering, accepted, failed } = statsOf(all.sum());
  deepStrictEqual([active, lingering, accepted, failed], [0, 0, 10, 4]);
  strictEqual(all.pastAccepted(1), 10);
  strictEqual(all.pastAccepted(0), 0);
  countersOf(memory, 1)[ACCEPTED] = 2;
  strictEqual(statsOf(all.sum()).accepted, 12);
  all.gone(1, 2);
  strictEqual(all.pastAccepted(1), 12);
});

Deno.test("whatever threads write over their counters, all numbers are counts", () => {
  const memory = allocateCounters(2);
  const all = new AllCounters(memory, 2);
  const words = new Float64Array(memory);
  const bytes = new Uint8Array(memory);
  const odd = [NaN, Infinity, -1, 0.5, 2 ** 60, -0, 3];
  for (let seed = 1; seed <= 300; seed++) {
    const next = random(seed);
    for (let i = 0; i < 20; i++) {
      words[below(next, words.length)] = odd[below(next, odd.length)]!;
      bytes[below(next, bytes.length)] = below(next, 256);
    }
    const { refused, aborted, ...rest } = statsOf(all.sum());
    for (
      const count of Object.values({ ...rest, ...refused, ...aborted })
    ) ok(Number.isInteger(count) && count >= 0, `${count}, seed ${seed}`);
    if (below(next, 4) === 0) all.gone(below(next, 2), below(next, 3));
  }
});

Deno.test("stats() looks at no request, however many there are", () => {
  const watch = new Watch(server);
  const numbers = new Numbers(watch, () => {
    throw new Error("It looked");
  }, undefined);
  watch.turnedAway(client, "late");
  const { accepted, refused, active, lingering } = numbers.stats();
  deepStrictEqual([accepted, refused.late, active, lingering], [1, 1, 0, 0]);
});

Deno.test("numbers of requests go up by what they are told", () => {
  const watch = new Watch(server, { firstId: 3, idStep: 4 });
  const ids = [1, 2, 3].map(() => {
    const subject = {
      ...{ id: 0, clientAddress: client, since: 0, began: 0, handled: 0 },
      ...{ bytesIn: 0, bytesOut: 0 },
    };
    watch.accepted(subject);
    return subject.id;
  });
  deepStrictEqual(ids, [3, 7, 11]);
});

Deno.test("a workforce counts who comes and who goes", () => {
  const force = new Workforce<{ readonly load: number }>("processes", 5);
  const [one, two, never] = [{ load: 1 }, { load: 2 }, { load: 0 }];
  const stats = () => force.stats(1, ({ load }) => load);
  force.came(one);
  force.came(two);
  force.went(never, true);
  deepStrictEqual(
    stats().running.map(({ id, load }) => [id, load]),
    [[1, 1], [2, 2]],
  );
  force.went(one, true);
  force.went(one, true);
  force.went(two, false);
  const { since: _, ...after } = { since: 0, ...stats() };
  deepStrictEqual(after, {
    ...{ kind: "processes", most: 5, running: [], starting: 1, started: 2 },
    ...{ lost: 1, replaced: 0, retired: 1 },
  });
  force.came(never);
  strictEqual(stats().replaced, 1);
  force.came(one);
  strictEqual(stats().replaced, 1);
});
