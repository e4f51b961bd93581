import { unpackError } from "../_bridge/errors.ts";
import { checkDescriptors } from "./enough_descriptors.ts";

/** How a program ended that was waited for. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** The last that it wrote there. */
  readonly stderr: string;
  /** Whether it took too long and was killed. */
  readonly late: boolean;
}

/** How much of stderr is kept, in bytes. */
const TAIL_SIZE = 4 * 1024;
/**
 * How long stderr may stay open when the program has ended, in milliseconds: a
 * program that it has started has it too.
 */
const STDERR_TIMEOUT = 1_000;
/** How much longer than the program its watcher may take, in milliseconds. */
const WATCHER_TIMEOUT = STDERR_TIMEOUT + 4_000;
/** A result has an error message, or the tail in JSON: up to 6 bytes each. */
const RESULT_SIZE = 32 * 1024;

/** Where the worker stores whether it is done, and how long its result is. */
const DONE = 0;
const LENGTH = 1;
const WORDS = 2;

/** Runs in the worker: it is source text, so that it needs no read permission. */
const WATCHER = `
self.onmessage = async ({ data: { path, options, timeout, shared } }) => {
  const words = new Int32Array(shared, 0, ${WORDS});
  const finish = (result) => {
    const { written } = new TextEncoder().encodeInto(
      JSON.stringify(result),
      room,
    );
    new Uint8Array(shared, ${WORDS * 4}).set(room.subarray(0, written));
    words[${LENGTH}] = written;
    Atomics.store(words, ${DONE}, 1);
    Atomics.notify(words, ${DONE});
  };
  const room = new Uint8Array(${RESULT_SIZE});
  try {
    const child = new Deno.Command(path, options).spawn();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeout);
    let tail = new Uint8Array(0);
    const reading = (async () => {
      for await (const bytes of child.stderr) {
        const both = new Uint8Array(tail.length + bytes.length);
        both.set(tail);
        both.set(bytes, tail.length);
        tail = both.slice(-${TAIL_SIZE});
      }
    })();
    const { code, signal } = await child.status;
    clearTimeout(timer);
    const waiting = new Promise((resolve) =>
      setTimeout(resolve, ${STDERR_TIMEOUT})
    );
    await Promise.race([reading, waiting]);
    const stderr = new TextDecoder().decode(tail);
    finish({ code, signal, stderr, late });
  } catch ({ name, message }) {
    finish({ error: { name, message: message.slice(0, ${TAIL_SIZE}) } });
  }
};`;

/**
 * Runs a program and waits for it, but not longer than `timeout` milliseconds:
 * then it is killed. `outputSync` of `Deno.Command` has no such limit, so a
 * short-lived worker runs the program while this thread waits.
 *
 * @param path The program.
 * @param options How it is run. Its stderr must be piped.
 * @param timeout How long it may take, in milliseconds.
 * @throws What keeps it from being started.
 */
export function outputWithin(
  path: string,
  options: Deno.CommandOptions,
  timeout: number,
): Ended {
  checkDescriptors(path);
  const shared = new SharedArrayBuffer(WORDS * 4 + RESULT_SIZE);
  const words = new Int32Array(shared, 0, WORDS);
  const worker = new Worker(
    `data:application/javascript,${encodeURIComponent(WATCHER)}`,
    { type: "module" },
  );
  try {
    worker.postMessage({ path, options, timeout, shared });
    Atomics.wait(words, DONE, 0, timeout + WATCHER_TIMEOUT);
  } finally {
    worker.terminate();
  }
  if (words[DONE] === 0) {
    throw new Deno.errors.TimedOut(
      `Cannot run "${path}": it neither ended nor could be killed within ${timeout} ms`,
    );
  }
  // A decoder does not take shared memory.
  const result = new Uint8Array(shared, WORDS * 4, words[LENGTH]).slice();
  const ended = JSON.parse(new TextDecoder().decode(result));
  if (ended.error === undefined) return ended;
  throw unpackError(result).error;
}
