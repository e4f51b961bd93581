/**
 * What a thread that accepts for itself tells the main thread of what happens in it.
 * The main thread believes none of it: see `readEvents`.
 */

import { packError, unpackError } from "../_bridge/errors.ts";
import { ProtocolError } from "../_bridge/frames.ts";
import {
  bitOf,
  type EventName,
  EVENTS,
  listening,
} from "../_events/channels.ts";
import type { Events, Publisher, Told } from "../_events/publisher.ts";
import { isAbortReason, isRefusalReason } from "../_numbers/counters.ts";
import { isCount, isId, readClient } from "./checks.ts";

/** The events that are forwarded. The others happen in the main thread, too. */
type Forwarded = "accept" | "refuse" | "start" | "end" | "full";

const FORWARDED: ReadonlySet<EventName> = new Set<Forwarded>([
  "accept",
  "refuse",
  "start",
  "end",
  "full",
]);

/** An event as it travels: its error is packed. */
export interface PackedEvent {
  readonly event: string;
  /** In milliseconds since the epoch. */
  readonly time: number;
  readonly told: object;
}

/** How many events one message has at most. */
const MOST_AT_ONCE = 512;
/** How many messages may be on their way. */
const MOST_UNDER_WAY = 2;
/** How many events may wait to be told. */
const MOST_WAITING = 4_096;

/** The bits of the events that have to be told for one that is wanted. */
function needed(wanted: number): number {
  // Who is told that a request has ended with its thread must know that it began,
  // and that it was not refused.
  return wanted & bitOf("end")
    ? wanted | bitOf("accept") | bitOf("refuse")
    : wanted;
}

const BITS = new Map(
  EVENTS.filter((event) => FORWARDED.has(event))
    .map((event) => [event, bitOf(event)]),
);

/** The events of a thread that are still to be told. */
export class EventQueue {
  readonly #wanted: Int32Array;
  readonly #tell: (events: readonly PackedEvent[], lost: number) => void;
  readonly #waiting: PackedEvent[] = [];
  #underWay = 0;
  #lost = 0;
  #flushes = false;

  /**
   * @param wanted A word that says which are wanted, which changes at any time.
   * @param tell Tells some, and how many were lost.
   */
  constructor(
    wanted: Int32Array,
    tell: (events: readonly PackedEvent[], lost: number) => void,
  ) {
    this.#wanted = wanted;
    this.#tell = tell;
  }

  /** Whether somebody in the main thread wants to know of any. */
  get wantsAny(): boolean {
    return this.#wanted[0] !== 0;
  }

