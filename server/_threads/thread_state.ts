import { packError, toError, unpackError } from "../_bridge/errors.ts";
import { MAX_CONTROL, ProtocolError } from "../_bridge/frames.ts";

/** How far a thread has come. */
export const ThreadState = {
  Starting: 0,
  Ready: 1,
  /** It is gone, or did not come up. */
  Ended: 2,
} as const;

type ThreadState = typeof ThreadState[keyof typeof ThreadState];

/** Where the memory holds the state and the size of the error, in words. */
const STATE = 0;
const ERROR_SIZE = 1;
/** Where it says that one side has begun to tell how the thread ended. */
const ENDING = 2;
const WORDS = 3;
/** Where it holds the error, in bytes. */
const ERROR = 4 * WORDS;
const SIZE = ERROR + MAX_CONTROL;

/**
 * What a thread runs first, in a `data:` URL that takes no permission: it
 * imports the module it is told to, and says why where it cannot.
 */
export const BOOTSTRAP = `
import { parentPort, workerData } from "node:worker_threads";
// Handlers may know it from other workers.
globalThis.self ??= globalThis;
// A worker that listens to nothing ends.
parentPort.on("message", () => {});
try {
  (await import(workerData.module)).run(workerData);
} catch ({ name, message }) {
  const error = new TextEncoder().encode(
    JSON.stringify({ error: { name, message } }),
  );
  const words = new Int32Array(workerData.state, 0, ${WORDS});
  if (Atomics.exchange(words, ${ENDING}, 1) === 0) {
    new Uint8Array(workerData.state, ${ERROR}).set(error);
    words[${ERROR_SIZE}] = error.length;
    Atomics.store(words, ${STATE}, ${ThreadState.Ended});
    Atomics.notify(words, ${STATE});
  }
}`;

/**
 * The state of a thread, in memory that it shares with its owner: an event of
 * the `Worker` would not reach an owner that waits without an event loop. The
 * owner believes none of it: what a handler runs can write anything there.
 */
export class SharedThreadState {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(SIZE)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, WORDS);
  }

  get state(): ThreadState {
    return Atomics.load(this.#words, STATE) as ThreadState;
  }

  /** Says that the thread is ready, unless it has ended. */
  ready(): void {
    const { Starting, Ready } = ThreadState;
    Atomics.compareExchange(this.#words, STATE, Starting, Ready);
    Atomics.notify(this.#words, STATE);
  }

  /**
   * Says that the thread has ended, with what led to it. Both sides may say so
   * at the same time; the first counts.
   */
  end(error?: unknown): void {
    if (Atomics.exchange(this.#words, ENDING, 1) === 1) return;
    if (error !== undefined) {
      const packed = packError(error);
      new Uint8Array(this.memory, ERROR).set(packed);
      this.#words[ERROR_SIZE] = packed.length;
    }
    Atomics.store(this.#words, STATE, ThreadState.Ended);
    Atomics.notify(this.#words, STATE);
  }

  /** What led to the state, if anything did. Never fails. */
  get error(): Error | undefined {
    const size = Atomics.load(this.#words, ERROR_SIZE);
    if (size === 0) return undefined;
    try {
      if (size < 0 || size > MAX_CONTROL) {
        throw new ProtocolError(`Cannot read an error of ${size} bytes`);
      }
      const bytes = new Uint8Array(this.memory, ERROR, size);
      return toError(unpackError(bytes).error);
    } catch (cause) {
      return new ProtocolError("it ended, and cannot be heard as to why", {
        cause,
      });
    }
  }

  /** Waits until the state is no longer `state`, and blocks this thread. */
  waitSync(state: ThreadState, timeout: number): void {
    Atomics.wait(this.#words, STATE, state, timeout);
  }

  /**
   * Waits until the state is no longer `state`. Whoever waits must also be able
   * to go on without it: a thread may write the word and wake nobody.
   */
  async wait(state: ThreadState): Promise<void> {
    do {
      const waiting = Atomics.waitAsync(this.#words, STATE, state);
      if (!waiting.async) return;
      await waiting.value;
    } while (this.state === state);
  }
}
