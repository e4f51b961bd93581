import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { isUtf8 } from "node:buffer";
import {
  FrameReader,
  MORE,
} from "../../handlers/websocket/_frames/frame_reader.ts";
import { FrameWriter } from "../../handlers/websocket/_frames/frame_writer.ts";
import { turnKey, unmask } from "../../handlers/websocket/_frames/mask.ts";
import { UTF8Check } from "../../handlers/websocket/_frames/utf8.ts";
import { Violation } from "../../handlers/websocket/_frames/violation.ts";
import { frame, frameIn, join, OPCODES, text } from "./_wire.ts";

Deno.test("bytes are unmasked wherever they begin and end", () => {
  const keys = [0x01020304, -1, 0, 0x80ff7f00 | 0];
  for (const key of keys) {
    for (let from = 0; from < 9; from++) {
      for (let length = 0; length < 70; length++) {
        const bytes = Uint8Array.from(
          { length: 96 },
          (_, i) => (i * 37 + length) & 0xff,
        );
        const expected = bytes.map((byte, i) =>
          i < from || i >= from + length
            ? byte
            : byte ^ (key >>> (8 * ((i - from) & 3)) & 0xff)
        );
        const isASCII = unmask(
          bytes,
          new Int32Array(bytes.buffer),
          from,
          from + length,
          key,
        );
        deepStrictEqual(bytes, expected);
        strictEqual(
          isASCII,
          expected.subarray(from, from + length).every((byte) => byte < 0x80),
        );
      }
    }
  }
  deepStrictEqual(
    [0, 1, 2, 3, 4, 5].map((by) => turnKey(0x04030201, by) >>> 0),
    [0x04030201, 0x01040302, 0x02010403, 0x03020104, 0x04030201, 0x01040302],
  );
});

Deno.test("what is UTF-8 is what others take for it, and the first wrong byte is known at once", () => {
  const isText = (bytes: readonly number[]) => isUtf8(Uint8Array.from(bytes));
  const edges = [
    ...[0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2],
    ...[0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4],
    ...[0xf5, 0xff],
  ];
  const following = [0x7f, 0x80, 0xbf, 0xc0];
  // What may follow bytes that are no text by themselves.
  const endings = [[], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80]]
    .concat([[0x9f], [0xa0], [0xa0, 0x80], [0x90, 0x80, 0x80]]);
  const check = new UTF8Check();
  const tried = (...bytes: readonly number[]) => {
    check.reset();
    const valid = check.check(Uint8Array.from(bytes), 0, bytes.length);
    strictEqual(valid && check.complete, isText(bytes), `${bytes}`);
    // It is wrong as soon as nothing can follow that would make it right.
    const canEnd = endings.some((ending) => isText([...bytes, ...ending]));
    strictEqual(valid, canEnd, `${bytes}`);
  };
  for (let one = 0; one < 256; one++) {
    tried(one);
    for (const two of edges) {
      tried(one, two);
      if (one < 0xe0 && one > 0x80) continue;
      for (const three of following) {
        tried(one, two, three);
        if (one < 0xef) continue;
        for (const four of following) tried(one, two, three, four);
      }
    }
  }
});

/** A reader, and what it has been given. */
function reading(limits = { maxMessageSize: 1e6, maxFrameSize: 1e6 }) {
  const reader = new FrameReader(limits, undefined);
  return {
    reader,
    give(bytes: Uint8Array) {
      const found: (string | number)[] = [];
      for (let at = 0; at < bytes.length;) {
        const room = reader.room();
        ok(room.length > 0);
        const part = bytes.subarray(at, at + room.length);
        room.set(part);
        reader.filled(part.length);
        at += part.length;
        for (let opcode; (opcode = reader.next()) !== MORE;) {
          found.push(
            opcode === OPCODES.text ? reader.text : reader.bytes.length,
          );
        }
      }
      return found;
    },
  };
}

Deno.test("a reader's buffer is small where little comes, and grows with what comes", () => {
  const { reader, give } = reading();
  strictEqual(reader.room().length, 512);
  reader.filled(1);
  reader.unfilled();
  const message = frame(OPCODES.binary, new Uint8Array(300_000));
  deepStrictEqual(give(join([message, message])), [300_000, 300_000]);
  ok(reader.room().length >= 16 * 1024);
  reader.filled(1);
  reader.unfilled();
  for (let i = 0; i < 4; i++) give(text("small"));
  strictEqual(reader.room().length, 512);
});

