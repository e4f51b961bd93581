import {
  CUT_SHORT,
  END,
  LEND_TEXTS,
} from "../../../handlers/streams/_owned.ts";
import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { Buffer } from "node:buffer";
import {
  LimitOverrunError,
  StreamWriter,
  type WriteSink,
} from "../../../mod.ts";

/** A sink that keeps what it is given and takes at most `most` bytes a call. */
function sink(most = Infinity) {
  const calls: string[] = [];
  return {
    calls,
    closed: 0,
    write(data: Uint8Array): Promise<number> {
      const taken = data.subarray(0, most);
      calls.push(new TextDecoder().decode(taken));
      return Promise.resolve(taken.length);
    },
    closeWrite() {
      this.closed++;
      return Promise.resolve();
    },
  };
}

Deno.test("StreamWriter sends the writes of one tick in one call, in order", async () => {
  const to = sink();
  const wfile = new StreamWriter(to);
  wfile.write("a");
  wfile.write(new TextEncoder().encode("b"));
  strictEqual(wfile.bufferedAmount, 2);
  await wfile.write("c");
  await wfile.write("d");
  deepStrictEqual(to.calls, ["abc", "d"]);
  strictEqual(wfile.bufferedAmount, 0);
});

Deno.test("StreamWriter sends texts as TextEncoder encodes them, whatever they say", async () => {
  const texts = [
    "",
    "plain",
    "naïve €uro 𝄞",
    "lone \ud800 surrogate",
    // About as long as what is encoded into memory that is used again.
    ...[169, 170, 171, 511, 512, 513].map((length) => "x".repeat(length)),
    "€".repeat(170),
    "x".repeat(169) + "€",
  ];
  // All in one tick, then each in one of its own.
  for (const together of [true, false]) {
    const parts: Uint8Array[] = [];
    const wfile = new StreamWriter({
      // Lent bytes are kept by nobody.
      write: (data) =>
        Promise.resolve(parts.push(data.slice())).then(() => data.length),
    });
    const expected: Uint8Array[] = [];
    for (const text of texts) {
      const bytes = new TextEncoder().encode(text);
      expected.push(bytes, bytes);
      const written = wfile.write(text);
      if (together) wfile.write(bytes);
      else {
        await written;
        await wfile.write(bytes);
      }
    }
    await wfile.flush();
    deepStrictEqual(Buffer.concat(parts), Buffer.concat(expected));
  }
});

Deno.test("StreamWriter leaves a text alone until the sink has taken all of it", async () => {
  const slow = (calls: string[]) => {
    const steps: (() => void)[] = [];
    return {
      steps,
      async write(data: Uint8Array) {
        await new Promise<void>((resolve) => steps.push(resolve));
        calls.push(new TextDecoder().decode(data));
        return Math.min(2, data.length);
      },
    };
  };
  // Writers take their memory from each other.
  const calls: string[][] = [[], []];
  const sinks = calls.map(slow);
  const writers = sinks.map((sink) => new StreamWriter(sink));
  for (const writer of writers) writer[LEND_TEXTS]();
  const written = [
    writers[0]!.write("first"),
    writers[1]!.write("other"),
  ];
  for (let i = 0; i < 3; i++) {
    for (const { steps } of sinks) {
      while (steps.length === 0) await null;
      steps.shift()!();
    }
    // Collected while the first batch is on its way.
    if (i < 2) written.push(writers[0]!.write(`${i}`));
  }
  while (sinks[0]!.steps.length === 0) await null;
  sinks[0]!.steps.shift()!();
  await Promise.all(written);
  deepStrictEqual(calls, [["first", "rst", "t", "01"], [
    "other",
    "her",
    "r",
  ]]);
});

Deno.test("StreamWriter leaves alone for ever what a sink of one's own may keep", async () => {
  const kept: Uint8Array[] = [];
  const sink = {
    write: (data: Uint8Array) =>
      Promise.resolve((kept.push(data), data.length)),
  };
  for (const text of ["one", "two", "three"]) {
    await new StreamWriter(sink).write(text);
  }
  deepStrictEqual(kept.map((data) => new TextDecoder().decode(data)), [
    "one",
    "two",
    "three",
  ]);
  strictEqual(kept[0]!.buffer.byteLength, 3);
});

