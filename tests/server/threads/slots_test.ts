import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { addBorrower } from "../../../handlers/streams/_lending.ts";
import type { Carrier } from "../../../server/_bridge/carrier.ts";
import type { Lease, Lender } from "../../../server/_bridge/lease.ts";
import { FarConnection } from "../../../server/_bridge/far_connection.ts";
import {
  type FrameHandler,
  FrameType,
  ProtocolError,
} from "../../../server/_bridge/frames.ts";
import { NearStream } from "../../../server/_bridge/near_stream.ts";
import {
  allocateLane,
  RingCarrier,
} from "../../../server/_threads/ring_carrier.ts";
import {
  allocateSlots,
  packSlot,
  SLOT_SIZE,
  Slots,
} from "../../../server/_threads/slots.ts";
import { patiently } from "../../_patience.ts";
import { until } from "../processes/_processes.ts";
import { Stream } from "../bridge/_stream.ts";

const ADDRESS = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

const soon = <T>(coming: Promise<T>) => patiently(coming, () => "the slots");

/** Takes all that are free. */
function takeAll(slots: Pick<Lender, "take">): Lease[] {
  const taken: Lease[] = [];
  for (let slot; (slot = slots.take()) !== undefined;) taken.push(slot);
  return taken;
}

function carriers() {
  const there = allocateLane();
  const back = allocateLane();
  return {
    near: new RingCarrier(there, back),
    far: new RingCarrier(back, there),
  };
}

Deno.test("each slot is taken once, and again when it is free", () => {
  const memory = allocateSlots();
  const slots = new Slots(memory);
  const others = new Slots(memory);
  const taken = takeAll(slots);
  deepStrictEqual(
    taken.map(({ number }) => number),
    Array.from(taken, (_, number) => number),
  );
  strictEqual(others.take(), undefined);
  taken[3]!.bytes.fill(3);
  taken[4]!.bytes.fill(4);
  ok(others.at(3)!.bytes.every((byte) => byte === 3));
  others.at(4)!.free();
  others.at(3)!.free();
  strictEqual(slots.take(), taken[3]);
  strictEqual(slots.take(), taken[4]);
  strictEqual(slots.take(), undefined);
  strictEqual(slots.at(taken.length), undefined);
});

Deno.test("a carrier refuses what is in no slot", async () => {
  for (
    const payload of [
      packSlot(200, 1),
      packSlot(0, 0),
      packSlot(0, SLOT_SIZE + 1),
      new Uint8Array(3),
      new Uint8Array(0),
    ]
  ) {
    const { near, far } = carriers();
    near.send(FrameType.Lent, 1, payload);
    await rejects(
      soon(far.receive({ data: () => {}, frame: () => {} })),
      ProtocolError,
    );
    near.close();
    far.close();
  }
});

Deno.test("a slot is free after the call that lends it, or when who kept it says so", async () => {
  const { near, far } = carriers();
  const keep: Lease[] = [];
  let recalled = 0;
  const came = Promise.withResolvers<void>();
  const handler: FrameHandler = {
    frame: () => came.resolve(),
    data: (channel, _part, slot) => {
      if (channel === 1) return;
      keep.push(slot!);
      slot!.keep(
        channel === 2 ? undefined : () => {
          recalled++;
          slot!.free();
        },
      );
    },
  };
  const received = far.receive(handler);
  const taken = takeAll(near.lender);
  for (const channel of [1, 2, 3]) {
    near.send(FrameType.Lent, channel, packSlot(channel, 1));
  }
  near.send(FrameType.Done, 1);
  await soon(came.promise);
  deepStrictEqual(takeAll(near.lender), [taken[1]]);
  while (recalled === 0) await null;
  deepStrictEqual(takeAll(near.lender), [taken[3]]);
  keep[0]!.free();
  deepStrictEqual(takeAll(near.lender), [taken[2]]);
  far.close();
  near.close();
  await soon(received);
});

/** Says that it keeps no bytes, as Deno's connections do not. */
function borrower(methods: Partial<Deno.Conn>): Deno.Conn {
  class Socket {
    readonly localAddr = ADDRESS;
    readonly remoteAddr = ADDRESS;
    read(): Promise<number> {
      return new Promise(() => {});
    }
  }
  Object.assign(Socket.prototype, methods);
  addBorrower(Socket.prototype);
  return new Socket() as unknown as Deno.Conn;
}

