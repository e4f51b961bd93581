import { packError, unpackError } from "./errors.ts";

/** How far a thread has come. */
export const ThreadState = {
  Starting: 0,
  Ready: 1,
  /** It will never be ready. */
  Failed: 2,
  /** It was ready and is gone. */
  Dead: 3,
} as const;

type ThreadState = typeof ThreadState[keyof typeof ThreadState];

const STATE = 0;
const ERROR_SIZE = 1;
const ERROR = 8;
const SIZE = 128 * 1024;

/**
 * The state of a thread, in memory that it shares with its owner: an event of
 * the `Worker` would not reach an owner that waits without an event loop.
 */
export class SharedThreadState {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(SIZE)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 2);
  }

  get state(): ThreadState {
    return Atomics.load(this.#words, STATE) as ThreadState;
  }

  /** Sets the state, with what led to it. The first end of a thread counts. */
  set(state: ThreadState, error?: unknown): void {
    if (this.state > ThreadState.Ready) return;
    if (error !== undefined) {
      const packed = packError(error);
      new Uint8Array(this.memory, ERROR).set(packed);
      this.#words[ERROR_SIZE] = packed.length;
    }
    Atomics.store(this.#words, STATE, state);
    Atomics.notify(this.#words, STATE);
  }

  /** What led to the state, if anything did. */
  get error(): Error | undefined {
    const size = this.#words[ERROR_SIZE]!;
    if (size === 0) return undefined;
    return unpackError(new Uint8Array(this.memory, ERROR, size)).error;
  }

  /** Waits until the state is no longer `state`, and blocks this thread. */
  waitSync(state: ThreadState, timeout: number): void {
    Atomics.wait(this.#words, STATE, state, timeout);
  }

  /** Waits until the state is no longer `state`. */
  async wait(state: ThreadState): Promise<void> {
    while (this.state === state) {
      const waiting = Atomics.waitAsync(this.#words, STATE, state);
      if (waiting.async) await waiting.value;
    }
  }
}