Deno.test("StreamWriter joins no text to what a failed batch has left", async () => {
  let fail!: (error: unknown) => void;
  const wfile = new StreamWriter({
    write: () => new Promise((_, reject) => fail = reject),
  });
  wfile[LEND_TEXTS]();
  const first = wfile.write("lost");
  while (fail === undefined) await null;
  const second = wfile.write("lost too");
  fail(new Deno.errors.BrokenPipe("gone"));
  await rejects(first, Deno.errors.BrokenPipe);
  await rejects(second, Deno.errors.BrokenPipe);
  await rejects(wfile.write("late"), Deno.errors.BrokenPipe);
  strictEqual(wfile.bufferedAmount, 0);
});

Deno.test("StreamWriter completes partial writes", async () => {
  const to = sink(2);
  await new StreamWriter(to).write("hello");
  deepStrictEqual(to.calls, ["he", "ll", "o"]);
});

Deno.test("StreamWriter keeps order while the sink is slow", async () => {
  const release: (() => void)[] = [];
  const calls: string[] = [];
  const wfile = new StreamWriter({
    async write(data) {
      calls.push(new TextDecoder().decode(data));
      await new Promise<void>((resolve) => release.push(resolve));
      return data.length;
    },
  });
  wfile.write("1");
  await Promise.resolve();
  await Promise.resolve();
  const second = wfile.write("2");
  wfile.write("3");
  deepStrictEqual(calls, ["1"]);
  release.shift()!();
  while (release.length === 0) await Promise.resolve();
  deepStrictEqual(calls, ["1", "23"]);
  release.shift()!();
  await second;
});

Deno.test("StreamWriter sends a large chunk between small ones without mixing them", async () => {
  const parts: Uint8Array[] = [];
  const wfile = new StreamWriter({
    write(data) {
      parts.push(data.slice());
      return Promise.resolve(data.length);
    },
  });
  const large = new Uint8Array(200_000).fill(1);
  wfile.write(new Uint8Array(10).fill(0));
  wfile.write(new Uint8Array(10).fill(0));
  wfile.write(large);
  await wfile.write(new Uint8Array(10).fill(2));
  deepStrictEqual(parts.map((part) => [part.length, part[0]]), [
    [20, 0],
    [200_000, 1],
    [10, 2],
  ]);
});

Deno.test("StreamWriter's failure is never unhandled, and meets every later write", async () => {
  const told: unknown[] = [];
  const wfile = new StreamWriter({
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  }, { onError: (error) => told.push(error) });
  wfile.write("nobody awaits this");
  wfile.write("nor this");
  await rejects(wfile.flush(), Deno.errors.BrokenPipe);
  await rejects(wfile.write("later"), Deno.errors.BrokenPipe);
  wfile.write("and again not awaited");
  strictEqual(told.length, 1);
});

Deno.test("StreamWriter.closeWrite() comes after what was written, once", async () => {
  const to = sink();
  const wfile = new StreamWriter(to);
  wfile.write("last");
  await wfile.closeWrite();
  await wfile.closeWrite();
  deepStrictEqual([to.calls, to.closed], [["last"], 1]);
  await rejects(wfile.write("more"), {
    name: "BadResource",
    message: "Cannot write 4 bytes: its writing side is closed",
  });
});

Deno.test("StreamWriter refuses to hold more than its limit for a slow sink", async () => {
  let release!: () => void;
  const taken = new Promise<void>((resolve) => release = resolve);
  const wfile = new StreamWriter({
    async write(data) {
      await taken;
      return data.length;
    },
  }, { limit: 100 });
  const first = wfile.write(new Uint8Array(1000));
  await rejects(wfile.write("x"), LimitOverrunError);
  release();
  await first;
  await wfile.write("x");
});

Deno.test("StreamWriter refuses what is neither text nor bytes", async () => {
  const wfile = new StreamWriter(sink());
  for (const bad of [null, undefined, 1, {}, new ArrayBuffer(1)]) {
    await rejects(wfile.write(bad as unknown as string), TypeError);
  }
});

/** A writer that takes one write more, and then refuses until it is released. */
function fullWriter() {
  const { promise: taken, resolve: release } = Promise.withResolvers<void>();
  const wfile = new StreamWriter({
    async write(data) {
      await taken;
      return data.length;
    },
  }, { limit: 1 });
  wfile.write("too much");
  return { wfile, release };
}

Deno.test("StreamWriter asks to await a promise that it is given", async () => {
  const to = sink();
  const wfile = new StreamWriter(to);
  await rejects(wfile.write(Promise.resolve("line") as unknown as string), {
    name: "TypeError",
    message:
      "Cannot write a promise: data must be a string or a Uint8Array; await it first",
  });
  await rejects(wfile.write(null as unknown as string), {
    message: "Cannot write null: data must be a string or a Uint8Array",
  });
  deepStrictEqual(to.calls, []);
});