/** A connection whose handler's end is at hand: both run in this thread. */
function connection(socket: Partial<Deno.Conn>) {
  const { near, far } = carriers();
  const stream = new NearStream(
    near,
    1,
    {
      settling: () => {},
      abort: () => {},
      shutdown: () => Promise.resolve(),
    },
    borrower(socket),
  );
  const handler = new FarConnection(far, 1, ADDRESS, ADDRESS, false);
  const receiving = [
    near.receive({
      data: (_channel, part, slot) => stream.data(part, slot),
      passed: () => stream.write(),
      frame: (type, _channel, payload) => stream.frame(type, payload),
    }),
    far.receive({
      data: (_channel, part, slot) => handler.receive(part, slot),
      frame: (type) => {
        if (type === FrameType.End) handler.end();
      },
    }),
  ];
  const close = async () => {
    near.close();
    far.close();
    await soon(Promise.all(receiving));
  };
  return { near, far, stream, handler, close };
}

/** How many of a carrier's slots are free. */
function countFree({ lender }: Carrier): number {
  const taken = takeAll(lender!);
  for (const slot of taken) slot.free();
  return taken.length;
}

Deno.test("a stream that is read at once leaves no slot taken and no byte changed", async () => {
  const SIZE = 20 * 2 ** 20;
  const sent = new Stream();
  let shared = 0;
  const { near, stream, handler, close } = connection({
    read: (buffer) => {
      if (sent.position === SIZE) return Promise.resolve(null);
      if (buffer.buffer instanceof SharedArrayBuffer) shared++;
      const n = Math.min(buffer.length, SIZE - sent.position);
      buffer.set(sent.take(n));
      return Promise.resolve(n);
    },
  });
  const all = countFree(near);
  stream.open();
  const received = new Stream();
  const buffer = new Uint8Array(100_000);
  for (let n; (n = await soon(handler.read(buffer))) !== null;) {
    received.compare(buffer.subarray(0, n));
  }
  strictEqual(received.position, SIZE);
  ok(shared > 10, `${shared} reads were into slots`);
  strictEqual(countFree(near), all);
  await close();
});

Deno.test("what handlers do not read stays in its slots while half of them are free", async () => {
  const { near, far } = carriers();
  const SIZE = 30_000;
  const handlers = Array.from(
    { length: countFree(near) },
    (_, i) => new FarConnection(far, i, ADDRESS, ADDRESS, false),
  );
  const half = handlers.length / 2;
  let came = 0;
  const receiving = far.receive({
    data: (channel, part, slot) => {
      came++;
      handlers[channel]!.receive(part, slot);
    },
    frame: () => {},
  });
  const send = (channel: number) => {
    const slot = near.lender.take()!;
    slot.bytes.fill(channel + 1, 0, SIZE);
    near.send(FrameType.Lent, channel, packSlot(slot.number, SIZE));
  };
  for (let i = 0; i < half; i++) send(i);
  await until("half of them", () => came === half);
  strictEqual(countFree(near), half);
  for (let i = half; i < handlers.length; i++) send(i);
  await until("the others", () => came === handlers.length);
  await until("slots", () => countFree(near) >= half);
  const buffer = new Uint8Array(2 * SIZE);
  for (const [i, handler] of handlers.entries()) {
    strictEqual(await handler.read(buffer), SIZE);
    ok(buffer.subarray(0, SIZE).every((byte) => byte === i + 1));
  }
  strictEqual(countFree(near), handlers.length);
  near.close();
  far.close();
  await soon(receiving);
});

Deno.test("what a client does not take leaves the slots to others, and arrives", async () => {
  const SIZE = 20_000;
  const taken = new Stream();
  let write = Promise.withResolvers<number>();
  let offered: Uint8Array | undefined;
  const { far, handler, close } = connection({
    write: (data) => {
      offered = data;
      return write.promise;
    },
  });
  const all = countFree(far);
  const sent = new Stream();
  for (let i = 0; i < all; i++) {
    strictEqual(await soon(handler.write(sent.take(SIZE))), SIZE);
  }
  // All but the one that is being written.
  await until(
    "slots",
    () => offered !== undefined && countFree(far) >= all / 2,
  );
  while (taken.position < all * SIZE) {
    await until("a write", () => offered !== undefined);
    taken.compare(offered!);
    const { length } = offered!;
    const { resolve } = write;
    offered = undefined;
    write = Promise.withResolvers();
    resolve(length);
  }
  await until("all slots", () => countFree(far) === all);
  await close();
});

Deno.test("a slot that is being written is not free before it is, or has failed", async () => {
  let write = Promise.withResolvers<number>();
  let writes = 0;
  const { far, handler, close } = connection({
    write: () => {
      writes++;
      return write.promise;
    },
  });
  const all = countFree(far);
  const data = new Uint8Array(100_000);
  for (let i = 0; i < 4; i++) {
    strictEqual(await handler.write(data), data.length);
  }
  await until("a write", () => writes === 1 && countFree(far) === all - 4);
  const first = write;
  write = Promise.withResolvers();
  first.resolve(data.length);
  await until("the next write", () => writes === 2);
  strictEqual(countFree(far), all - 3);
  write.reject(new Deno.errors.BrokenPipe("gone"));
  await until("all slots", () => countFree(far) === all);
  await close();
});
