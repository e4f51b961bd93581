import type { HandlerLocation } from "./_remote/handler_location.ts";
import type { NearChannel } from "./_remote/near_channel.ts";
import type { NearSide } from "./_remote/near_side.ts";
import { Thread } from "./_thread.ts";

/** The first pause before a thread that died at once is replaced, in milliseconds. */
const FIRST_PAUSE = 100;
/** The longest such pause, in milliseconds. */
const LONGEST_PAUSE = 10_000;
/** A thread that lived longer did not die at once, in milliseconds. */
const LONG_LIFE = 5_000;
/**
 * How long the event loop of a thread may take to answer before the thread is
 * taken for stuck, in milliseconds.
 */
const ANSWER_TIMEOUT = 1_000;

/** A request that a thread has taken. */
export interface Assignment {
  readonly thread: Thread;
  readonly channel: NearChannel;
}

/** Opens a request on the thread that takes it. */
type Opener = (side: NearSide) => NearChannel;

interface Waiting {
  readonly open: Opener;
  readonly resolve: (assignment: Assignment) => void;
  readonly reject: (error: unknown) => void;
}

/** The threads of a server. */
export class ThreadPool {
  readonly #size: number;
  readonly #perThread: number;
  readonly #handler: HandlerLocation;
  readonly #addr: Deno.Addr;
  readonly #ready = new Set<Thread>();
  /** Those that have been asked whether they still answer. */
  readonly #checked = new Set<Thread>();
  #starting = 0;
  readonly #waiting: Waiting[] = [];
  #pause = 0;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * Starts the first thread and waits for it, to see that the handler can be
   * imported; the others start when they are needed.
   *
   * @param size How many threads at most.
   * @param perThread How many requests a thread takes at once.
   * @throws What keeps the handler from being imported.
   */
  constructor(
    size: number,
    perThread: number,
    handler: HandlerLocation,
    addr: Deno.Addr,
  ) {
    this.#size = size;
    this.#perThread = perThread;
    this.#handler = handler;
    this.#addr = addr;
    const first = new Thread(handler, addr);
    first.readySync();
    this.#add(first);
  }

  /** Gives a request to the least loaded thread. Waits while none can take it. */
  assign(open: Opener): Promise<Assignment> | Assignment {
    const thread = this.#leastLoaded();
    if (thread === undefined || thread.side.load > 0) this.#startAnother();
    if (thread !== undefined) return { thread, channel: open(thread.side) };
    return new Promise((resolve, reject) =>
      this.#waiting.push({ open, resolve, reject })
    );
  }

  /** Says that a request of some thread has ended. */
  release(): void {
    this.#serveWaiting();
  }

  /** Ends a thread whose event loop does not answer. */
  async check({ thread }: Assignment): Promise<void> {
    if (this.#checked.has(thread)) return;
    this.#checked.add(thread);
    const timer = setTimeout(
      () =>
        thread.terminate(
          new Deno.errors.TimedOut(
            `its event loop did not answer for ${ANSWER_TIMEOUT} ms after a request was aborted`,
          ),
        ),
      ANSWER_TIMEOUT,
    );
    await thread.side.ping();
    clearTimeout(timer);
    this.#checked.delete(thread);
    this.#serveWaiting();
  }

  /** Ends all threads. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#pauseTimer);
    const error = new Deno.errors.Interrupted("the server has shut down");
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    for (const thread of this.#ready) thread.terminate(error);
  }

  #leastLoaded(): Thread | undefined {
    let least: Thread | undefined;
    let load = this.#perThread;
    for (const thread of this.#ready) {
      if (thread.side.load < load && !this.#checked.has(thread)) {
        least = thread;
        load = thread.side.load;
      }
    }
    return least;
  }

  #add(thread: Thread): void {
    const since = performance.now();
    this.#ready.add(thread);
    thread.gone.then(() => {
      this.#ready.delete(thread);
      this.#pause = performance.now() - since > LONG_LIFE
        ? 0
        : Math.min(LONGEST_PAUSE, this.#pause * 2 || FIRST_PAUSE);
      if (this.#waiting.length > 0) this.#startAnother();
    });
  }

  #startAnother(): void {
    if (
      this.#closed || this.#pauseTimer !== undefined ||
      this.#ready.size + this.#starting >= this.#size
    ) return;
    if (this.#pause === 0) return void this.#start();
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      this.#start();
    }, this.#pause);
  }

  async #start(): Promise<void> {
    this.#starting++;
    try {
      const thread = new Thread(this.#handler, this.#addr);
      await thread.ready();
      if (this.#closed) {
        return thread.terminate(new Error("the server has shut down"));
      }
      this.#add(thread);
      this.#serveWaiting();
    } catch (error) {
      this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2 || FIRST_PAUSE);
      // Where another thread lives, its requests end and make room.
      if (this.#ready.size > 0) return;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } finally {
      this.#starting--;
    }
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#leastLoaded();
      if (thread === undefined) return this.#startAnother();
      const { open, resolve } = this.#waiting.shift()!;
      resolve({ thread, channel: open(thread.side) });
    }
  }
}
