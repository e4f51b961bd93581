import { SHARE_ENV, Worker } from "node:worker_threads";

/** What the word of a keeper says. */
const KeeperState = { Starting: 0, Holds: 1, Released: 2 } as const;

/**
 * What a keeper runs, in a `data:` URL that takes no permission. It sleeps in
 * `Atomics.wait`, so that nothing but the end of its wait wakes it.
 */
const CODE = `
import process from "node:process";
import { workerData } from "node:worker_threads";
const word = new Int32Array(workerData.memory);
let listener;
try {
  listener = Deno.listen(workerData.address);
} catch {
  // Its owner sees that it ends, and goes on holding the socket.
  process.exit();
}
Atomics.compareExchange(word, 0, ${KeeperState.Starting}, ${KeeperState.Holds});
Atomics.notify(word, 0);
Atomics.wait(word, 0, ${KeeperState.Holds});
listener.close();`;

const CODE_URL = new URL(
  `data:application/javascript,${encodeURIComponent(CODE)}`,
);

/**
 * Holds a shared listening socket in a thread that sleeps. Somebody must hold it
 * beside the threads that accept: the end of the last of those would reset all who
 * wait in the kernel's queue. An event loop that holds it is woken for every
 * connection, as the kernel wakes all who listen; where that was the main thread's,
 * a connection that is answered and closed took 38 µs of processor time, and 27
 * where it was nobody's.
 */
export class QueueKeeper {
  readonly #word = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  /** @param address Where to listen, as `Deno.listen` takes it. */
  constructor(address: Deno.TcpListenOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    this.#worker = new Worker(CODE_URL, {
      name: "queue keeper",
      workerData: { address, memory: this.#word.buffer },
      env: SHARE_ENV,
    });
    this.#worker.on("exit", () => resolve());
  }

  /** Waits until it holds the socket. Returns whether it does. */
  async holds(): Promise<boolean> {
    const { Starting, Holds } = KeeperState;
    const waiting = Atomics.waitAsync(this.#word, 0, Starting);
    if (waiting.async) await Promise.race([waiting.value, this.#ended]);
    const holds = Atomics.load(this.#word, 0) === Holds;
    // The process may end while it sleeps.
    if (holds) this.#worker.unref();
    return holds;
  }

  /** Has it close the socket, and end. */
  release(): void {
    // The process does not end before it has.
    this.#worker.ref();
    Atomics.store(this.#word, 0, KeeperState.Released);
    Atomics.notify(this.#word, 0);
  }

  /** Releases the socket, and waits until it is closed. */
  async close(): Promise<void> {
    this.release();
    await this.#ended;
  }
}