Deno.test("small messages whose headers are cut are read on and on", () => {
  const { give } = reading();
  const message = text("seven by");
  const all = join(Array(5_000).fill(message));
  const found: (string | number)[] = [];
  for (let at = 0; at < all.length; at += 509) {
    found.push(...give(all.subarray(at, at + 509)));
  }
  deepStrictEqual(found, Array(5_000).fill("seven by"));
});

Deno.test("a frame that announces much takes no memory for it before it comes", () => {
  const { reader, give } = reading({
    maxMessageSize: 500_000_000,
    maxFrameSize: Infinity,
  });
  const before = Deno.memoryUsage();
  const started = frame(OPCODES.binary, new Uint8Array(10), {
    length: 400_000_000,
  });
  deepStrictEqual(give(started), []);
  const after = Deno.memoryUsage();
  ok(after.external - before.external < 10_000_000);
  reader.unfilled();
});

Deno.test("limits are those of frames and of messages", () => {
  const limits = { maxMessageSize: 1_000, maxFrameSize: 600 };
  const part = (size: number, fin: boolean, first: boolean) =>
    frame(
      first ? OPCODES.binary : OPCODES.continuation,
      new Uint8Array(size),
      { fin },
    );
  deepStrictEqual(reading(limits).give(part(600, true, true)), [600]);
  deepStrictEqual(
    reading(limits).give(
      join([part(600, false, true), part(400, true, false)]),
    ),
    [1_000],
  );
  for (
    const sent of [
      part(601, true, true),
      join([part(600, false, true), part(401, true, false)]),
    ]
  ) {
    throws(
      () => reading(limits).give(sent),
      (error: unknown) => error instanceof Violation && error.code === 1009,
    );
  }
});

/** What a writer was given, and a sink that takes what it is told to. */
class Sink {
  readonly calls: Uint8Array[] = [];
  readonly #waiting: ((n: number) => void)[] = [];

  write(bytes: Uint8Array): Promise<number> {
    this.calls.push(bytes.slice());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  take(n = this.calls.at(-1)!.length): void {
    this.#waiting.shift()!(n);
  }
}

Deno.test("a frame is sent at once, and those that come meanwhile in one call", async () => {
  const sink = new Sink();
  const writer = new FrameWriter(sink, true, undefined, () => {});
  const first = writer.text("first");
  strictEqual(sink.calls.length, 1);
  const others = ["second", "third"].map((each) => writer.text(each));
  writer.bytes(OPCODES.ping, new Uint8Array(0));
  strictEqual(sink.calls.length, 1);
  strictEqual(writer.unsent, 7 + 8 + 7 + 2);
  strictEqual(writer.unsentData, 5 + 6 + 5);
  sink.take();
  strictEqual(await first, true);
  strictEqual(sink.calls.length, 2);
  // In two parts.
  sink.take(3);
  await null;
  await null;
  strictEqual(sink.calls.length, 3);
  sink.take();
  deepStrictEqual(await Promise.all(others), [true, true]);
  strictEqual(writer.unsent, 0);
  strictEqual(writer.unsentData, 0);
  const sent = join([sink.calls[1]!.subarray(0, 3), sink.calls[2]!]);
  const { frame: second, end } = frameIn(sent)!;
  strictEqual(new TextDecoder().decode(second.payload), "second");
  strictEqual(frameIn(sent.slice(end))!.end, 7);
});

Deno.test("memory is used again only where the sink keeps no bytes", async () => {
  for (const keepsNothing of [true, false]) {
    const memories = new Set<ArrayBufferLike>();
    const writer = new FrameWriter(
      {
        write(bytes) {
          memories.add(bytes.buffer);
          return Promise.resolve(bytes.length);
        },
      },
      keepsNothing,
      undefined,
      () => {},
    );
    for (let i = 0; i < 10; i++) await writer.text("x");
    strictEqual(memories.size, keepsNothing ? 1 : 10);
  }
});

Deno.test("what a sink fails with is told once, and nothing more is sent", async () => {
  for (
    const write of [
      () => Promise.reject(new Error("failed")),
      () => {
        throw new Error("failed");
      },
      () => Promise.resolve(0),
      () => Promise.resolve(1_000),
    ]
  ) {
    const failures: unknown[] = [];
    let calls = 0;
    const writer = new FrameWriter(
      {
        write() {
          calls++;
          return write();
        },
      },
      true,
      undefined,
      (error) => failures.push(error),
    );
    const first = writer.text("first");
    const second = writer.text("second");
    deepStrictEqual(await Promise.all([first, second]), [false, false]);
    strictEqual(await writer.text("third"), false);
    await writer.flushed();
    strictEqual(failures.length, 1);
    strictEqual(calls, 1);
    strictEqual(writer.unsent, 0);
  }
});
