import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  type FrameHandler,
  FrameType,
  HEADER_SIZE,
  MAX_CONTROL,
  MAX_DATA,
} from "../../../server/_bridge/frames.ts";
import {
  allocateRing,
  RingConsumer,
  RingProducer,
} from "../../../server/_threads/ring.ts";
import {
  allocateLane,
  RING_CAPACITY,
  RingCarrier,
} from "../../../server/_threads/ring_carrier.ts";
import { patiently } from "../../_patience.ts";
import { Random } from "../bridge/_random.ts";
import type { RingTask } from "./_ring_thread.ts";
import { sendData } from "../bridge/_send_data.ts";
import { Stream } from "../bridge/_stream.ts";

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "the ring");

/** Where the control words of a ring are, in words; `ring.ts` says why there. */
const TAIL = 0;
const HEAD = 16;

function ring(capacity: number, position = 0) {
  const memory = allocateRing(capacity);
  const control = new Int32Array(memory);
  control[TAIL] = control[HEAD] = position;
  return {
    control,
    producer: new RingProducer(memory),
    consumer: new RingConsumer(memory),
  };
}

/** All that is in, at most `most` bytes. */
function drain(consumer: RingConsumer, most?: number): number[] {
  const taken: number[] = [];
  consumer.drain((piece) => taken.push(...piece), most);
  return taken;
}

Deno.test("allocateRing() takes powers of two alone", () => {
  for (const capacity of [0, 8, 17, 24, 1.5, NaN, -16, 2 ** 31]) {
    throws(() => allocateRing(capacity), RangeError);
  }
  strictEqual(allocateRing(16).byteLength, 128 + 16);
});

Deno.test("a ring gives what was put in, wherever it wraps around", () => {
  // Positions are numbers of 32 bits, which wrap around as well.
  for (const position of [0, 2 ** 31 - 40, -40, 2 ** 31 - 1]) {
    const { producer, consumer } = ring(16, position | 0);
    const random = new Random(1);
    let value = 0;
    for (let i = 0; i < 500; i++) {
      const size = random.below(17);
      strictEqual(producer.hasRoom(size), true);
      const bytes = Array.from({ length: size }, () => value++ & 0xff);
      producer.put(Uint8Array.from(bytes));
      producer.publish();
      deepStrictEqual(drain(consumer), bytes);
    }
  }
});

Deno.test("numbers are put in as their bytes, wherever the ring wraps around", () => {
  for (let position = 0; position < 16; position++) {
    const { producer, consumer } = ring(16, position);
    producer.putNumbers(0x04030201, 0xf8f7f6f5);
    producer.put(Uint8Array.of(9));
    producer.publish();
    deepStrictEqual(
      drain(consumer),
      [1, 2, 3, 4, 0xf5, 0xf6, 0xf7, 0xf8, 9],
      `at ${position}`,
    );
  }
});

Deno.test("a full ring has no room until something is taken out", () => {
  const { producer, consumer } = ring(16);
  producer.put(new Uint8Array(16).fill(1));
  producer.publish();
  strictEqual(producer.hasRoom(0), true);
  strictEqual(producer.hasRoom(1), false);
  strictEqual(producer.room(), 0);
  strictEqual(drain(consumer, 5).length, 5);
  strictEqual(producer.room(), 5);
  strictEqual(producer.hasRoom(5), true);
  strictEqual(producer.hasRoom(6), false);
  producer.put(new Uint8Array(5).fill(2));
  producer.publish();
  deepStrictEqual(drain(consumer), [
    ...new Array(11).fill(1),
    ...new Array(5).fill(2),
  ]);
});

Deno.test("what was put in is seen when it is published, not before", () => {
  const { producer, consumer } = ring(16);
  producer.put(Uint8Array.of(1, 2));
  deepStrictEqual(drain(consumer), []);
  producer.put(Uint8Array.of(3));
  producer.publish();
  deepStrictEqual(drain(consumer), [1, 2, 3]);
});

Deno.test("the room of a piece is free although taking it throws", () => {
  const { producer, consumer } = ring(16);
  producer.put(new Uint8Array(16));
  producer.publish();
  throws(() =>
    consumer.drain(() => {
      throw new Error("failed");
    }), /failed/);
  strictEqual(producer.room(), 16);
});

