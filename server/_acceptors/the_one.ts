import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import type { Acceptor } from "./acceptor.ts";

/**
 * The one connection that `handleRequest` waits for. A thread that is asked for it
 * keeps asking until it has come, and then holds it until it is to be served: what
 * comes later than a timeout is kept for the next call.
 */
export class TheOne {
  readonly #anyThread: () => Acceptor | undefined;
  readonly #isSuspended: () => boolean;
  /** The thread that was asked. */
  #asked: Acceptor | undefined;
  #isWanted = false;
  #hasCome = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  /**
   * @param anyThread Chooses the thread to ask, if there is any.
   * @param isSuspended Whether nobody is to be served for now.
   */
  constructor(
    anyThread: () => Acceptor | undefined,
    isSuspended: () => boolean,
  ) {
    this.#anyThread = anyThread;
    this.#isSuspended = isSuspended;
  }

  /**
   * Waits for it.
   *
   * @param timeout How long, in milliseconds.
   * @returns Whether it came before the timeout, or nothing more will come.
   */
  async come(timeout: number): Promise<boolean> {
    this.#isWanted = true;
    this.ask();
    if (!this.#isReady && !this.#stopped) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = timeout === Infinity
        ? undefined
        : setTimeout(resolve, Math.min(timeout, LONGEST_DELAY));
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    if (!this.#isReady) return this.#stopped;
    const asked = this.#asked!;
    this.#forget();
    this.#isWanted = false;
    asked.tell({ do: "go on", serve: !this.#stopped });
    return true;
  }

  /** Asks a thread for it, unless one was asked. */
  ask(): void {
    if (!this.#isWanted || this.#asked !== undefined || this.#stopped) return;
    this.#asked = this.#anyThread();
    this.#asked?.tell({ do: "serve one" });
  }

  /** A thread says that it has come. */
  came(acceptor: Acceptor): void {
    if (acceptor !== this.#asked) return;
    this.#hasCome = true;
    if (this.#isReady) this.#wake?.();
  }

  /** Whoever has come may be served. */
  resumed(): void {
    if (this.#isReady) this.#wake?.();
  }

  /** A thread is gone, and with it what it was asked for. */
  lost(acceptor: Acceptor): void {
    if (acceptor !== this.#asked) return;
    this.#forget();
    this.ask();
  }

  /** A thread serves all that comes from now on. */
  goOn(acceptor: Acceptor): void {
    if (acceptor === this.#asked) this.#forget();
  }

  /** Nothing more will come. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  get #isReady(): boolean {
    return this.#hasCome && !this.#isSuspended();
  }

  #forget(): void {
    this.#asked = undefined;
    this.#hasCome = false;
  }
}
