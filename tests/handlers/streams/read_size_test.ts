import { ok, strictEqual, throws } from "node:assert";
import { ReadSize } from "../../../handlers/streams/_read_size.ts";
import { Child } from "../../_program.ts";

const KIB = 1024;
const MODEST = 4 * KIB;
const LARGEST = 64 * KIB;
/** What the module lets reads take that wait, and those that hardly do. */
const MOST_WAITING = 4 * KIB * KIB;
const MOST_BUSY = 64 * KIB * KIB;

/** Reads a message, and returns by how many reads. */
function readMessage(size: ReadSize, length: number): number {
  let reads = 0;
  for (let left = length; left > 0; reads++) {
    const room = size.begin();
    const n = Math.min(left, room);
    size.end(n, room);
    left -= n;
  }
  return reads;
}

/** How large the next read would be, which gets nothing. */
function next(size: ReadSize): number {
  const room = size.begin();
  size.fail();
  return room;
}

/** How many more reads can be large at once: those are ended again. */
function room(prepare: (size: ReadSize) => void): number {
  const begun: ReadSize[] = [];
  while (begun.length < 5000) {
    const size = new ReadSize(MODEST, LARGEST);
    prepare(size);
    begun.push(size);
    if (size.begin() === MODEST) break;
  }
  for (const size of begun) size.fail();
  return begun.length - 1;
}

/** Its next read is of the largest, and may have to wait. */
const waiting = (size: ReadSize) => void readMessage(size, 150 * KIB);
/** Its next read is of the largest, and hardly waits. */
const busy = (size: ReadSize) => {
  waiting(size);
  const room = size.begin();
  size.end(room, room);
};

Deno.test("reads start small, and grow as long as they are filled", () => {
  const size = new ReadSize(MODEST, LARGEST);
  const sizes = [];
  for (let i = 0; i < 6; i++) {
    const room = size.begin();
    sizes.push(room);
    size.end(room, room);
  }
  strictEqual(sizes.join(), "512,2048,8192,32768,65536,65536");
});

Deno.test("a read gets no more than is asked for, but for the smallest buffer", () => {
  const size = new ReadSize(MODEST, LARGEST);
  waiting(size);
  strictEqual(size.begin(10_000), 10_000);
  size.fail();
  strictEqual(size.begin(1), 512);
  size.fail();
});

Deno.test("two small reads in a row let the next be small again", () => {
  const size = new ReadSize(MODEST, LARGEST);
  waiting(size);
  strictEqual(next(size), LARGEST);
  size.end(1, size.begin());
  strictEqual(next(size), LARGEST);
  size.end(1, size.begin());
  strictEqual(next(size), 512);
});

Deno.test("much is expected after a large read that was filled, and only then", () => {
  const size = new ReadSize(MODEST, LARGEST);
  strictEqual(size.expectsMuch, false);
  size.end(512, size.begin());
  strictEqual(size.expectsMuch, false);
  busy(size);
  strictEqual(size.expectsMuch, true);
  size.end(LARGEST - 1, size.begin());
  strictEqual(size.expectsMuch, false);
});

Deno.test("a message as long as the one before is read at once", () => {
  for (let length = 1; length < LARGEST; length += length < 5000 ? 1 : 97) {
    const size = new ReadSize(MODEST, LARGEST);
    // The buffer is filled by it, grows, and gets the rest of it.
    for (let i = 0; i < 4; i++) readMessage(size, length);
    for (let i = 0; i < 3; i++) {
      strictEqual(readMessage(size, length), 1, `${length} bytes`);
    }
  }
});

Deno.test("few large reads wait at a time, and more do that hardly wait", () => {
  const most = MOST_WAITING / LARGEST;
  strictEqual(room(waiting), most);
  strictEqual(room(busy), MOST_BUSY / LARGEST);
  // Nothing is left of those.
  strictEqual(room(waiting), most);
});

Deno.test("reads that have got something, nothing or an error make place for others", () => {
  const sizes = Array.from({ length: 30 }, () => {
    const size = new ReadSize(MODEST, LARGEST);
    waiting(size);
    strictEqual(size.begin(), LARGEST);
    return size;
  });
  const most = MOST_WAITING / LARGEST;
  strictEqual(room(waiting), most - 30);
  for (const [i, size] of sizes.entries()) {
    if (i % 2 === 0) size.end(20_000, LARGEST);
    else size.fail();
    ok(room(waiting) === most - 29 + i);
  }
});

Deno.test("readers that are dropped while their source never answers make place for others", async () => {
  // A process of its own, with its memory collected when it says so.
  await using program = new Child(Deno.execPath(), [
    "eval",
    "--v8-flags=--expose-gc",
    `import { StreamReader } from ${
      JSON.stringify(import.meta.resolve("../../../mod.ts"))
    };
    async function largest() {
      let most = 0;
      const rfile = new StreamReader({
        read(buffer) {
          most = Math.max(most, buffer.length);
          return Promise.resolve(buffer.length);
        },
      });
      for (let i = 0; i < 10; i++) await rfile.read(${LARGEST});
      return most;
    }
    async function drop() {
      let reads = 0;
      const rfile = new StreamReader({
        read: (buffer) =>
          ++reads < 6
            ? Promise.resolve(buffer.length)
            : new Promise(() => {}),
      });
      while (reads < 5) await rfile.read(${LARGEST});
      void rfile.read(${LARGEST});
    }
    for (let i = 0; i < ${MOST_BUSY / LARGEST + 1}; i++) await drop();
    console.log("then", await largest());
    gc();
    await new Promise((resolve) => setTimeout(resolve));
    console.log("now", await largest());`,
  ]);
  await program.until(`then ${MODEST}`);
  await program.until(`now ${LARGEST}`);
});

Deno.test("what a read cannot have got is refused", () => {
  const size = new ReadSize(MODEST, LARGEST);
  for (const n of [0, -1, 513, NaN]) {
    throws(
      () => size.end(n, size.begin()),
      new TypeError(
        `Cannot read into 512 bytes: read() gave ${n}; it must give 1 to 512, or null at the end`,
      ),
    );
  }
  size.end(512, size.begin());
});
