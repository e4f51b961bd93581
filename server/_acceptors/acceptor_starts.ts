import { isWantOfDescriptors } from "../_core/accept_errors.ts";
import {
  DESCRIPTOR_PAUSE,
  SpareDescriptors,
  tooFewError,
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
  readonly #most: number;
  /** Which threads there are: none has the place of another. */
  readonly #used: (Acceptor | undefined)[];
  readonly #spare: SpareDescriptors;
  readonly #starting = new Map<Acceptor, Promise<void>>();
  #lastOwner = 0;
  readonly #restarts = new Restarts();
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  /** Settles when a place for a thread may be free. */
  #freed: PromiseWithResolvers<void> | undefined;
  #stopped = false;

  /**
   * @param most How many threads there may be, without those that are retired.
   * @param places How many there may be with those.
   * @param moduleUrl The module of the handler.
   * @param starter Who wants them started.
   */
  constructor(
    most: number,
    places: number,
    moduleUrl: string,
    starter: Starter,
  ) {
    this.#most = most;
    this.#starter = starter;
    this.#used = Array(places).fill(undefined);
    this.#spare = new SpareDescriptors([import.meta.url, moduleUrl]);
  }

  /** How many threads are starting. */
  get starting(): number {
    return this.#starting.size;
  }

  /** Waits until those that are starting have started, or failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#starting.values());
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
    if (this.#count >= this.#most || !this.#used.includes(undefined)) return;
    const pause = this.hasRoom ? this.#restarts.pause : DESCRIPTOR_PAUSE;
    if (pause === 0) return this.#startNeeded();
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      if (this.hasRoom) this.#startNeeded();
      else this.startAnother();
    }, pause);
  }

  /**
   * Starts one more, which takes the place of another. Does nothing once it is
   * told to stop.
   *
   * @throws What keeps it from starting.
   */
  async startBeside(): Promise<void> {
    while (!this.#stopped && !this.#used.includes(undefined)) {
      this.#freed ??= Promise.withResolvers();
      await this.#freed.promise;
    }
    if (this.#stopped) return;
    if (!this.hasRoom) throw tooFewError();
    try {
      await this.#start();
    } catch (error) {
      if (!this.#stopped) throw error;
      this.#starter.failed(error as Error);
    }
  }

  /** A thread that had started is gone. */
  gone(acceptor: Acceptor, hasServed: boolean): void {
    this.#restarts.ended(hasServed, acceptor.since);
    if (!this.#stopped) this.#spare.fill();
  }

  /** What a thread had that is gone is closed: another may have its number. */
  released(acceptor: Acceptor): void {
    this.#free(acceptor);
    if (!this.#stopped) this.#spare.fill();
  }

  /** Starts no more, and ends those that are starting. */
  stop(cause: Error): void {
    this.#stopped = true;
    clearTimeout(this.#pauseTimer);
    this.#freed?.resolve();
    for (const acceptor of this.#starting.keys()) acceptor.terminate(cause);
  }

  /** Releases what it keeps. */
  async close(): Promise<void> {
    await this.settled();
    this.#spare[Symbol.dispose]();
  }

  /** How many there are that take requests, or will. */
  get #count(): number {
    return this.#used.filter((acceptor) =>
      acceptor !== undefined && !acceptor.retired && !acceptor.ended
    ).length;
  }

  /** Whether there are enough descriptors to start a thread. */
  get hasRoom(): boolean {
    const alone = this.#used.every((acceptor) => acceptor?.ended !== false);
    return this.#spare.suffice(alone, this.starting > 0);
  }

  #make(thread: number): Acceptor {
    return this.#used[thread] = this.#starter.make(++this.#lastOwner, thread);
  }

  #free(acceptor: Acceptor): void {
    this.#used[acceptor.thread] = undefined;
    this.#freed?.resolve();
    this.#freed = undefined;
  }

  #startNeeded(): void {
    if (this.#stopped || !this.#used.includes(undefined)) return;
    this.#start().catch((error: Error) => {
      // What fails for want of descriptors does not always say so. It is tried
      // again when there are enough.
      const inWant = isWantOfDescriptors(error) || !this.#spare.full;
      // Who stops it waits to be told of the end of each.
      if (!this.#stopped && inWant) return this.startAnother();
      this.#restarts.failed();
      this.#starter.failed(error);
    });
  }

  /** @throws What keeps it from starting. */
  #start(): Promise<void> {
    this.#spare[Symbol.dispose]();
    const acceptor = this.#make(this.#used.indexOf(undefined));
    // Where too few are left for another, this one has them for its imports.
    this.#spare.fill();
    const started = this.#started(acceptor);
    this.#starting.set(acceptor, started.catch(() => {}));
    return started;
  }

  async #started(acceptor: Acceptor): Promise<void> {
    try {
      await acceptor.ready();
    } catch (error) {
      this.#free(acceptor);
      throw error;
    } finally {
      this.#starting.delete(acceptor);
      this.#spare.fill();
    }
    this.#starter.started(acceptor);
  }
}
