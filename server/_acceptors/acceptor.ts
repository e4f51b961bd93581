import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import { ANSWER_TIMEOUT } from "../_bridge/liveness.ts";
import { ABANDON_AFTER } from "../_core/served_request.ts";
import type { MessageHub } from "../_messages/message_hub.ts";
import type { RemotePlace } from "../_messages/remote_place.ts";
import { OwnedWorker } from "../_threads/owned_worker.ts";
import type { AcceptorStart } from "./acceptor_start.ts";
import { type Command, readReport, type Report } from "./messages.ts";
import { type Answer, Questions } from "./questions.ts";

/** The module that such a thread runs. */
const THREAD_URL = new URL("./acceptor_main.ts", import.meta.url).href;

/**
 * Never called: Deno downloads with a program what its modules name in an `import()`.
 * So threads start without a network where this module comes from a registry.
 */
export const downloaded = () => import("./acceptor_main.ts");

/** A thread that accepts for itself, as the main thread has it. */
export class Acceptor {
  /** The number under which it takes places. */
  readonly owner: number;
  /** Which of the threads it is, from 0. */
  readonly thread: number;
  readonly since: number = performance.now();
  /** Whether it has shut down, but perhaps for requests that wait for that. */
  drained = false;
  /** Whether it has shut down. */
  finished = false;
  /** Whether another has its place: it ends when its requests have ended. */
  retired = false;
  /** Whether it listens no more. */
  left = false;
  /** Whether it has said that it is spent. */
  spent = false;
  /** Whether it is gone, though what it had may not be closed yet. */
  ended = false;
  /** Resolves when it is gone, or keeps none but who wait for the server to go on. */
  readonly gone: Promise<void>;
  readonly #setGone: () => void;
  /** Whether it keeps one who waits for the server to go on. */
  #keepsOne = false;
  /** How long its requests may take, in milliseconds. */
  #gracePeriod = Infinity;
  readonly #worker: OwnedWorker;
  readonly #firstId: number;
  readonly #idStep: number;
  readonly #questions = new Questions();
  readonly #place: RemotePlace;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  /** When its requests should have ended, in `performance.now()` time. */
  #endsAt = Infinity;
  #endTimers: ReturnType<typeof setTimeout>[] = [];

  /**
   * @param start What it is told.
   * @param messages What it takes part in.
   * @param told Called with what it tells. What that throws ends it.
   * @param gone Called once, with the cause.
   */
  constructor(
    start: Omit<AcceptorStart, "module" | "state" | "config">,
    messages: MessageHub,
    told: (acceptor: Acceptor, report: Report) => void,
    gone: (acceptor: Acceptor, cause: Error) => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#setGone = resolve;
    this.owner = start.owner;
    this.thread = start.thread;
    this.#firstId = start.firstId;
    this.#idStep = start.idStep;
    this.#place = messages.join({
      message: ({ buffer }) =>
        this.tell({ do: "take message", message: buffer }),
      config: ({ buffer }) => this.tell({ do: "configure", config: buffer }),
      handled: (cost) => this.tell({ do: "note handled", cost }),
    });
    const config = messages.packedConfig?.buffer;
    this.#worker = new OwnedWorker(
      start.handler,
      (state): AcceptorStart => ({
        ...start,
        ...{ module: THREAD_URL, state, config },
      }),
      (cause) => {
        clearTimeout(this.#answerTimer);
        this.#questions.gone();
        this.#clearEndTimers();
        this.ended = true;
        gone(this, cause);
        this.#place.lost();
        resolve();
      },
    );
    this.#worker.receive((message) => {
      const report = readReport(message);
      if (report.is === "alive") {
        clearTimeout(this.#answerTimer);
        this.#answerTimer = undefined;
      } else if (report.is === "message") {
        this.#place.take(new Uint8Array(report.message));
      } else if (report.is === "taken") {
        this.#place.taken(report.cost);
      } else if (report.is === "answer") {
        this.#questions.answered(report.question, report.value);
      } else told(this, report);
    });
  }

  /** It has started, and takes messages. */
  opened(): void {
    this.#place.opened();
  }

  /** Tells it something. */
  tell(command: Command): void {
    this.#worker.post(command);
  }

  /** Whether a request with that number would be this thread's. */
  mayHave(id: number): boolean {
    return (id - this.#firstId) % this.#idStep === 0;
  }

  /** Asks it which requests it has. */
  list(): Promise<Answer> {
    return this.#questions.ask((question) =>
      this.tell({ do: "list", question })
    );
  }

  /** Has it end one of its requests. */
  endOne(id: number): Promise<Answer> {
    return this.#questions.ask((question) =>
      this.tell({ do: "end one", question, id })
    );
  }

  /** Ends it where its event loop does not answer. */
  check(): void {
    if (this.#answerTimer !== undefined) return;
    this.#answerTimer = setTimeout(
      () =>
        this.terminate(
          new Deno.errors.TimedOut(
            `its event loop did not answer for ${ANSWER_TIMEOUT} ms`,
          ),
        ),
      ANSWER_TIMEOUT,
    );
    this.tell({ do: "ping" });
  }

  /**
   * Ends it where it is not done long after it should have been. The shortest time
   * counts.
   *
   * @param gracePeriod How long its requests may take, in milliseconds.
   */
  endWithin(gracePeriod: number): void {
    this.#gracePeriod = Math.min(this.#gracePeriod, gracePeriod);
    if (this.#keepsOne) return;
    const endsAt = performance.now() + gracePeriod;
    if (endsAt >= this.#endsAt) return;
    this.#endsAt = endsAt;
    this.#clearEndTimers();
    const after = (ms: number, late: () => void) => {
      const timer = setTimeout(() => {
        if (!this.finished) late();
      }, Math.min(ms, LONGEST_DELAY));
      this.#endTimers.push(timer);
    };
    after(gracePeriod, () => this.check());
    // By then it has abandoned also those that wait for a shutdown themselves.
    after(2 * gracePeriod + 3 * ABANDON_AFTER, () =>
      this.terminate(
        new Deno.errors.TimedOut("it did not shut down when it had to"),
      ));
  }

  /** It keeps a client who may not be served before the server goes on. */
  keeps(): void {
    this.#keepsOne = true;
    this.#clearEndTimers();
    this.#endsAt = Infinity;
    this.#setGone();
  }

  /** The server goes on, so that it can end. */
  goesOn(): void {
    if (!this.#keepsOne) return;
    this.#keepsOne = false;
    this.endWithin(this.#gracePeriod);
  }

  #clearEndTimers(): void {
    for (const timer of this.#endTimers.splice(0)) clearTimeout(timer);
  }

  /** Lets it keep the process alive, or not. */
  keepAlive(keep: boolean): void {
    if (keep) this.#worker.ref();
    else this.#worker.unref();
  }

  /**
   * Waits until it is ready, and blocks this thread meanwhile.
   *
   * @throws What kept it from starting.
   */
  readySync(): void {
    this.#worker.readySync();
  }

  /**
   * Waits until it is ready.
   *
   * @returns A promise that rejects with what kept it from starting.
   */
  ready(): Promise<void> {
    return this.#worker.ready();
  }

  /**
   * Has it told when what it had is closed. To be called when it is told that it is
   * gone.
   */
  whenReleased(released: () => void): void {
    this.#worker.whenReleased(released);
  }

  /** Waits until what it had is closed, if that is told. */
  settle(): Promise<void> {
    return this.#worker.settle();
  }

  /** Ends it now. */
  terminate(cause: Error): void {
    this.#worker.terminate(cause);
  }
}
