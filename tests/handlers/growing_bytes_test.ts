import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { appendBytes } from "../../handlers/_append_bytes.ts";
import { GrowingBytes } from "../../handlers/_growing_bytes.ts";

/** Bytes of which each tells where it is. */
function counted(from: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (from + i) % 251);
}

/** Adds parts of these sizes, one behind the other. */
function collect(sizes: Iterable<number>): GrowingBytes<ArrayBuffer> {
  const collected = new GrowingBytes<ArrayBuffer>();
  for (const size of sizes) collected.add(counted(collected.length, size));
  return collected;
}

for (
  const [name, sizes] of [
    ["nothing", []],
    ["nothing but empty parts", [0, 0]],
    ["single bytes", Array(1000).fill(1)],
    ["single bytes beyond the largest block", Array(150_000).fill(1)],
    ["a large part between small ones", [1, 1, 1, 70_000, 1, 1]],
    ["large and small parts in turn", Array(100).fill([5000, 1]).flat()],
    ["empty parts between", [0, 3, 0, 4, 0]],
    ["parts about the limit", [1, 4095, 4096, 4097, 255, 256, 257, 65_536]],
    ["growing parts", Array.from({ length: 300 }, (_, i) => i * 7)],
    ["falling parts", Array.from({ length: 300 }, (_, i) => (299 - i) * 37)],
  ] as [string, number[]][]
) {
  Deno.test(`parts are joined to exactly their bytes: ${name}`, () => {
    const collected = collect(sizes);
    const size = sizes.reduce((sum, size) => sum + size, 0);
    strictEqual(collected.length, size);
    const bytes = collected.bytes();
    deepStrictEqual(bytes, counted(0, size));
    // Whoever takes its buffer finds nothing else there.
    strictEqual(bytes.buffer.byteLength, size);
    deepStrictEqual(collected.bytes(), bytes);
  });
}

Deno.test("bytes may be asked for between parts", () => {
  const collected = collect([1, 2]);
  deepStrictEqual(collected.bytes(), counted(0, 3));
  collected.add(counted(3, 4));
  deepStrictEqual(collected.bytes(), counted(0, 7));
});

Deno.test("the only part is not copied, and no part is written to", () => {
  const first = counted(0, 3);
  const collected = new GrowingBytes<ArrayBuffer>();
  collected.add(new Uint8Array());
  collected.add(first);
  strictEqual(collected.bytes(), first);
  const room = new Uint8Array(10);
  collected.add(room.subarray(0, 2));
  collected.add(counted(0, 5000));
  collected.add(counted(0, 1));
  deepStrictEqual(first, counted(0, 3));
  deepStrictEqual(room, new Uint8Array(10));
});

for (
  const [name, part, count] of [
    ["single bytes", () => new Uint8Array(1), 300_000],
    // A view keeps the whole memory that it is of.
    [
      "small views of much memory",
      () => new Uint8Array(65_536).subarray(0, 5000),
      1000,
    ],
  ] as [string, () => Uint8Array, number][]
) {
  Deno.test(`${name} cost about what they are`, () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const used = () => {
      gc();
      const { heapUsed, external } = Deno.memoryUsage();
      return heapUsed + external;
    };
    const collected = new GrowingBytes();
    const before = used();
    for (let i = 0; i < count; i++) collected.add(part());
    const cost = used() - before;
    ok(
      cost < 2 * collected.length + 1_000_000,
      `${collected.length} bytes cost ${cost}`,
    );
  });
}

Deno.test("bytes are added in place where there is room, and in twice as much where not", () => {
  const first = counted(0, 2);
  const copied = appendBytes(first, counted(2, 1), 8);
  deepStrictEqual(copied, counted(0, 3));
  strictEqual(copied.buffer.byteLength, 6);
  const added = appendBytes(copied, counted(3, 3), 8);
  strictEqual(added.buffer, copied.buffer);
  const last = appendBytes(added, counted(6, 2), 8);
  deepStrictEqual(last, counted(0, 8));
  strictEqual(last.buffer.byteLength, 8);
  deepStrictEqual(first, counted(0, 2));
  // What lies before is another's.
  const behind = appendBytes(last.subarray(6, 7), counted(7, 1), 8);
  deepStrictEqual(behind, counted(6, 2));
  deepStrictEqual(last, counted(0, 8));
});