Deno.test("a consumer sleeps until bytes come, or it is interrupted", async () => {
  const { producer, consumer } = ring(16);
  const bytes = consumer.waitForBytes();
  producer.put(Uint8Array.of(1));
  producer.publish();
  producer.wake();
  await soon(bytes!);
  strictEqual(consumer.waitForBytes(), undefined);
  deepStrictEqual(drain(consumer), [1]);
  const nothing = consumer.waitForBytes();
  consumer.interrupt();
  await soon(nothing!);
});

Deno.test("a producer sleeps until there is room, or it is interrupted", async () => {
  const { producer, consumer } = ring(16);
  strictEqual(producer.waitForRoom(16), undefined);
  producer.put(new Uint8Array(16));
  producer.publish();
  const room = producer.waitForRoom(1);
  drain(consumer, 1);
  await soon(room!);
  const more = producer.waitForRoom(16);
  producer.interrupt();
  await soon(more!);
});

// Two carriers, one after the other in the same thread.

/** What a carrier received, one entry a frame; data is joined. */
function record() {
  const frames: [type: FrameType, channel: number, payload: number[]][] = [];
  const handler: FrameHandler = {
    frame: (type, channel, payload) =>
      void frames.push([type, channel, [...payload]]),
    data: (channel, part) => {
      const last = frames.at(-1);
      if (last?.[0] === FrameType.Data && last[1] === channel) {
        last[2].push(...part);
      } else frames.push([FrameType.Data, channel, [...part]]);
    },
  };
  return { frames, handler };
}

function carriers() {
  const there = allocateLane();
  const back = allocateLane();
  return [new RingCarrier(there, back), new RingCarrier(back, there)] as const;
}

Deno.test("a carrier keeps what does not fit, in order, and says that it is congested", async () => {
  const [near, far] = carriers();
  const payload = new Random(1).bytes(MAX_CONTROL);
  const count = 30;
  for (let i = 0; i < count; i++) {
    near.send(FrameType.Error, i, payload);
    near.send(FrameType.End, i);
  }
  strictEqual(near.congested, true);
  const sizes: [FrameType, number, number][] = [];
  const received = far.receive({
    frame: (type, channel, { length }) => {
      sizes.push([type, channel, length]);
      if (sizes.length === 2 * count) far.close();
    },
    data: () => {},
  });
  await soon(near.drained());
  strictEqual(near.congested, false);
  await soon(received);
  deepStrictEqual(
    sizes,
    Array.from({ length: count }, (_, i) => [
      [FrameType.Error, i, MAX_CONTROL],
      [FrameType.End, i, 0],
    ]).flat(),
  );
  near.close();
});

Deno.test("a carrier that is closed ends what waits for it, and sends no more", async () => {
  const [near, far] = carriers();
  const payload = new Uint8Array(MAX_CONTROL);
  while (!near.congested) near.send(FrameType.Error, 1, payload);
  const drained = near.drained();
  const received = near.receive(record().handler);
  near.close();
  near.close();
  await soon(drained);
  await soon(received);
  near.send(FrameType.End, 2);
  const { frames, handler } = record();
  const taken = far.receive(handler);
  far.close();
  await soon(taken);
  strictEqual(frames.some(([type]) => type === FrameType.End), false);
});

Deno.test("a carrier takes what had come when it was closed", async () => {
  const [near, far] = carriers();
  const { frames, handler } = record();
  const received = far.receive(handler);
  near.send(FrameType.Data, 1, Uint8Array.of(1, 2, 3));
  near.send(FrameType.Done, 1);
  far.close();
  await soon(received);
  deepStrictEqual(frames, [[FrameType.Data, 1, [1, 2, 3]], [
    FrameType.Done,
    1,
    [],
  ]]);
});

Deno.test("frames that come without pause leave timers their turn", async () => {
  const [near, far] = carriers();
  const most = 20_000_000;
  let came = 0;
  const received = far.receive({
    frame: () => {
      if (++came === most) far.close();
      else near.send(FrameType.Ping, 0);
    },
    data: () => {},
  });
  near.send(FrameType.Ping, 0);
  await soon(new Promise<void>((resolve) => setTimeout(resolve)));
  ok(came < most, `${came} frames came first`);
  far.close();
  await soon(received);
});

