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
  /** Takes one. */
  take<Event extends EventName>(event: Event, message: Events[Event]): void;
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

  /**
   * Tells of an event that was told elsewhere.
   *
   * @param time When it happened, in milliseconds since the epoch.
   */
  publish<Event extends EventName>(
    event: Event,
    told: Told<Event>,
    time: number,
  ): void {
    const server = this.#server;
    this.#tell(event, { server, time, ...told } as unknown as Events[Event]);
  }

  listen(): void {
    if (!this.wants("listen")) return;
    const server = this.#server;
    this.#tell("listen", { server, time: timeOf(), address: server.addr });
  }

  accept(subject: Subject): void {
    if (!this.wants("accept")) return;
    const { id, clientAddress, began, since } = subject;
    const time = began === 0 ? since : timeOf(began);
    this.#tell("accept", { server: this.#server, time, id, clientAddress });
  }

  refuse(subject: Subject, reason: RefusalReason): void {
    if (!this.wants("refuse")) return;
    const { id, clientAddress } = subject;
    const [server, time] = [this.#server, timeOf()];
    this.#tell("refuse", { server, time, id, clientAddress, reason });
  }

  start(subject: Subject): void {
    if (!this.wants("start")) return;
    const { id, clientAddress } = subject;
    const now = performance.now();
    this.#tell("start", {
      server: this.#server,
      time: timeOf(now),
      id,
      clientAddress,
      waited: age(subject, now),
    });
  }

  end(subject: Subject, fate: Fate): void {
    if (!this.wants("end")) return;
    const now = performance.now();
    // Somebody may listen only since then.
    const until = subject.handled || now;
    const message: ServerEndEvent = {
      server: this.#server,
      time: timeOf(now),
      id: subject.id,
      clientAddress: subject.clientAddress,
      duration: age(subject, until),
      lingered: now - until,
      bytesIn: subject.bytesIn,
      bytesOut: subject.bytesOut,
      outcome: fate.outcome,
    };
    this.#tell(
      "end",
      fate.outcome === "done" ? message : { ...message, ...fate },
    );
  }

  error(error: unknown, clientAddress: Deno.Addr | undefined): void {
    if (!this.wants("error")) return;
    this.#tell("error", {
      ...{ server: this.#server, time: timeOf(), error },
      ...clientAddress === undefined ? {} : { clientAddress },
    });
  }

  full(limit: number): void {
    if (!this.wants("full")) return;
    this.#tell("full", { server: this.#server, time: timeOf(), limit });
  }

  drain(gracePeriod: number): void {
    if (!this.wants("drain")) return;
    this.#tell("drain", { server: this.#server, time: timeOf(), gracePeriod });
  }

  close(): void {
    if (!this.wants("close")) return;
    this.#tell("close", { server: this.#server, time: timeOf() });
  }

  #tell<Event extends EventName>(event: Event, message: Events[Event]): void {
    // Before subscribers, who may change what they are given.
    if (this.#outlet?.wants(event)) this.#outlet.take(event, message);
    const channel = CHANNELS[event];
    if (!channel.hasSubscribers) return;
    const own = message as WithAddresses;
    if (own.clientAddress !== undefined) {
      own.clientAddress = { ...own.clientAddress };
    }
    if (own.address !== undefined) own.address = { ...own.address };
    channel.publish(message);
  }
}

/** A message, whose addresses are those that the server itself goes by. */
interface WithAddresses {
  clientAddress?: Deno.Addr;
  address?: Deno.Addr;
}

/**
 * A moment of `performance.now()` time, in milliseconds since the epoch. To ask for
 * it takes 0.3 µs, so that it is asked for once for each event.
 */
function timeOf(moment: number = performance.now()): number {
  return performance.timeOrigin + moment;
}

/** How old a request was at a moment of `performance.now()` time, in milliseconds. */
function age({ began, since }: Subject, moment: number): number {
  if (began !== 0) return moment - began;
  return Math.max(0, timeOf(moment) - since);
}
