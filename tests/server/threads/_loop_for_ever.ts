const word = new Int32Array(new SharedArrayBuffer(4));

/**
 * Never returns, and its thread does nothing else. Deno cannot stop such a thread,
 * so that it is there until the tests of all files have ended: it sleeps in each
 * turn of the loop, and leaves the processors to them.
 */
export function loopForEver(): never {
  for (;;) Atomics.wait(word, 0, 0, 100);
}
