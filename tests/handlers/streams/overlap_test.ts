import { WATCH } from "../../../handlers/streams/_owned.ts";
import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { StreamReader } from "../../../mod.ts";
import { Arriving } from "./_arriving.ts";

const decode = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** Every way to read, and what it gives where "ab\ncd\n" arrives. */
const READS: readonly (readonly [
  name: string,
  read: (rfile: StreamReader) => Promise<unknown>,
  result: string,
])[] = [
  ["read(n)", async (r) => decode(await r.read(3)), "ab\n"],
  ["readAll", async (r) => decode(await r.readAll()), "ab\ncd\n"],
  ["readExactly", async (r) => decode(await r.readExactly(6)), "ab\ncd\n"],
  ["readUntil", async (r) => decode(await r.readUntil("\n")), "ab\n"],
  ["readLine", (r) => r.readLine(), "ab"],
  ["peek", async (r) => decode(await r.peek(4)), "ab\nc"],
  ["readInto", async (r) => {
    const buffer = new Uint8Array(3);
    return decode(buffer.subarray(0, (await r.readInto(buffer))!));
  }, "ab\n"],
];

for (const [name, read, result] of READS) {
  Deno.test(`StreamReader.${name} that waits keeps every other read away`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    const first = read(rfile);
    for (const [, other] of READS) {
      await rejects(other(rfile), Deno.errors.Busy);
    }
    source.arrive("ab\ncd\n");
    source.end();
    strictEqual(await first, result);
    strictEqual(source.most, 1);
  });

  Deno.test(`StreamReader.${name} gives the same where the bytes are read ahead`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    source.arrive("ab\ncd\n");
    source.end();
    await rfile.peek(6);
    strictEqual(await read(rfile), result);
  });

  Deno.test(`StreamReader.${name} goes on when watch() starts while it waits`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    const first = read(rfile);
    rfile[WATCH]();
    source.arrive("ab\n");
    source.arrive("cd\n");
    source.end();
    strictEqual(await first, result);
    strictEqual(source.most, 1);
  });

  Deno.test(`StreamReader.${name} takes its turn with watch() before it`, async () => {
    const source = new Arriving();
    const rfile = new StreamReader(source);
    rfile[WATCH]();
    const first = read(rfile);
    source.arrive("ab\n");
    source.arrive("cd\n");
    source.end();
    strictEqual(await first, result);
    strictEqual(source.most, 1);
  });
}

Deno.test("StreamReader.readExactly() twice at once gives each bytes of its own", async () => {
  const source = new Arriving();
  const rfile = new StreamReader(source);
  source.arrive("abcdefgh");
  source.end();
  await rfile.peek(8);
  const both = await Promise.all([rfile.readExactly(4), rfile.readExactly(4)]);
  deepStrictEqual(both.map(decode), ["abcd", "efgh"]);
});

Deno.test("StreamReader lets no read in between the last bytes and their reader", async () => {
  const source = new Arriving();
  const rfile = new StreamReader(source);
  const first = rfile.readExactly(6);
  const second = (async () => {
    while (true) {
      try {
        return await rfile.read(6);
      } catch (error) {
        if (!(error instanceof Deno.errors.Busy)) throw error;
      }
    }
  })();
  queueMicrotask(() => {
    source.arrive("abcdef");
    source.arrive("ghi");
  });
  strictEqual(decode(await first), "abcdef");
  strictEqual(decode(await second), "ghi");
});

Deno.test("StreamReader.readInto() fills the caller's buffer, buffered bytes first", async () => {
  const source = new Arriving();
  const rfile = new StreamReader(source);
  source.arrive("line\nrest");
  source.arrive("more");
  source.end();
  strictEqual(await rfile.readLine(), "line");
  const buffer = new Uint8Array(10);
  strictEqual(await rfile.readInto(buffer.subarray(0, 3)), 3);
  strictEqual(await rfile.readInto(buffer.subarray(3)), 1);
  strictEqual(await rfile.readInto(buffer.subarray(4)), 4);
  strictEqual(decode(buffer.subarray(0, 8)), "restmore");
  strictEqual(await rfile.readInto(buffer), null);
  strictEqual(rfile.atEof, true);
});

Deno.test("StreamReader.readInto() reads nothing into an empty buffer", async () => {
  const source = new Arriving();
  const rfile = new StreamReader(source);
  strictEqual(await rfile.readInto(new Uint8Array(0)), 0);
  strictEqual(source.most, 0);
});

Deno.test("StreamReader.readInto() fails with the source's error, as every later read does", async () => {
  const told: unknown[] = [];
  const broken = new Deno.errors.ConnectionReset("gone");
  const rfile = new StreamReader({ read: () => Promise.reject(broken) }, {
    onError: (error) => told.push(error),
  });
  const buffer = new Uint8Array(4);
  await rejects(rfile.readInto(buffer), Deno.errors.ConnectionReset);
  await rejects(rfile.readInto(buffer), Deno.errors.ConnectionReset);
  await rejects(rfile.read(4), Deno.errors.ConnectionReset);
  deepStrictEqual(told, [broken]);
});

/** Has a reader carry a burst, and wait: in how large a buffer. */
async function waitAfterBurst(ended: Promise<null>): Promise<number> {
  const offered: number[] = [];
  let left = 1_000_000;
  const rfile = new StreamReader({
    read(buffer) {
      offered.push(buffer.length);
      // The burst's last read leaves some of its buffer empty.
      const n = Math.min(left, buffer.length, 65_000);
      left -= n;
      return n === 0 ? ended : Promise.resolve(n);
    },
  });
  void (async () => {
    while (await rfile.read(65_536) !== null);
  })();
  while (left > 0) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  return offered.at(-1)!;
}

Deno.test("StreamReaders that have carried a burst wait in little memory together", async () => {
  const { promise, resolve } = Promise.withResolvers<null>();
  const waiting = [];
  for (let i = 0; i < 200; i++) waiting.push(await waitAfterBurst(promise));
  resolve(null);
  strictEqual(waiting[0], 65_536);
  strictEqual(waiting.at(-1)! <= 4_096, true);
  const all = waiting.reduce((sum, size) => sum + size, 0);
  strictEqual(all <= 4 * 1024 * 1024 + 200 * 4096, true, `${all} bytes`);
  // The end of those makes place for others.
  await promise;
  await new Promise((resolve) => setTimeout(resolve));
  strictEqual(await waitAfterBurst(promise), 65_536);
});