  /** Whether somebody in the main thread wants to know of an event. */
  wants(event: EventName): boolean {
    return (needed(this.#wanted[0]!) & (BITS.get(event) ?? 0)) !== 0;
  }

  /** Takes an event. */
  take<Event extends EventName>(event: Event, message: Events[Event]): void {
    if (this.#waiting.length >= MOST_WAITING) return void this.#lost++;
    // The server is the main thread's to tell.
    const { server: _, time, ...told } = message;
    this.#waiting.push({ event, time, told: packed(told) });
    if (this.#flushes || this.#underWay >= MOST_UNDER_WAY) return;
    this.#flushes = true;
    // What happens in one tick is told together.
    queueMicrotask(() => this.#flush());
  }

  /** What was told has been taken. */
  more(): void {
    this.#underWay--;
    this.#flush();
  }

  #flush(): void {
    this.#flushes = false;
    while (this.#waiting.length > 0 && this.#underWay < MOST_UNDER_WAY) {
      this.#underWay++;
      this.#tell(this.#waiting.splice(0, MOST_AT_ONCE), this.#lost);
      this.#lost = 0;
    }
  }
}

function packed(told: { readonly error?: unknown }): object {
  if (told.error === undefined) return told;
  const { error, ...rest } = told;
  try {
    return { ...rest, error: packError(error).slice() };
  } catch {
    // It is told to `handleError` as well, and there in some way.
    return rest;
  }
}

/**
 * The events that a thread has told.
 *
 * @throws {ProtocolError} If they are none.
 */
export function readEvents(
  message: Readonly<Record<string, unknown>>,
): { readonly events: readonly PackedEvent[]; readonly lost: number } {
  const { events, lost } = message;
  if (!Array.isArray(events) || events.length > MOST_AT_ONCE) throw noEvents();
  if (!isCount(lost)) throw noEvents();
  return { events: events as readonly PackedEvent[], lost };
}

/** A request whose end is still to be told. */
interface Open {
  readonly clientAddress: Deno.Addr;
  /** When it was accepted, in milliseconds since the epoch. */
  readonly time: number;
}

/** Publishes the events of one thread in the main thread. */
export class EventsOfThread {
  readonly #publisher: Publisher;
  readonly #most: () => number;
  /** Those that began last come last. */
  readonly #open = new Map<number, Open>();

  /**
   * @param publisher Publishes them.
   * @param most Tells how many requests may be open at most.
   */
  constructor(publisher: Publisher, most: () => number) {
    this.#publisher = publisher;
    this.#most = most;
  }

  /** Nobody wants to know any more that requests end. */
  forget(): void {
    this.#open.clear();
  }

  /**
   * Publishes some.
   *
   * @throws {ProtocolError} If one is none.
   */
  publish(events: readonly PackedEvent[]): void {
    for (const packed of events) this.#publish(packed);
  }

  /**
   * The thread is gone: so are its requests.
   *
   * @param error Says so.
   */
  gone(error: Error): void {
    const now = performance.timeOrigin + performance.now();
    for (const [id, { clientAddress, time }] of this.#open) {
      this.#publisher.publish("end", {
        ...{ id, clientAddress, duration: Math.max(0, now - time) },
        ...{ lingered: 0, bytesIn: 0, bytesOut: 0, outcome: "failed", error },
      }, now);
    }
    this.#open.clear();
  }

  /** Notes a request, at the cost of the oldest: its end may have been lost. */
  #began(id: number, open: Open): void {
    if (this.#open.size >= this.#most()) {
      const [oldest] = this.#open.keys();
      this.#open.delete(oldest!);
    }
    this.#open.set(id, open);
  }

  #publish(packed: PackedEvent): void {
    const { event, time, told } = packed ?? {} as Partial<PackedEvent>;
    const fields = told as Readonly<Record<string, unknown>> | null;
    if (!isTime(time) || typeof fields !== "object" || fields === null) {
      throw noEvents();
    }
    if (event === "full") {
      if (typeof fields.limit !== "number") throw noEvents();
      return this.#publisher.publish("full", { limit: fields.limit }, time);
    }
    const { id } = fields;
    const clientAddress = readClient(fields.clientAddress);
    if (!isId(id) || clientAddress === undefined) throw noEvents();
    const identity = { id, clientAddress };
    switch (event) {
      case "accept":
        if (listening & bitOf("end")) this.#began(id, { clientAddress, time });
        return this.#publisher.publish("accept", identity, time);
      case "refuse": {
        const { reason } = fields;
        if (!isRefusalReason(reason)) throw noEvents();
        this.#open.delete(id);
        return this.#publisher
          .publish("refuse", { ...identity, reason }, time);
      }
      case "start": {
        const { waited } = fields;
        if (!isTime(waited)) throw noEvents();
        return this.#publisher.publish("start", { ...identity, waited }, time);
      }
      case "end":
        this.#open.delete(id);
        return this.#publisher
          .publish("end", { ...identity, ...readEnd(fields) }, time);
    }
    throw noEvents();
  }
}

function readEnd(
  fields: Readonly<Record<string, unknown>>,
): Omit<Told<"end">, "id" | "clientAddress"> {
  const { duration, lingered, bytesIn, bytesOut, outcome, reason, error } =
    fields;
  if (
    !isTime(duration) || !isTime(lingered) || !isCount(bytesIn) ||
    !isCount(bytesOut) ||
    outcome !== "done" && outcome !== "failed" && outcome !== "aborted" ||
    reason !== undefined && !isAbortReason(reason) ||
    error !== undefined && !(error instanceof Uint8Array)
  ) throw noEvents();
  return {
    ...{ duration, lingered, bytesIn, bytesOut, outcome },
    ...reason === undefined ? {} : { reason },
    ...error === undefined ? {} : { error: unpackError(error).error },
  };
}

/** A time, or how long something took, in milliseconds. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

function noEvents(): ProtocolError {
  return new ProtocolError(
    "Cannot take events of a thread: they are of no kind",
  );
}
