import type { RequestServer } from "../../handlers/base_request_handler.ts";
import type {
  ServerAcceptEvent,
  ServerCloseEvent,
  ServerDrainEvent,
  ServerEndEvent,
  ServerErrorEvent,
  ServerFullEvent,
  ServerListenEvent,
  ServerRefuseEvent,
  ServerRequestEvent,
  ServerStartEvent,
} from "../server_events.ts";
import type { AbortReason, RefusalReason } from "../server_stats.ts";
import { bitOf, CHANNELS, type EventName, listening } from "./channels.ts";

/** What each event tells. */
export interface Events {
  readonly listen: ServerListenEvent;
  readonly accept: ServerAcceptEvent;
  readonly refuse: ServerRefuseEvent;
  readonly start: ServerStartEvent;
  readonly end: ServerEndEvent;
  readonly error: ServerErrorEvent;
  readonly full: ServerFullEvent;
  readonly drain: ServerDrainEvent;
  readonly close: ServerCloseEvent;
}

/** What an event tells beside its server and its time. */
export type Told<Event extends EventName> = Omit<
  Events[Event],
  "server" | "time"
>;

/** Who is told of events beside those who listen in this thread. */
export interface Outlet {
  /** Whether it is to be told of any event. */
  readonly wantsAny: boolean;
  /** Whether it is to be told of an event. */
  wants(event: EventName): boolean;
  /**
   * Takes one.
   *
   * @param time When it happened, in milliseconds since the epoch.
   */
  take<Event extends EventName>(
    event: Event,
    time: number,
    told: Told<Event>,
  ): void;
}

/** A request, as far as events tell of it. */
export interface Subject {
  readonly id: number;
  readonly clientAddress: Deno.Addr;
  /** When it was accepted, in milliseconds since the epoch. */
  readonly since: number;
  /** The same in `performance.now()` time, or 0 where nobody listened then. */
  readonly began: number;
  /** When its handler had ended, if an event is to tell. */
  readonly handled: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** How a request has come to its end. */
export interface Fate {
  readonly outcome: ServerEndEvent["outcome"];
  readonly reason?: AbortReason;
  readonly error?: unknown;
}

/** Tells whoever listens what happens in one server. Makes nothing where none does. */
export class Publisher {
  readonly #server: RequestServer;
  readonly #outlet: Outlet | undefined;

  /**
   * @param server The server, as its handlers see it.
   * @param outlet Who else is told.
   */
  constructor(server: RequestServer, outlet: Outlet | undefined) {
    this.#server = server;
    this.#outlet = outlet;
  }

  /** Whether anybody is to be told of an event. */
  wants(event: EventName): boolean {
    return (listening & bitOf(event)) !== 0 ||
      this.#outlet?.wants(event) === true;
  }

  /** Tells of an event. */
  publish<Event extends EventName>(
    event: Event,
    told: Told<Event>,
    time: number = performance.timeOrigin + performance.now(),
  ): void {
    const channel = CHANNELS[event];
    if (channel.hasSubscribers) {
      channel.publish({ server: this.#server, time, ...told });
    }
    if (this.#outlet?.wants(event)) this.#outlet.take(event, time, told);
  }

  listen(): void {
    if (!this.wants("listen")) return;
    this.publish("listen", { address: this.#server.addr });
  }

  accept(subject: Subject): void {
    if (this.wants("accept")) this.publish("accept", identity(subject));
  }

  refuse(subject: Subject, reason: RefusalReason): void {
    if (!this.wants("refuse")) return;
    this.publish("refuse", { ...identity(subject), reason });
  }

  start(subject: Subject): void {
    if (!this.wants("start")) return;
    const waited = age(subject, performance.now());
    this.publish("start", { ...identity(subject), waited });
  }

  end(subject: Subject, fate: Fate): void {
    if (!this.wants("end")) return;
    const { handled, bytesIn, bytesOut } = subject;
    const now = performance.now();
    // Somebody may listen only since then.
    const until = handled || now;
    this.publish("end", {
      ...identity(subject),
      ...{ duration: age(subject, until), lingered: now - until },
      ...{ bytesIn, bytesOut },
      ...fate,
    });
  }

  error(error: unknown, clientAddress: Deno.Addr | undefined): void {
    if (!this.wants("error")) return;
    this.publish("error", {
      error,
      ...clientAddress === undefined ? {} : { clientAddress },
    });
  }

  full(limit: number): void {
    if (this.wants("full")) this.publish("full", { limit });
  }

  drain(gracePeriod: number): void {
    if (this.wants("drain")) this.publish("drain", { gracePeriod });
  }

  close(): void {
    if (this.wants("close")) this.publish("close", {});
  }
}

/** How old a request was at a moment of `performance.now()` time, in milliseconds. */
function age({ began, since }: Subject, moment: number): number {
  if (began !== 0) return moment - began;
  return Math.max(0, performance.timeOrigin + moment - since);
}

function identity(
  { id, clientAddress }: Subject,
): Omit<ServerRequestEvent, "server" | "time"> {
  return { id, clientAddress };
}
