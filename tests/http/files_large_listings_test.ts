import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import type { DirectoryEntries } from "../../handlers/http/_files/directory_entries.ts";
import {
  orderIn,
  sortEntries,
  sortInTurns,
} from "../../handlers/http/_files/directory_order.ts";
import { ListingRoom } from "../../handlers/http/_files/listing_room.ts";
import {
  type DirectoryEntry,
  HTTPServer,
  SimpleHTTPRequestHandler,
} from "../../server/http/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { FilesSite } from "./_files_site.ts";

const entry = (i: number): DirectoryEntry => ({
  name: `file ${i}`,
  isDirectory: i % 97 === 0,
  size: i % 7,
  modified: new Date(i % 11),
});
const entriesOf = (count: number): DirectoryEntries => ({
  // In no order: 7,919 is prime.
  entries: Array.from({ length: count }, (_, i) => entry(i * 7_919 % count)),
  isComplete: true,
});

const files = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, "x"]));
const rowsIn = (page: string) =>
  [...page.matchAll(/<bdi>(f\d+)<\/bdi>/g)].map(([, name]) => name);

Deno.test("a large directory is listed in parts, whole and in order", async () => {
  await using site = await FilesSite.serve(files(1_234));
  const names = Array.from({ length: 1_234 }, (_, i) => `f${i}`);
  const { headers, body, complete } = await site.get("/");
  strictEqual(complete, true);
  strictEqual(headers.get("transfer-encoding"), "chunked");
  deepStrictEqual(rowsIn(body), names);
  match(body, /1,234 files/);
  ok(body.endsWith("</html>\n"));
  const descending = await site.get("/?order=desc");
  deepStrictEqual(rowsIn(descending.body), names.toReversed());
  const head = await site.head("/");
  strictEqual(head.status, 200);
  strictEqual(head.headers.get("content-type"), "text/html;charset=utf-8");
});

Deno.test("many clients are listed a large directory at once, and each is told all", async () => {
  await using site = await FilesSite.serve(files(1_100));
  const replies = await Promise.all(
    Array.from(
      { length: 30 },
      (_, i) => site.get(`/?sort=${["name", "size"][i % 2]}`),
    ),
  );
  for (const { status, body } of replies) {
    strictEqual(status, 200);
    strictEqual(rowsIn(body).length, 1_100);
  }
});

Deno.test("no more than maxListedEntries are listed, and the page says so", async () => {
  await using site = await FilesSite.serve(files(30), { maxListedEntries: 20 });
  const { body } = await site.get("/");
  strictEqual(rowsIn(body).length, 20);
  match(body, /there is more, which is not listed/);
  await using small = await FilesSite.serve(files(20), {
    maxListedEntries: 20,
  });
  const all = await small.get("/");
  strictEqual(rowsIn(all.body).length, 20);
  ok(!all.body.includes("there is more"));
});

Deno.test("maxListedEntries must be a number that lists something", () => {
  for (const most of [0, -1, NaN, "9" as unknown as number]) {
    class Site extends SimpleHTTPRequestHandler<Deno.NetAddr> {
      static override readonly maxListedEntries = most;
    }
    throws(() => new HTTPServer(LOOPBACK, Site), {
      name: "RangeError",
      message: /^Cannot list directories: maxListedEntries must be a number/,
    });
  }
});

Deno.test("sortInTurns() sorts as sortEntries() does", async () => {
  for (const count of [0, 1, 999, 1_000, 1_001, 5_432]) {
    const { entries } = entriesOf(count);
    for (
      const query of ["", "?order=desc", "?sort=size", "?sort=date&order=desc"]
    ) {
      const order = orderIn(query);
      deepStrictEqual(
        await sortInTurns(entries, order),
        sortEntries(entries, order),
      );
    }
  }
});

/** Readings of directories that end when the test says so. */
class Readings {
  readonly started: string[] = [];
  readonly #ends = new Map<string, (entries: DirectoryEntries) => void>();

  read(key: string): () => Promise<DirectoryEntries> {
    return () => {
      this.started.push(key);
      return new Promise((resolve) => this.#ends.set(key, resolve));
    };
  }

  end(key: string, count = 1): void {
    this.#ends.get(key)!(entriesOf(count));
  }
}

/** Lets what was started come to where it waits. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a few directories are read at once, and who asks meanwhile shares the next reading", async () => {
  const room = new ListingRoom();
  const readings = new Readings();
  const first = ["a", "b", "c", "d"].map((key) =>
    room.read(key, readings.read(key))
  );
  await settled();
  deepStrictEqual(readings.started, ["a", "b", "c", "d"]);
  // That of "a" has begun: it may have missed what is there now.
  const again = room.read("a", readings.read("a again"));
  const joined = room.read("a", readings.read("never"));
  const other = room.read("e", readings.read("e"));
  await settled();
  strictEqual(readings.started.length, 4);
  readings.end("b");
  await settled();
  deepStrictEqual(readings.started.slice(4), ["a again"]);
  readings.end("a again", 3);
  const [one, two] = await Promise.all([again, joined]);
  strictEqual(one.entries, two.entries);
  const order = orderIn("");
  strictEqual(await one.sorted(order), await two.sorted(order));
  for (const key of ["a", "c", "d", "e"]) readings.end(key);
  for (const held of await Promise.all([...first, other])) {
    held[Symbol.dispose]();
  }
});

Deno.test("large listings that clients do not take keep no small ones out", async () => {
  const room = new ListingRoom();
  const large = () => Promise.resolve(entriesOf(50_000));
  const held = [await room.read("a", large), await room.read("b", large)];
  await rejects(room.read("c", large), { status: 503 });
  const small = await room.read("d", () => Promise.resolve(entriesOf(999)));
  small[Symbol.dispose]();
  held[0]![Symbol.dispose]();
  using _another = await room.read("c", large);
  held[1]![Symbol.dispose]();
});

Deno.test("what several requests share is given back when the last is answered", async () => {
  const room = new ListingRoom();
  const all = () => Promise.resolve(entriesOf(100_000));
  const [one, two] = await Promise.all([
    room.read("a", all),
    room.read("a", all),
  ]);
  strictEqual(one.entries, two.entries);
  one[Symbol.dispose]();
  await rejects(room.read("b", all), { status: 503 });
  two[Symbol.dispose]();
  using _another = await room.read("b", all);
});

Deno.test("a directory that cannot be read is told to all who asked, and read again", async () => {
  const room = new ListingRoom();
  const fail = () => Promise.reject(new Error("broken"));
  const asked = await Promise.allSettled([
    room.read("a", fail),
    room.read("a", fail),
  ]);
  deepStrictEqual(asked.map(({ status }) => status), ["rejected", "rejected"]);
  using held = await room.read("a", () => Promise.resolve(entriesOf(1)));
  strictEqual(held.entries.length, 1);
});
