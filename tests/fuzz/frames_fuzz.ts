/**
 * What comes from a thread or process to the side that holds the sockets:
 * frames that are damaged, forged or out of place, and memory in which anything
 * may stand. Whatever it is, it is taken or refused with a `ProtocolError`.
 */
import { AssertionError } from "node:assert";
import { packError } from "../../server/_bridge/errors.ts";
import {
  FrameDecoder,
  FrameType,
  MAX_CONTROL,
  ProtocolError,
  putHeader,
} from "../../server/_bridge/frames.ts";
import { NearSide } from "../../server/_bridge/near_side.ts";
import {
  packDatagram,
  packJson,
  packNumber,
  packShutdown,
} from "../../server/_bridge/payloads.ts";
import {
  allocateLane,
  type Lane,
  RING_CAPACITY,
  RingCarrier,
} from "../../server/_threads/ring_carrier.ts";
import { patiently } from "../_patience.ts";
import {
  below,
  bytesOf,
  concat,
  inRound,
  mutate,
  oneOf,
  pieces,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

/** The words of a ring that steer: positions, and who sleeps. */
const STEERING = [0, 1, 16, 17];
/** Where a ring says that its consumer sleeps, in bytes. */
const CONSUMER_ASLEEP = 68;

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** A socket that gives nothing and takes everything, at once or later. */
function connection(next: Random): Deno.Conn {
  const later = next() < 0.3;
  const never = new Promise<never>(() => {});
  return {
    localAddr: ADDRESS,
    remoteAddr: ADDRESS,
    read: () => never,
    write: async (data: Uint8Array) => {
      for (let turns = later ? 20 : 0; turns > 0; turns--) await null;
      return data.length;
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  } as unknown as Deno.Conn;
}

function frame(
  type: number,
  channel: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + payload.length);
  putHeader(bytes, 0, type as FrameType, channel, payload.length);
  bytes.set(payload, 8);
  return bytes;
}

/** Payloads as the far side makes them. */
function payloads(): Uint8Array[] {
  return [
    new Uint8Array(0),
    packNumber(1_000).slice(),
    packNumber(2 ** 32 - 1).slice(),
    packShutdown({ gracePeriod: 5 }).slice(),
    packShutdown({ gracePeriod: Infinity }).slice(),
    packDatagram(3, ADDRESS, bytesOf("data")).slice(),
    packError(new Deno.errors.NotFound("none", { cause: new Error("x") }))
      .slice(),
    packError(new AggregateError([1, "two", undefined], "several")).slice(),
    bytesOf('{"error":{"message":"m","name":"__proto__","cause":{}}}'),
    bytesOf("[".repeat(5_000)),
    new Uint8Array(600_000),
  ];
}

/** A frame as a far side that is well may send it. */
function likely(next: Random): Uint8Array<ArrayBuffer> {
  switch (below(next, 6)) {
    case 0:
      return frame(FrameType.Credit, 1, packNumber(below(next, 100)));
    case 1:
      return frame(FrameType.SetOption, 1, packJson({ noDelay: true }));
    case 2:
      return frame(FrameType.Shutdown, below(next, 3), packShutdown({}));
    case 3:
      return frame(FrameType.Send, 2, packDatagram(1, ADDRESS, bytesOf("x")));
    case 4:
      return frame(FrameType.Pong, 0, new Uint8Array(0));
    default:
      return frame(FrameType.Data, 1, bytesOf("line\n"));
  }
}

/** A frame that only a damaged far side sends. */
function unlikely(next: Random): Uint8Array<ArrayBuffer> {
  const all = payloads();
  const type = next() < 0.1
    ? below(next, 256)
    : oneOf(next, Object.values(FrameType));
  const payload = oneOf(next, all).subarray(0, MAX_CONTROL);
  return frame(
    type,
    oneOf(next, [0, 1, 1, 1, 2, 2, 3, 2 ** 32 - 1]),
    next() < 0.3 ? mutate(next, payload, all) : payload,
  );
}

/** Some frames, one after the other, of which most may be as they are. */
function conversation(next: Random): Uint8Array<ArrayBuffer> {
  const badness = oneOf(next, [0, 0.05, 0.5]);
  return concat(
    ...Array.from(
      { length: 1 + below(next, 30) },
      () => next() < badness ? unlikely(next) : likely(next),
    ),
  );
}

/** Small pieces of the beginning: each costs a call. */
function cut(next: Random, bytes: Uint8Array): Uint8Array[] {
  const START = 8 * 1024;
  return [
    ...pieces(next, bytes.subarray(0, START)),
    ...bytes.length > START ? [bytes.subarray(START)] : [],
  ];
}

/** A near side with a stream and a datagram whose handlers are on the far side. */
function nearSide(
  next: Random,
  carrier: ConstructorParameters<typeof NearSide>[0],
) {
  const side = new NearSide(carrier, () => {});
  const owner = {
    settling() {},
    abort() {},
    shutdown: () => Promise.resolve(),
  };
  const channels = [
    side.openStream(connection(next), owner),
    side.openDatagram(
      [bytesOf("ask"), {
        addr: ADDRESS,
        send: (data: Uint8Array) => Promise.resolve(data.length),
      }] as unknown as Parameters<typeof side.openDatagram>[0],
      ADDRESS,
      owner,
    ),
  ];
  // What the handlers threw is their own.
  const ended = channels.map(({ ended }) => ended.catch(() => {}));
  return { side, ended };
}

/** Refuses every error but the one that says what is wrong with the frames. */
function refused(error: unknown): void {
  if (!(error instanceof ProtocolError)) throw error;
}

/**
 * Gives frames to a near side, damaged and in pieces.
 *
 * @returns How many conversations were refused.
 */
export async function fuzzFrames(
  seed: number,
  rounds: number,
): Promise<number> {
  const next = random(seed);
  let refusals = 0;
  for (let round = 0; round < rounds; round++) {
    const whole = conversation(next);
    const bytes = next() < 0.7 ? whole : mutate(next, whole, [], whole.length);
    const cuts = cut(next, bytes);
    await inRound(seed, round, bytes, async () => {
      let sent = 0;
      const carrier = {
        send: () => void sent++,
        congested: false,
        drained: () => Promise.resolve(),
      };
      const ends: Promise<void>[] = [];
      withinTurn(bytes, () => {
        const { side, ended } = nearSide(next, carrier);
        ends.push(...ended);
        const decoder = new FrameDecoder(side);
        try {
          for (const piece of cuts) {
            decoder.push(piece);
            side.passed();
          }
        } catch (error) {
          refused(error);
          refusals++;
        }
        side.lose(new Error("gone"));
      });
      await Promise.all(ends);
      // Each frame that comes asks for one answer at most, beside the two opened.
      if (sent > 2 + 2 * whole.length / 8 + 2) {
        throw new AssertionError({ message: `${sent} frames were sent` });
      }
    });
  }
  return refusals;
}

/** Writes random words over memory, most often over what steers. */
function scribble(next: Random, { ring, slots }: Lane): void {
  for (const memory of [ring, slots]) {
    const words = new Int32Array(memory);
    for (let i = below(next, 6); i > 0; i--) {
      const at = next() < 0.3
        ? oneOf(next, STEERING)
        : below(next, oneOf(next, [100, words.length]));
      words[at] = oneOf(next, [
        next() * 2 ** 32,
        below(next, 64),
        below(next, 2 * RING_CAPACITY),
        -1,
        0,
        words[at]! + 8,
        words[at]! - 8,
      ]);
    }
  }
}

/**
 * Writes random words over the memory of a carrier while a near side uses it.
 *
 * @returns How many carriers failed by it.
 */
export async function fuzzRings(seed: number, rounds: number): Promise<number> {
  const next = random(seed);
  let failures = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = conversation(next);
    await inRound(seed, round, bytes, async () => {
      const there = allocateLane();
      const back = allocateLane();
      const near = new RingCarrier(there, back, true);
      const far = new RingCarrier(back, there);
      const { side, ended } = nearSide(next, near);
      let failure: unknown;
      const received = near.receive(side).catch((error) => failure = error);
      for (let times = 1 + below(next, 4); times > 0; times--) {
        far.send(
          oneOf(next, [FrameType.Data, FrameType.Credit]),
          1,
          packNumber(8),
        );
        if (next() < 0.3) near.send(FrameType.Data, 1, new Uint8Array(100_000));
        scribble(next, back);
        scribble(next, there);
        // Has the near side look at it.
        const asleep = new Int32Array(back.ring, CONSUMER_ASLEEP, 1);
        Atomics.store(asleep, 0, 0);
        Atomics.notify(asleep, 0);
        if (next() < 0.7) await turn();
      }
      // A wake-up takes a while.
      for (let turns = 20; turns > 0 && failure === undefined; turns--) {
        await turn();
      }
      withinTurn(bytes, () => near.close());
      side.lose(new Error("gone"));
      far.close();
      await patiently(
        Promise.all([received, near.drained(), ...ended]),
        () => "the end of a carrier",
      );
      if (failure !== undefined) {
        refused(failure);
        failures++;
      }
    });
  }
  return failures;
}