Deno.test("a carrier takes nothing more after what its handler refused", async () => {
  const [near, far] = carriers();
  let taken = 0;
  const received = far.receive({
    frame: () => {
      taken++;
      throw new Error("refused");
    },
    data: () => taken++,
  });
  for (let i = 0; i < 10; i++) near.send(FrameType.Done, 1);
  await soon(received.then(() => {
    throw new Error("Expected it to fail");
  }, (error) => strictEqual(error.message, "refused")));
  for (let i = 0; i < 10; i++) near.send(FrameType.Done, 1);
  far.close();
  strictEqual(taken, 1);
});

// Two threads.

/** Ends a worker with the block, and fails with what is thrown in it. */
class RingThread implements Disposable {
  readonly to = allocateLane();
  readonly from = allocateLane();
  readonly failed: Promise<never>;
  readonly #worker = new Worker(
    new URL("./_ring_thread.ts", import.meta.url),
    { type: "module" },
  );

  constructor(task: "takeBytes" | "takeFrames", size: number) {
    const { to, from } = this;
    this.failed = new Promise((_, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
    // Somebody else may be waited for when it fails.
    this.failed.catch(() => {});
    const data: RingTask = { to, from, size };
    this.#worker.postMessage({ task, ...data });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

Deno.test("a billion bytes cross a ring between two threads unchanged", async () => {
  const SIZE = 1_000_000_000;
  using thread = new RingThread("takeBytes", SIZE);
  const producer = new RingProducer(thread.to.ring);
  const answers = new RingConsumer(thread.from.ring);
  const stream = new Stream();
  const random = new Random(3);
  const send = async () => {
    while (stream.position < SIZE) {
      // Mostly what one read gives, now and then almost all that fits.
      const most = random.oneIn(10) ? RING_CAPACITY - 100_000 : 100_000;
      const size = Math.min(1 + random.below(most), SIZE - stream.position);
      while (!producer.hasRoom(size)) await producer.waitForRoom(size);
      producer.put(stream.take(size));
      producer.publish();
      producer.wake();
      if (random.oneIn(500)) await new Promise((done) => setTimeout(done));
    }
    await answers.waitForBytes();
  };
  await soon(Promise.race([send(), thread.failed]));
  strictEqual(
    String.fromCharCode(...drain(answers)),
    `${SIZE}`,
  );
});

Deno.test("frames cross two carriers between two threads and come back unchanged", async () => {
  const SIZE = 200_000_000;
  using thread = new RingThread("takeFrames", SIZE);
  const carrier = new RingCarrier(thread.to, thread.from);
  const sent = new Stream();
  const echoed = new Stream();
  const random = new Random(5);
  let others = 0;
  const received = carrier.receive({
    frame: (type, channel) => {
      if (type === FrameType.Done) carrier.close();
      else strictEqual(channel, others++);
    },
    data: (_channel, part) => echoed.compare(part),
  });
  let numbered = 0;
  const send = async () => {
    while (sent.position < SIZE) {
      if (carrier.congested && !random.oneIn(20)) await carrier.drained();
      const size = Math.min(1 + random.below(MAX_DATA), SIZE - sent.position);
      if (random.oneIn(3)) {
        carrier.send(
          FrameType.Error,
          numbered++,
          new Uint8Array(random.below(MAX_CONTROL)),
        );
      }
      sendData(carrier, random, 1, sent.take(size));
      if (random.oneIn(500)) await new Promise((done) => setTimeout(done));
    }
    await received;
  };
  await soon(Promise.race([send(), thread.failed]));
  deepStrictEqual([echoed.position, others], [SIZE, numbered]);
});

Deno.test("a header and a payload that fill the ring to the last byte fit in", () => {
  const [near, far] = carriers();
  const payload = new Uint8Array(MAX_CONTROL - HEADER_SIZE);
  for (let i = 0; i < RING_CAPACITY / MAX_CONTROL; i++) {
    near.send(FrameType.Error, i, payload);
  }
  strictEqual(near.congested, false);
  near.send(FrameType.End, 1);
  strictEqual(near.congested, true);
  near.close();
  far.close();
});