Deno.test("StreamWriter.end() fails with what was refused and nobody looked at", async () => {
  const { wfile, release } = fullWriter();
  wfile.write("a");
  wfile.write("bc");
  release();
  await rejects(async () => await wfile[END](), {
    name: "LimitOverrunError",
    message: /^Cannot write 1 bytes: 8 already wait/,
  });
});

Deno.test("StreamWriter.end() says nothing of refusals that somebody looked at", async () => {
  const { wfile, release } = fullWriter();
  await rejects(wfile.write("a"), LimitOverrunError);
  await wfile.write("a").catch(() => {});
  await Promise.allSettled([wfile.write("a")]);
  const later = wfile.write("a");
  release();
  await wfile.flush();
  strictEqual(await later.then(() => 0, (error) => error.limit), 1);
  await wfile.write("b");
  strictEqual(await wfile[END](), undefined);
});

Deno.test("StreamWriter.end() fails with what was not even data, and what came after the end", async () => {
  const wrong = new StreamWriter(sink());
  wrong.write(42 as unknown as string);
  await wrong.write("sent");
  await rejects(async () => await wrong[END](), TypeError);
  const ended = new StreamWriter(sink());
  await ended.closeWrite();
  ended.write("more");
  await rejects(async () => await ended[END](), Deno.errors.BadResource);
});

Deno.test("StreamWriter.writable writes and closes the writing side", async () => {
  const to = sink();
  await new Blob(["streamed"]).stream().pipeTo(new StreamWriter(to).writable);
  deepStrictEqual([to.calls, to.closed], [["streamed"], 1]);
});

Deno.test("StreamWriter fails where a sink says that it took what it cannot have", async () => {
  for (const n of [0, -1, 6, NaN, undefined]) {
    let calls = 0;
    const told: unknown[] = [];
    const wfile = new StreamWriter({
      write: () => {
        calls++;
        return Promise.resolve(n as number);
      },
    }, { onError: (error) => told.push(error) });
    await rejects(wfile.write("12345"), {
      name: "WriteZero",
      message: `Cannot write 5 bytes: write() took ${n}; it must take 1 to 5`,
    });
    strictEqual(calls, 1);
    strictEqual(wfile.bufferedAmount, 0);
    strictEqual(told.length, 1);
  }
});

Deno.test("StreamWriter knows of what a sink that takes each write at once fails with later", async () => {
  const told: unknown[] = [];
  const full = new Error("full");
  const wfile = new StreamWriter(
    { writeSync: () => Promise.reject(full) },
    { onError: (error) => told.push(error) },
  );
  // An unhandled rejection fails the test.
  wfile.write("x");
  await new Promise((resolve) => setTimeout(resolve));
  await rejects(wfile.write("y"), full);
  await rejects(async () => await wfile[END](), full);
  deepStrictEqual(told, [full]);
});

Deno.test("StreamWriter completes partial writes also of a sink that could be written to at once", async () => {
  const written: number[] = [];
  // As Deno.stdout and files have both.
  const wfile = new StreamWriter({
    write(data: Uint8Array) {
      written.push(data[0]!);
      return Promise.resolve(1);
    },
    writeSync: () => 1,
  } as WriteSink);
  await wfile.write(new Uint8Array([1, 2, 3]));
  deepStrictEqual(written, [1, 2, 3]);
  strictEqual(wfile.bufferedAmount, 0);
});

Deno.test("StreamWriter knows whether what it was given is cut short", async () => {
  const whole = new StreamWriter(sink());
  await whole.write("x");
  await whole[END]();
  strictEqual(whole[CUT_SHORT], false);
  // Nobody meant what comes now to be part of it.
  await rejects(whole.write("late"), Deno.errors.BadResource);
  strictEqual(whole[CUT_SHORT], false);

  const broken = new StreamWriter({ write: () => Promise.reject(new Error()) });
  broken.write("x");
  await rejects(broken.flush());
  strictEqual(broken[CUT_SHORT], true);

  const unseen = fullWriter();
  unseen.wfile.write("a");
  unseen.release();
  await rejects(async () => await unseen.wfile[END](), LimitOverrunError);
  strictEqual(unseen.wfile[CUT_SHORT], true);

  // The handler looked at the refusal: it knows what it does.
  for (const failed of [false, true]) {
    const { wfile, release } = fullWriter();
    await rejects(wfile.write("a"), LimitOverrunError);
    release();
    await wfile.flush();
    await wfile[END](failed);
    strictEqual(wfile[CUT_SHORT], failed);
  }
});
