import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  ALIGNMENT,
  FrameDecoder,
  FrameType,
  HEADER_SIZE,
  MAX_CONTROL,
  MAX_DATA,
  paddingAfter,
  ProtocolError,
  putHeader,
} from "../../../server/_bridge/frames.ts";
import { anySize, encode, TYPES } from "./_frames.ts";
import { Random } from "./_random.ts";

interface Frame {
  readonly type: FrameType;
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** Takes frames; data that comes in parts is joined again. */
class Taken {
  readonly frames: Frame[] = [];
  readonly #parts: Uint8Array[] = [];
  #channel = 0;

  frame(type: FrameType, channel: number, payload: Uint8Array): void {
    this.join();
    // It is only lent.
    this.frames.push({ type, channel, payload: payload.slice() });
  }

  data(channel: number, part: Uint8Array): void {
    ok(part.length > 0);
    if (channel !== this.#channel) this.join();
    this.#channel = channel;
    this.#parts.push(part.slice());
  }

  join(): void {
    if (this.#parts.length === 0) return;
    const payload = Uint8Array.from(
      this.#parts.splice(0).flatMap((part) => [...part]),
    );
    this.frames.push({ type: FrameType.Data, channel: this.#channel, payload });
  }
}

/** Cuts bytes anywhere. */
function* cut(bytes: Uint8Array, random: Random): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    // Small cuts split headers, large ones hold many frames.
    const most = random.pick([1, 3, 9, 100, 100_000]);
    const end = Math.min(bytes.length, at + 1 + random.below(most));
    yield bytes.subarray(at, end);
    at = end;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((total, { length }) => total + length, 0);
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function header(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  putHeader(bytes, 0, type as FrameType, 1, length);
  return bytes;
}

Deno.test("FrameDecoder gives the frames that were encoded, however they are cut", () => {
  const random = new Random(11);
  for (let round = 0; round < 600; round++) {
    const padded = round % 2 === 1;
    const sent: Frame[] = [];
    for (let i = 0; i < 20; i++) {
      const type = random.pick(TYPES);
      // Each on a channel of its own, so that data is not joined to other data.
      const channel = (random.below(2 ** 31) * 2 + i % 2) >>> 0;
      sent.push({
        type,
        channel,
        payload: random.bytes(anySize(random, type)),
      });
    }
    const taken = new Taken();
    const decoder = new FrameDecoder(taken, padded);
    const bytes = join(
      sent.flatMap(({ type, channel, payload }) => [
        encode(type, channel, payload),
        random.bytes(padded ? paddingAfter(payload.length) : 0),
      ]),
    );
    for (const part of cut(bytes, random)) decoder.push(part);
    taken.join();
    deepStrictEqual(taken.frames, sent);
  }
});

Deno.test("padding goes up to where the next frame begins", () => {
  for (let length = 0; length < 40; length++) {
    const padding = paddingAfter(length);
    ok(padding < ALIGNMENT);
    strictEqual((HEADER_SIZE + length + padding) % ALIGNMENT, 0);
  }
});

Deno.test("FrameDecoder refuses unknown types, lengths past the limit and empty data", () => {
  const taken = new Taken();
  const refused: [Uint8Array, string][] = [
    [header(0, 1), "there is no frame of type 0"],
    [header(TYPES.length + 1, 1), `no frame of type ${TYPES.length + 1}`],
    [header(255, 0), "there is no frame of type 255"],
    [header(FrameType.Data, 0), "a data frame is empty"],
    [
      header(FrameType.Data, MAX_DATA + 1),
      `has ${MAX_DATA + 1} bytes, at most ${MAX_DATA} are allowed`,
    ],
    [
      header(FrameType.Error, MAX_CONTROL + 1),
      `has ${MAX_CONTROL + 1} bytes, at most ${MAX_CONTROL} are allowed`,
    ],
    [header(FrameType.Error, 2 ** 24 - 1), "16777215 bytes"],
  ];
  for (const [bytes, why] of refused) {
    const decoder = new FrameDecoder(taken);
    const refusal = (error: unknown) =>
      error instanceof ProtocolError && error.message.includes(why);
    throws(() => decoder.push(bytes), refusal);
    // What follows may be anything.
    throws(() => decoder.push(header(FrameType.Done, 0)), refusal);
  }
  deepStrictEqual(taken.frames, []);
});

Deno.test("FrameDecoder gives the largest frames", () => {
  const taken = new Taken();
  const decoder = new FrameDecoder(taken);
  decoder.push(encode(FrameType.Data, 1, new Uint8Array(MAX_DATA)));
  decoder.push(encode(FrameType.Error, 2, new Uint8Array(MAX_CONTROL)));
  deepStrictEqual(
    taken.frames.map(({ payload }) => payload.length),
    [MAX_DATA, MAX_CONTROL],
  );
});

Deno.test("FrameDecoder throws what its handler threw, then and ever after", () => {
  const decoder = new FrameDecoder({
    frame: () => {
      throw new Error("refused");
    },
    data: () => {},
  });
  throws(() => decoder.push(header(FrameType.Done, 0)), /refused/);
  throws(() => decoder.push(header(FrameType.Data, 1)), /refused/);
});

Deno.test("FrameDecoder takes a million random and mutated frames: right, or refused", () => {
  const FRAMES = 1_000_000;
  const PER_STREAM = 25;
  const random = new Random(17);
  let refused = 0;
  let given = 0;
  let size = 0;
  const count = {
    frame(type: FrameType, _channel: number, payload: Uint8Array) {
      ok(TYPES.includes(type) && type !== FrameType.Data);
      ok(payload.length <= MAX_CONTROL);
      given++;
      size += payload.length;
    },
    data(_channel: number, part: Uint8Array) {
      ok(part.length > 0 && part.length <= MAX_DATA);
      size += part.length;
    },
  };
  const noise = random.bytes(MAX_CONTROL + MAX_DATA);
  for (let i = 0; i < FRAMES; i += PER_STREAM) {
    const stream = join(Array.from({ length: PER_STREAM }, () => {
      const type = random.pick(TYPES);
      const length = anySize(random, type);
      const from = random.below(noise.length - length);
      return random.oneIn(200)
        ? noise.subarray(from, from + length)
        : encode(type, random.below(9), noise.subarray(from, from + length));
    }));
    for (let n = random.below(4); n > 0; n--) {
      stream[random.below(stream.length)] = random.below(256);
    }
    const decoder = new FrameDecoder(count);
    const before = size;
    try {
      for (const part of cut(stream, random)) decoder.push(part);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused++;
      throws(() => decoder.push(stream), (again) => again === error);
    }
    // Nothing is given twice, or made up.
    ok(size - before <= stream.length);
  }
  ok(refused > FRAMES / PER_STREAM / 10, `${refused} streams refused`);
  ok(given > FRAMES / 10, `${given} frames given`);
});

Deno.test("a header says the least and the most of everything", () => {
  const taken = new Taken();
  const decoder = new FrameDecoder(taken);
  decoder.push(encode(FrameType.Done, 0, new Uint8Array(0)));
  decoder.push(encode(FrameType.Done, 2 ** 32 - 1, new Uint8Array(0)));
  strictEqual(taken.frames[0]!.channel, 0);
  strictEqual(taken.frames[1]!.channel, 2 ** 32 - 1);
});
