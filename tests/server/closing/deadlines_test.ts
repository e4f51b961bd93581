import { deepStrictEqual, strictEqual } from "node:assert";
import {
  Deadlines,
  type Expiring,
} from "../../../server/_closing/deadlines.ts";
import { patiently } from "../../_patience.ts";

interface Item extends Expiring<Item> {
  readonly name: string;
  due: number;
}

const inMs = (ms: number) => performance.now() + ms;

Deno.test("Deadlines expire in the order they were added, but for those that moved", async () => {
  const expired: string[] = [];
  const all = Promise.withResolvers<void>();
  const deadlines = new Deadlines<Item>(({ due }) => due, ({ name }) => {
    expired.push(name);
    if (deadlines.size === 0) all.resolve();
  });
  const [first, moved, deleted, last] = ["first", "moved", "deleted", "last"]
    .map((name): Item => ({ name, due: inMs(20) }));
  for (const item of [first!, moved!, deleted!, last!]) deadlines.add(item);
  strictEqual(deadlines.first, first);
  moved!.due = inMs(40);
  deadlines.delete(deleted!);
  deadlines.delete(deleted!);
  strictEqual(deadlines.size, 3);
  await patiently(all.promise, () => `the end of ${deadlines.size}`);
  deepStrictEqual(expired, ["first", "last", "moved"]);
});

Deno.test("Deadlines forget items wherever they are, and take them again", async () => {
  const expired: string[] = [];
  const done = Promise.withResolvers<void>();
  const deadlines = new Deadlines<Item>(({ due }) => due, ({ name }) => {
    expired.push(name);
    done.resolve();
  });
  const items = ["a", "b", "c", "d"]
    .map((name): Item => ({ name, due: inMs(10) }));
  const [a, b, c, d] = items as [Item, Item, Item, Item];
  for (const item of items) deadlines.add(item);
  deadlines.delete(b);
  deadlines.delete(a);
  strictEqual(deadlines.first, c);
  deadlines.delete(d);
  deadlines.add(a);
  deadlines.delete(c);
  strictEqual(deadlines.first, a);
  strictEqual(deadlines.size, 1);
  await patiently(done.promise, () => "the last");
  deepStrictEqual(expired, ["a"]);
  strictEqual(deadlines.first, undefined);
});

Deno.test("an item whose deadline has come may be added again at once", async () => {
  let times = 0;
  const done = Promise.withResolvers<void>();
  const deadlines = new Deadlines<Item>(({ due }) => due, (item) => {
    if (++times === 3) return done.resolve();
    item.due = inMs(1);
    deadlines.add(item);
  });
  deadlines.add({ name: "again", due: inMs(1) });
  await patiently(done.promise, () => "the third time");
  strictEqual(deadlines.size, 0);
});
