import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert";
import { ChannelTable } from "../../../server/_remote/channel_table.ts";
import { Random } from "./_random.ts";

interface Channel {
  readonly id: number;
}

function add(table: ChannelTable<Channel>): Channel {
  const channel = { id: table.nextId() };
  table.add(channel);
  return channel;
}

Deno.test("ChannelTable finds what was added and not deleted, among thousands", () => {
  const random = new Random(1);
  const table = new ChannelTable<Channel>();
  const living = new Map<number, Channel>();
  const dead: number[] = [];
  for (let round = 0; round < 50_000; round++) {
    // Few at first, then thousands, some of which stay for long.
    const most = round < 10_000 ? 20 : 3_000;
    if (living.size < most && !random.oneIn(3)) {
      const channel = add(table);
      strictEqual(living.has(channel.id), false);
      living.set(channel.id, channel);
    } else {
      const ids = living.keys();
      let id = ids.next().value!;
      if (random.oneIn(2)) id = ids.next().value ?? id;
      table.delete(id);
      living.delete(id);
      dead.push(id);
    }
  }
  for (const [id, channel] of living) strictEqual(table.get(id), channel);
  for (const id of dead) strictEqual(table.get(id), undefined);
  deepStrictEqual(
    new Set(table.takeAll()),
    new Set(living.values()),
  );
  for (const id of living.keys()) strictEqual(table.get(id), undefined);
});

Deno.test("ChannelTable gives no number again soon, and never 0", () => {
  const table = new ChannelTable<Channel>();
  const first = add(table);
  table.delete(first.id);
  const second = add(table);
  notStrictEqual(first.id, 0);
  notStrictEqual(second.id, first.id);
  strictEqual(table.get(first.id), undefined);
  table.delete(first.id);
  strictEqual(table.get(second.id), second);
});
