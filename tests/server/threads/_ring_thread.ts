// The other thread of the ring's tests: takes what comes, compares it with what
// was sent, and says how much was right.

import type { FrameHandler } from "../../../server/_bridge/frames.ts";
import { FrameType } from "../../../server/_bridge/frames.ts";
import { RingConsumer, RingProducer } from "../../../server/_threads/ring.ts";
import {
  type Lane,
  RingCarrier,
} from "../../../server/_threads/ring_carrier.ts";
import { sendData } from "../bridge/_send_data.ts";
import { Stream } from "../bridge/_stream.ts";
import { Random } from "../bridge/_random.ts";

/** What the thread is told. */
export interface RingTask {
  readonly to: Lane;
  readonly from: Lane;
  /** How many bytes come. */
  readonly size: number;
}

/** Takes bytes as they are, in draughts of random size. */
async function takeBytes({ to, from, size }: RingTask): Promise<void> {
  const consumer = new RingConsumer(to.ring);
  const producer = new RingProducer(from.ring);
  const expected = new Stream();
  const random = new Random(7);
  while (expected.position < size) {
    const most = 1 + random.below(200_000);
    const drained = consumer.drain((piece) => expected.compare(piece), most);
    if (drained === 0) await consumer.waitForBytes();
    // Now and then it falls behind.
    if (random.oneIn(200)) await new Promise((done) => setTimeout(done));
  }
  producer.put(new TextEncoder().encode(`${expected.position}`));
  producer.publish();
  producer.wake();
}

/** Takes frames, and sends each back. */
async function takeFrames({ to, from, size }: RingTask): Promise<void> {
  const carrier = new RingCarrier(from, to);
  const expected = new Stream();
  const random = new Random(8);
  const echo: FrameHandler = {
    frame: (type, channel, payload) => carrier.send(type, channel, payload),
    data: (channel, part) => {
      expected.compare(part);
      sendData(carrier, random, channel, part);
      if (expected.position === size) carrier.send(FrameType.Done, channel);
    },
  };
  await carrier.receive(echo);
}

const tasks = { takeBytes, takeFrames };

const scope = globalThis as unknown as {
  onmessage: (
    event: MessageEvent<RingTask & { task: keyof typeof tasks }>,
  ) => void;
};
scope.onmessage = ({ data }) => void tasks[data.task](data);
