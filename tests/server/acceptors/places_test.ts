import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  allocatePlaces,
  AllPlaces,
  OwnPlaces,
} from "../../../server/_acceptors/places.ts";
import { patiently } from "../../_patience.ts";

const client = (hostname: string, port = 1): Deno.NetAddr => ({
  transport: "tcp",
  hostname,
  port,
});

Deno.test("no place has two owners, and there are no more than there are", () => {
  const memory = allocatePlaces(3, 10);
  const threads = [1, 2, 3].map((owner) =>
    new OwnPlaces(memory, owner, owner - 1)
  );
  const taken = [];
  for (let i = 0; i < 12; i++) taken.push(threads[i % 3]!.take());
  deepStrictEqual(taken.slice(10), [-1, -1]);
  deepStrictEqual(
    taken.slice(0, 10).sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, i) => i),
  );
  threads[0]!.free(taken[0]!);
  strictEqual(threads[1]!.take(), taken[0]);
  strictEqual(threads[2]!.take(), -1);
});

Deno.test("what a thread that is gone had is found by its number, and free again", () => {
  const memory = allocatePlaces(2, 4);
  const all = new AllPlaces(memory, memory.size);
  const [lost, other] = [
    new OwnPlaces(memory, 7, 0),
    new OwnPlaces(memory, 8, 1),
  ];
  // One that only waits for a client, and one with a client each.
  lost.take();
  lost.note(lost.take(), client("127.0.0.1", 65_535));
  const kept = other.take();
  other.note(kept, client("10.0.0.255", 2));
  deepStrictEqual(all.leave(7, 0), [client("127.0.0.1", 65_535)]);
  all.takeBack(7, 0);
  deepStrictEqual(all.leave(7, 0), []);
  strictEqual([other.take(), other.take(), other.take()].includes(-1), false);
  strictEqual(other.take(), -1);
});

for (
  const hostname of [
    "0.0.0.0",
    "255.255.255.255",
    "192.168.10.1",
    "::",
    "::1",
    "fe80::1",
    "2001:db8::ff00:42:8329",
    "1:2:3:4:5:6:7:8",
    "::ffff:127.0.0.1",
  ]
) {
  Deno.test(`the address ${hostname} comes back as it was`, () => {
    const memory = allocatePlaces(1, 1);
    const own = new OwnPlaces(memory, 1, 0);
    own.note(own.take(), client(hostname, 4_711));
    deepStrictEqual(new AllPlaces(memory, memory.size).leave(1, 0), [
      client(hostname, 4_711),
    ]);
  });
}

Deno.test("whoever waits for a place is woken by who frees one, and by the main thread", async () => {
  const memory = allocatePlaces(2, 1);
  const [one, two] = [new OwnPlaces(memory, 1, 0), new OwnPlaces(memory, 2, 1)];
  const place = one.take();
  const wait = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    two.awaken(() => false, resolve);
    return patiently(promise, () => "a free place");
  };
  const first = wait();
  one.free(place);
  await first;
  one.take();
  const second = wait();
  new AllPlaces(memory, memory.size).takeBack(1, 0);
  await second;
  ok(two.take() >= 0);
});

Deno.test("the places of a thread that is gone are nobody's until it is known that its connections are closed", () => {
  const memory = allocatePlaces(2, 2);
  const all = new AllPlaces(memory, memory.size);
  const [one, two] = [new OwnPlaces(memory, 1, 0), new OwnPlaces(memory, 2, 1)];
  const places = [one.take(), one.take()];
  strictEqual(two.take(), -1);
  all.leave(1, 0);
  strictEqual(one.gone, true);
  // It may go on for a while: what it does is of no account.
  one.free(places[0]!);
  strictEqual(one.take(), -1);
  strictEqual(two.take(), -1);
  all.takeBack(1, 0);
  deepStrictEqual([two.take(), two.take(), two.take()].map((at) => at >= 0), [
    true,
    true,
    false,
  ]);
});

Deno.test("a limit that is infinite takes no more memory than a process has descriptors", () => {
  const { size } = allocatePlaces(1, Infinity);
  strictEqual(size, 2 ** 20);
});

Deno.test("no more places are taken than may be, as that changes", () => {
  const memory = allocatePlaces(2, 4);
  const all = new AllPlaces(memory, memory.size);
  const threads = [new OwnPlaces(memory, 7, 0), new OwnPlaces(memory, 8, 1)];
  const taken: [OwnPlaces, number][] = [];
  const takeAll = () => {
    let count = 0;
    for (let none = 0, i = 0; none < 2; i++) {
      const thread = threads[i % 2]!;
      const place = thread.take();
      none = place < 0 ? none + 1 : 0;
      if (place < 0) continue;
      taken.push([thread, place]);
      count++;
    }
    return count;
  };
  const free = (count: number) => {
    for (const [thread, place] of taken.splice(0, count)) thread.free(place);
  };
  strictEqual(takeAll(), 4);
  // More than there was memory for at first.
  all.limit = 1_000;
  strictEqual(takeAll(), 996);
  const places = new Set(taken.map(([, place]) => place));
  strictEqual(places.size, 1_000);
  strictEqual(Math.max(...places), 999);
  all.limit = 10;
  strictEqual(threads[0]!.tooMany, true);
  free(990);
  strictEqual(threads[0]!.tooMany, false);
  strictEqual(takeAll(), 0);
  free(3);
  strictEqual(takeAll(), 3);
  // What a thread had that is gone is free, whatever the limit was.
  const of = (thread: OwnPlaces) =>
    taken.filter(([owner]) => owner === thread).length;
  const lost = of(threads[0]!);
  all.takeBack(7, 0);
  const other = of(threads[1]!);
  strictEqual(lost + other, 10);
  const next = new OwnPlaces(memory, 9, 2);
  let count = 0;
  while (next.take() >= 0) count++;
  strictEqual(count, lost);
});

Deno.test("a limit that was written over ends no thread and holds up none", () => {
  const memory = allocatePlaces(1, 4);
  const own = new OwnPlaces(memory, 1, 0);
  // Where the limit is.
  new Int32Array(memory.memory)[4] = 2 ** 31 - 1;
  const taken = Array.from({ length: 6 }, () => own.take());
  deepStrictEqual(taken, [0, 1, 2, 3, -1, -1]);
});

Deno.test("nonsense in the memory gives addresses or none, and never fails", () => {
  const memory = allocatePlaces(2, 100);
  const words = new Int32Array(memory.memory);
  for (let seed = 1; seed <= 200; seed++) {
    for (let i = 0; i < words.length; i++) {
      words[i] = Math.imul(seed + i, 2_654_435_761);
    }
    for (let i = 80; i < words.length; i += 6) words[i] = 5;
    const all = new AllPlaces(memory, memory.size);
    const clients = all.leave(5, 0);
    all.takeBack(5, 0);
    ok(clients.length <= 100);
    for (const { hostname, port } of clients) {
      strictEqual(typeof hostname, "string");
      ok(port >= 0 && port <= 65_535);
    }
  }
});
