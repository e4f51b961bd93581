import { isWantOfDescriptors } from "../_core/accept_errors.ts";
import {
  DESCRIPTOR_PAUSE,
  SpareDescriptors,
} from "../_threads/spare_descriptors.ts";
import { Restarts } from "../_threads/restarts.ts";
import type { Acceptor } from "./acceptor.ts";

/** Who wants threads started. */
interface Starter {
  /** Starts one. */
  make(owner: number, thread: number): Acceptor;
  /** Is told that one is ready. */
  started(acceptor: Acceptor): void;
  /** Is told that one did not start. */
  failed(error: Error): void;
}

/** Starts the threads of a server that accept for themselves. */
export class AcceptorStarts {
  readonly #starter: Starter;
  /** Which threads there are: none has the place of another. */
  readonly #used: (Acceptor | undefined)[];
  readonly #spare: SpareDescriptors;
  readonly #starting = new Map<Acceptor, Promise<void>>();
  #lastOwner = 0;
  readonly #restarts = new Restarts();
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * @param most How many threads there may be.
   * @param moduleUrl The module of the handler.
   * @param starter Who wants them started.
   */
  constructor(most: number, moduleUrl: string, starter: Starter) {
    this.#starter = starter;
    this.#used = Array(most).fill(undefined);
    this.#spare = new SpareDescriptors([import.meta.url, moduleUrl]);
  }

  /** How many threads are starting. */
  get starting(): number {
    return this.#starting.size;
  }

  /**
   * Starts the first, and waits for it.
   *
   * @throws What kept it from starting.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   */
  startFirst(): void {
    this.#starter.started(this.#spare.startFirst(() => this.#make(0)));
  }

  /** Starts another, unless there are as many as there may be. */
  startAnother(): void {
    if (this.#stopped || this.#pauseTimer !== undefined) return;
    if (!this.#used.includes(undefined)) return;
    const pause = this.#canStart() ? this.#restarts.pause : DESCRIPTOR_PAUSE;
    if (pause === 0) return this.#start();
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      if (this.#canStart()) this.#start();
      else this.startAnother();
    }, pause);
  }

  /** A thread that had started is gone. */
  gone(acceptor: Acceptor, hasServed: boolean): void {
    this.#used[acceptor.thread] = undefined;
    this.#restarts.ended(hasServed, acceptor.since);
    this.#spare.fill();
  }

  /** Starts no more, and ends those that are starting. */
  stop(cause: Error): void {
    this.#stopped = true;
    clearTimeout(this.#pauseTimer);
    for (const acceptor of this.#starting.keys()) acceptor.terminate(cause);
  }

  /** Releases what it keeps. */
  async close(): Promise<void> {
    await Promise.all(this.#starting.values());
    this.#spare[Symbol.dispose]();
  }

  /** Whether there are enough descriptors to start a thread. */
  #canStart(): boolean {
    const alone = this.#used.every((acceptor) => acceptor === undefined);
    return this.#spare.suffice(alone, this.starting > 0);
  }

  #make(thread: number): Acceptor {
    return this.#used[thread] = this.#starter.make(++this.#lastOwner, thread);
  }

  #start(): void {
    const thread = this.#used.indexOf(undefined);
    if (this.#stopped || thread < 0) return;
    this.#spare[Symbol.dispose]();
    const acceptor = this.#make(thread);
    // Where too few are left for another, this one has them for its imports.
    this.#spare.fill();
    this.#starting.set(acceptor, this.#started(acceptor));
  }

  async #started(acceptor: Acceptor): Promise<void> {
    let failure: unknown;
    try {
      await acceptor.ready();
    } catch (error) {
      failure = error;
    }
    this.#starting.delete(acceptor);
    const enough = this.#spare.fill();
    if (failure === undefined) return this.#starter.started(acceptor);
    this.#used[acceptor.thread] = undefined;
    // Who stops it waits to be told of the end of each.
    if (!this.#stopped && (isWantOfDescriptors(failure) || !enough)) {
      // What fails for want of them does not always say so. It is tried again
      // when there are enough.
      return this.startAnother();
    }
    this.#restarts.failed();
    this.#starter.failed(failure as Error);
  }
}
