import {
  type Fate,
  type Outlet,
  Publisher,
  type Subject,
} from "../_events/publisher.ts";
import { isDisconnect } from "../_core/accept_errors.ts";
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
    this.#nextId = firstId;
    this.#idStep = idStep;
  }

  /** The number of the next request. */
  takeId(): number {
    const id = this.#nextId;
    this.#nextId = id + this.#idStep;
    return id;
  }

  /** A request was accepted, and is in progress. */
  accepted(subject: Subject): void {
    this.counters[ACCEPTED]!++;
    this.publisher.accept(subject);
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
    counters[ACCEPTED]!++;
    counters[HANDLED]!++;
    counters[ENDED]!++;
    counters[refusedFor(reason)]!++;
    const id = this.takeId();
    if (!publisher.wants("accept") && !publisher.wants("refuse")) return;
    const began = performance.now();
    const subject: Subject = {
      ...{ id, clientAddress, began },
      ...{ handled: began, bytesIn: 0, bytesOut: 0 },
    };
    publisher.accept(subject);
    publisher.refuse(subject, reason);
  }

  /** Its handler begins to run. */
  started(subject: Subject): void {
    this.publisher.start(subject);
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
    return this.publisher.wants("end") ? performance.now() : 0;
  }

  /** Nothing is left of it. Of one that was refused that has been told. */
  ended(subject: Subject, fate: Fate | undefined): void {
    this.counters[ENDED]!++;
    if (fate !== undefined) this.publisher.end(subject, fate);
  }
}

/** Whether an error says that a time is over. */
function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
