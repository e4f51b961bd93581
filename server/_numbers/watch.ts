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
  readonly #outlet: Outlet | undefined;
  #idStep: number;
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
    this.#outlet = parts.outlet;
    this.#nextId = firstId;
    this.#idStep = idStep;
  }

  /** Whether anybody may be told of anything. */
  get tells(): boolean {
    return listening !== 0 || this.#outlet?.wantsAny === true;
  }

  /** Numbers requests from now on from `firstId`, in steps. */
  numberFrom(firstId: number, idStep: number): void {
    this.#nextId = firstId;
    this.#idStep = idStep;
  }

  /**
   * A request was accepted, and is in progress. It gets its number.
   *
   * @param isKnown Whether it is known whose it is.
   */
  accepted(subject: NewSubject, isKnown = true): void {
    subject.id = this.#nextId;
    this.#nextId += this.#idStep;
    this.counters[ACCEPTED]!++;
    if (isKnown && this.tells) this.publisher.accept(subject);
  }

  /** It is known by now whose a request is. */
  introduced(subject: Subject): void {
    if (this.tells) this.publisher.accept(subject);
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
    const subject: NewSubject = {
      ...{ id: 0, clientAddress, since: Date.now(), began: 0 },
      ...{ handled: 0, bytesIn: 0, bytesOut: 0 },
    };
    this.accepted(subject);
    publisher.refuse(subject, reason);
  }

  /** Its handler begins to run. */
  started(subject: Subject): void {
    if (this.tells) this.publisher.start(subject);
  }

  /**
   * A handler or a hook threw. Where that only says that its client has gone, or
   * that a time is over, it is counted as if that had aborted it: whether a handler
   * finds out by itself is chance.
   */
  failed(error: unknown): Fate {
    const reason = reasonOf(error);
    if (reason !== undefined) return this.aborted(error, reason);
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
    reason: AbortReason = reasonOf(error) ?? "connection",
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
    return this.tells ? performance.now() : 0;
  }

  /** Nothing is left of it. Of one that was refused that has been told. */
  ended(subject: Subject, fate: Fate | undefined): void {
    this.counters[ENDED]!++;
    if (fate !== undefined && this.tells) this.publisher.end(subject, fate);
  }
}

/** Why a request is aborted with an error, if that tells. */
function reasonOf(error: unknown): AbortReason | undefined {
  try {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      return "timeout";
    }
    return isDisconnect(error) ? "connection" : undefined;
  } catch {
    // What was thrown cannot be looked at: a proxy that was revoked.
    return undefined;
  }
}
