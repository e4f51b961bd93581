import { setImmediate } from "node:timers/promises";
import type { Carrier } from "../_bridge/carrier.ts";
import {
  FrameDecoder,
  type FrameHandler,
  FrameType,
  HEADER_SIZE,
  MAX_DATA,
  paddingAfter,
  ProtocolError,
  putHeader,
} from "../_bridge/frames.ts";
import type { Lender } from "../_bridge/lease.ts";
import { untilQuiet } from "../_bridge/quiet.ts";
import { allocateRing, RingConsumer, RingProducer } from "./ring.ts";
import {
  allocateSlots,
  type PackedSlot,
  packSlot,
  SLOT_SIZE,
  Slots,
  unpackSlot,
} from "./slots.ts";

/** The size of a ring, in bytes: several of the largest frames. */
export const RING_CAPACITY = 1024 * 1024;

/** The shared memory of one direction. */
export interface Lane {
  readonly ring: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
}

/** Allocates what a carrier needs for one direction. */
export function allocateLane(): Lane {
  return { ring: allocateRing(RING_CAPACITY), slots: allocateSlots() };
}

/** How much is taken out before handlers get a turn: the largest data frame. */
const STEP = HEADER_SIZE + MAX_DATA;
/** How many requests are sent before the other side is woken for them. */
const MOST_UNTOLD = 8;
/** How many turns of the microtask queue a handler needs to read on. */
const TURNS = 8;

/**
 * How long bytes are taken out before timers and sockets get a turn, in
 * milliseconds. What comes without pause would keep them waiting for good: the
 * handlers' turns are microtasks.
 */
const LONGEST_RUN = 10;

/** How many turns handlers have to read what is in slots. */
const SLOT_TURNS = 64;

/**
 * How often in a row a side is woken for nothing before everything else in its
 * thread gets a turn. Two are usual; a thread that writes over the words by which
 * it wakes the other would hold that up for good.
 */
const MOST_FALSE_ALARMS = 8;

/**
 * How many bytes may wait for room in the ring before nothing more is taken from
 * the other side: what comes from there asks for answers.
 */
const MOST_KEPT = 4 * RING_CAPACITY;

/** Carries frames through shared memory. */
export class RingCarrier implements Carrier {
  readonly lender: Lender;
  readonly #incoming: Slots;
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;
  /** Requests that were sent to a side that may be asleep. */
  #untold = 0;
  /** Frames that did not fit. */
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #draining: Promise<void> | undefined;
  /** Where bytes that come go. */
  #take: ((piece: Uint8Array) => void) | undefined;
  #taking = false;
  #closed = false;
  /** Why nothing more can be sent or received. */
  #failure: ProtocolError | undefined;
  /** Whether anything has come in a slot lately. */
  #slotsCame = false;
  readonly #isNear: boolean;

  /**
   * @param outgoing Where frames are sent.
   * @param incoming Where frames come from.
   * @param isNear Whether this side waits where the other takes no answers. Only
   * one of the two may, or each could wait for the other.
   */
  constructor(
    outgoing: Lane,
    incoming: Lane,
    isNear = false,
  ) {
    this.#producer = new RingProducer(outgoing.ring);
    this.#consumer = new RingConsumer(incoming.ring);
    const slots = new Slots(outgoing.slots);
    this.lender = {
      take: () => slots.take(),
      send: (channel, { number }, size) =>
        this.send(FrameType.Lent, channel, packSlot(number, size)),
    };
    this.#incoming = new Slots(incoming.slots);
    this.#isNear = isNear;
  }

  get congested(): boolean {
    return this.#kept.length > 0;
  }

