import { strictEqual } from "node:assert";
import { ReadSize } from "../../handlers/_read_size.ts";

const KIB = 1024;

function newSize(): ReadSize {
  return new ReadSize(4 * KIB, 64 * KIB);
}

/** Reads a message, and returns by how many reads. */
function readMessage(size: ReadSize, length: number): number {
  let reads = 0;
  for (let left = length; left > 0; reads++) {
    const room = size.bytes;
    const n = Math.min(left, room);
    size.note(n, room);
    left -= n;
  }
  return reads;
}

Deno.test("reads start small, and grow as long as they are filled", () => {
  const size = newSize();
  const sizes = [];
  for (let i = 0; i < 6; i++) {
    sizes.push(size.bytes);
    size.note(size.bytes, size.bytes);
  }
  strictEqual(sizes.join(), "512,2048,8192,32768,65536,65536");
});

Deno.test("a read that may wait for long is not large", () => {
  const size = newSize();
  readMessage(size, 200 * KIB);
  size.note(1, size.bytes);
  strictEqual(size.bytes, 4 * KIB);
});

Deno.test("two small reads in a row let the next be small again", () => {
  const size = newSize();
  readMessage(size, 3 * KIB);
  strictEqual(size.bytes > 512, true);
  size.note(1, size.bytes);
  size.note(1, size.bytes);
  strictEqual(size.bytes, 512);
});

Deno.test("a message as long as the one before is read at once, up to what may wait", () => {
  for (let length = 1; length < 4 * KIB; length++) {
    const size = newSize();
    // The buffer is filled by it, grows, and gets the rest of it.
    for (let i = 0; i < 3; i++) readMessage(size, length);
    for (let i = 0; i < 3; i++) {
      strictEqual(readMessage(size, length), 1, `${length} bytes`);
    }
  }
});
