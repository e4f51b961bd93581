/** The answers that the probe stores; 0 says that it is still waiting. */
const LIVE = 1;
const DEAD = 2;
const UNKNOWN = 3;

/** How long the probe may take, in milliseconds. */
const PROBE_TIMEOUT = 3_000;

/** The worker's program. It is source text, which needs no read permission. */
const PROBE = `
self.onmessage = async ({ data: { path, shared } }) => {
  const verdict = new Int32Array(shared);
  let found = ${LIVE};
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) found = ${DEAD};
    else if (error instanceof Deno.errors.NotCapable) found = ${UNKNOWN};
  }
  Atomics.store(verdict, 0, found);
  Atomics.notify(verdict, 0);
};`;

/**
 * Whether nothing listens on a Unix socket's path any more: connect(2) is
 * refused there, and there only. (A live datagram socket answers EPROTOTYPE, a
 * full backlog EAGAIN.)
 *
 * Connecting is asynchronous in Deno and a constructor is not, so a short-lived
 * worker connects while this thread waits, some 10 ms.
 *
 * @throws {Deno.errors.NotCapable} If connecting is not permitted.
 */
export function isDeadUnixSocket(path: string): boolean {
  const shared = new SharedArrayBuffer(4);
  const verdict = new Int32Array(shared);
  const worker = new Worker(
    `data:application/javascript,${encodeURIComponent(PROBE)}`,
    { type: "module" },
  );
  try {
    worker.postMessage({ path, shared });
    Atomics.wait(verdict, 0, 0, PROBE_TIMEOUT);
  } finally {
    worker.terminate();
  }
  if (verdict[0] === UNKNOWN) {
    throw new Deno.errors.NotCapable(
      `Cannot reclaim "${path}": requires net access to "unix:${path}", run again with the --allow-net flag`,
    );
  }
  return verdict[0] === DEAD;
}
