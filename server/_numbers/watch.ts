import {
  type Fate,
  type Outlet,
  Publisher,
  type Subject,
} from "../_events/publisher.ts";
import { isDisconnect } from "../_core/accept_errors.ts";
import { listening } from "../_events/channels.ts";
import type { RequestServer } from "../../handlers/base_request_handler.ts";
import type { AbortReason, RefusalReason } from "../server_stats.ts";
import {
  abortedFor,
  ACCEPTED,
  COUNTERS,
  ENDED,
  FAILED,
  HANDLED,
  refusedFor,
} from "./counters.ts";

/** How the requests of a server are watched where others have a part in it. */
export interface WatchParts {
  /** Where they are counted. */
  readonly counters?: Float64Array;
  /** The number of the first request. */
  readonly firstId?: number;
  /** By how much the number of the next is larger. */
  readonly idStep?: number;
  /** Who is told of events beside those who listen in this thread. */
  readonly outlet?: Outlet;
}

/** A request that gets its number. */
type NewSubject = Omit<Subject, "id"> & { id: number };

/** How a request has come to its end of which nothing else was told. */
export const DONE: Fate = { outcome: "done" };

/**
 * Is told what becomes of the requests of a server, counts it, and tells whoever
 * listens.
 */
export class Watch {
  /** The counters: see `counters.ts`. */
  readonly counters: Float64Array;
  /** Tells whoever listens. */
  readonly publisher: Publisher;
  /** Whether others are told of events than those who listen in this thread. */
  readonly #forwards: boolean;
  readonly #idStep: number;
  #nextId: number;

  /**
   * @param server The server, as its handlers see it.
   * @param parts What is shared with others.
   */
  constructor(server: RequestServer, parts: WatchParts = {}) {
    const { counters = new Float64Array(COUNTERS), firstId = 1, idStep = 1 } =
      parts;
    this.counters = counters;
    this.publisher = new Publisher(server, parts.outlet);
    this.#forwards = parts.outlet !== undefined;
    this.#nextId = firstId;
    this.#idStep = idStep;
  }

  /** A request was accepted, and is in progress. It gets its number. */
  accepted(subject: NewSubject): void {
    subject.id = this.#nextId;
    this.#nextId += this.#idStep;
    this.counters[ACCEPTED]!++;
    if (this.#forwards || listening !== 0) this.publisher.accept(subject);
  }

  /** It is closed unanswered. */
  refused(subject: Subject, reason: RefusalReason): void {
    this.counters[refusedFor(reason)]!++;
    this.publisher.refuse(subject, reason);
  }

  /**
   * A client was accepted and closed again before it was a request in progress.
   *
   * @param clientAddress Whose it was.
   */
  turnedAway(clientAddress: Deno.Addr, reason: RefusalReason): void {
    const { counters, publisher } = this;
    counters[HANDLED]!++;
    counters[ENDED]!++;
    counters[refusedFor(reason)]!++;
    const began = performance.now();
    const subject: NewSubject = {
      ...{ id: 0, clientAddress, began },
      ...{ handled: began, bytesIn: 0, bytesOut: 0 },
    };
    this.accepted(subject);
    publisher.refuse(subject, reason);
  }

  /** Its handler begins to run. */
  started(subject: Subject): void {
    if (this.#forwards || listening !== 0) this.publisher.start(subject);
  }

  /**
   * A handler or a hook threw. Where that only says that its client has gone, or
   * that a time is over, it is counted as if that had aborted it: whether a handler
   * finds out by itself is chance.
   */
  failed(error: unknown): Fate {
    if (isTimeout(error) || isDisconnect(error)) return this.aborted(error);
    this.counters[FAILED]!++;
    return { outcome: "failed", error };
  }

  /**
   * It is over before its handler is.
   *
   * @param error What it is aborted with.
   * @param reason Why, where the error does not tell.
   */
  aborted(
    error: unknown,
    reason: AbortReason = isTimeout(error) ? "timeout" : "connection",
  ): Fate {
    this.counters[abortedFor(reason)]!++;
    return { outcome: "aborted", reason, error };
  }

  /**
   * Its handler has ended.
   *
   * @returns When, in `performance.now()` time, where that is to be told; else 0.
   */
  handled(): number {
    this.counters[HANDLED]!++;
    return this.#forwards || listening !== 0 ? performance.now() : 0;
  }

  /** Nothing is left of it. Of one that was refused that has been told. */
  ended(subject: Subject, fate: Fate | undefined): void {
    this.counters[ENDED]!++;
    if (fate === undefined || !this.#forwards && listening === 0) return;
    this.publisher.end(subject, fate);
  }
}

/** Whether an error says that a time is over. */
function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