  send(type: FrameType, channel: number, payload?: Uint8Array): void {
    if (this.#closed) return;
    const length = payload === undefined ? 0 : payload.length;
    const padding = paddingAfter(length);
    const size = HEADER_SIZE + length + padding;
    if (!this.congested && this.#producer.hasRoom(size)) {
      // What putHeader() writes.
      this.#producer.putNumbers(length | type << 24, channel);
      if (payload !== undefined) this.#producer.put(payload);
      this.#producer.skip(padding);
      this.#producer.publish();
      if (type === FrameType.Open || type === FrameType.OpenDatagram) {
        void this.#wakeForRequests();
      } else this.#producer.wake();
      return;
    }
    const frame = new Uint8Array(size);
    putHeader(frame, 0, type, channel, length);
    if (payload !== undefined) frame.set(payload, HEADER_SIZE);
    this.#kept.push(frame);
    this.#keptBytes += size;
    this.#draining ??= this.#drainKept();
  }

  drained(): Promise<void> {
    return this.#draining ?? Promise.resolve();
  }

  /**
   * Passes the frames that come to `handler`, until the carrier is closed.
   *
   * @returns A promise that rejects with what the decoder or `handler` threw.
   */
  async receive(handler: FrameHandler): Promise<void> {
    const decoder = new FrameDecoder({
      data: (channel, part) => handler.data(channel, part),
      frame: (type, channel, payload) => {
        if (type === FrameType.Lent) {
          this.#takeSlot(handler, channel, unpackSlot(payload));
        } else handler.frame(type, channel, payload);
      },
    }, true);
    const take = (piece: Uint8Array) => {
      this.#taking = true;
      try {
        decoder.push(piece);
      } finally {
        handler.passed?.();
        this.#taking = false;
      }
    };
    this.#take = take;
    let since = performance.now();
    let inVain = 0;
    while (!this.#closed) {
      if (this.#failure !== undefined) throw this.#failure;
      const drained = this.#consumer.drain(take, STEP);
      if (drained === 0) {
        if (++inVain > MOST_FALSE_ALARMS) await setImmediate();
        const bytes = this.#consumer.waitForBytes();
        if (bytes === undefined) continue;
        await bytes;
        since = performance.now();
      } else {
        inVain = 0;
        // What has come may set off more. After much, handlers get the time to
        // ask for the next bytes, which then need not be kept for them.
        const turns = drained < STEP / 4 ? 1 : TURNS;
        for (let turn = 0; turn < turns; turn++) await null;
        if (this.#slotsCame) await this.#recallSlots();
        if (performance.now() - since > LONGEST_RUN) {
          await setImmediate();
          since = performance.now();
        }
        if (this.#isNear && this.#keptBytes > MOST_KEPT) await this.drained();
      }
    }
  }

  #takeSlot(
    handler: FrameHandler,
    channel: number,
    { number, size }: PackedSlot,
  ): void {
    const slot = this.#incoming.at(number);
    if (slot === undefined || size === 0 || size > SLOT_SIZE) {
      throw new ProtocolError(
        `Cannot take ${size} bytes from slot ${number}: there is no such slot`,
      );
    }
    if (slot.kept) {
      throw new ProtocolError(
        `Cannot take ${size} bytes from slot ${number}: it was not given back`,
      );
    }
    this.#slotsCame = true;
    handler.data(channel, slot.bytes.subarray(0, size), slot);
    if (!slot.kept) slot.free();
  }

  /**
   * Where few slots are left, lets handlers read what is in them, and has the
   * rest moved out of them.
   */
  async #recallSlots(): Promise<void> {
    this.#slotsCame = false;
    if (!this.#incoming.scarce) return;
    for (let turn = 0; turn < SLOT_TURNS; turn++) {
      if (!this.#incoming.recallable) return;
      await null;
    }
    this.#incoming.recall();
  }

  /** Sends no more, and receives only what has come already. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      // A handler that closes it while it takes a piece has the rest of that.
      if (this.#take !== undefined && !this.#taking) {
        this.#consumer.drain(this.#take);
      }
    } catch {
      // What came was no frame: there is nothing more to receive.
    }
    this.#kept.length = this.#keptBytes = 0;
    this.#consumer.interrupt();
    this.#producer.interrupt();
  }

  /**
   * Wakes the other side for a request, and for those that come with it: a
   * thread that is woken for each costs more than most requests take.
   */
  async #wakeForRequests(): Promise<void> {
    if (++this.#untold > 1) return;
    await untilQuiet(() => this.#untold, MOST_UNTOLD);
    this.#untold = 0;
    this.#producer.wake();
  }

  async #drainKept(): Promise<void> {
    // Later than now: `#draining` must be set before it is unset here, also
    // where room has just been made.
    await null;
    let inVain = 0;
    while (this.#kept.length > 0 && this.#failure === undefined) {
      const frame = this.#kept[0]!;
      if (this.#producer.hasRoom(frame.length)) {
        inVain = 0;
        this.#producer.put(frame);
        this.#producer.publish();
        this.#producer.wake();
        this.#kept.shift();
        this.#keptBytes -= frame.length;
      } else if (this.#producer.forged) {
        this.#fail("the other side says that it took what was not sent");
      } else {
        if (++inVain > MOST_FALSE_ALARMS) await setImmediate();
        await this.#producer.waitForRoom(frame.length);
      }
    }
    this.#draining = undefined;
  }

  /** Has `receive` throw: whoever owns the carrier hears of it there. */
  #fail(why: string): void {
    this.#failure = new ProtocolError(`Cannot send a frame: ${why}`);
    this.#consumer.interrupt();
  }
}
