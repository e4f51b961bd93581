import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert";
import { NumberedItems } from "../../../server/_bridge/numbered_items.ts";
import { Random } from "./_random.ts";

interface Item {
  readonly id: number;
}

function add(table: NumberedItems<Item>): Item {
  const item = { id: table.nextId() };
  table.add(item);
  return item;
}

Deno.test("NumberedItems finds what was added and not deleted, among thousands", () => {
  const random = new Random(1);
  const table = new NumberedItems<Item>();
  const living = new Map<number, Item>();
  const dead: number[] = [];
  for (let round = 0; round < 50_000; round++) {
    // Few at first, then thousands, some of which stay for long.
    const most = round < 10_000 ? 20 : 3_000;
    if (living.size < most && !random.oneIn(3)) {
      const item = add(table);
      strictEqual(living.has(item.id), false);
      living.set(item.id, item);
    } else {
      const ids = living.keys();
      let id = ids.next().value!;
      if (random.oneIn(2)) id = ids.next().value ?? id;
      table.delete(id);
      living.delete(id);
      dead.push(id);
    }
  }
  for (const [id, item] of living) strictEqual(table.get(id), item);
  for (const id of dead) strictEqual(table.get(id), undefined);
  deepStrictEqual(
    new Set(table.takeAll()),
    new Set(living.values()),
  );
  for (const id of living.keys()) strictEqual(table.get(id), undefined);
});

Deno.test("NumberedItems gives no number again soon, and never 0", () => {
  const table = new NumberedItems<Item>();
  const first = add(table);
  table.delete(first.id);
  const second = add(table);
  notStrictEqual(first.id, 0);
  notStrictEqual(second.id, first.id);
  strictEqual(table.get(first.id), undefined);
  table.delete(first.id);
  strictEqual(table.get(second.id), second);
});
