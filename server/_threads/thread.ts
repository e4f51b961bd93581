import { getHeapStatistics } from "node:v8";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { toError } from "../_bridge/errors.ts";
import { endRequests, type Loss } from "../_bridge/remote_pool.ts";
import { NearSide } from "../_bridge/near_side.ts";
import { QuickAnswers } from "./quick_answers.ts";
import { allocateLane, RingCarrier } from "./ring_carrier.ts";
import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { ShutdownRequest } from "../_bridge/payloads.ts";
import type { ThreadStart } from "./thread_main.ts";
import { BOOTSTRAP, SharedThreadState, ThreadState } from "./thread_state.ts";

/** The module that a thread runs. */
const THREAD_URL = new URL("./thread_main.ts", import.meta.url).href;
const BOOTSTRAP_URL = new URL(
  `data:application/javascript,${encodeURIComponent(BOOTSTRAP)}`,
);

const MIB = 2 ** 20;

/** Of all threads together. */
const answers = new QuickAnswers();

/** How long a thread may take to import its handler, in milliseconds. */
const START_TIMEOUT = 30_000;

/**
 * One `Worker` that runs handlers: Node's, since the global one can neither let
 * the process end nor run out of memory alone.
 */
export class Thread {
  /** Where its requests are opened. */
  readonly side: NearSide;
  /** Resolves when it is gone, whatever the reason. */
  readonly gone: Promise<Loss>;
  readonly #worker: Worker;
  readonly #carrier: RingCarrier;
  readonly #state = new SharedThreadState();
  #end!: (loss: Loss) => void;
  /** Why it was ended. */
  #cause: Error | undefined;
  #load = 0;

  /**
   * @param handler What it runs.
   * @param addr What `server.addr` says there.
   * @param shutdown Shuts the server down.
   */
  constructor(
    handler: HandlerLocation,
    addr: Deno.Addr,
    shutdown: (options: ShutdownRequest) => void,
  ) {
    const start: ThreadStart = {
      module: THREAD_URL,
      handler,
      addr,
      toThread: allocateLane(),
      fromThread: allocateLane(),
      state: this.#state.memory,
    };
    this.gone = new Promise((resolve) => this.#end = resolve);
    this.#carrier = new RingCarrier(
      start.toThread,
      start.fromThread,
      true,
      answers,
    );
    this.side = new NearSide(this.#carrier, shutdown);
    this.#worker = new Worker(BOOTSTRAP_URL, {
      name: `${handler.name} thread`,
      workerData: start,
      // Else all of the environment is read and copied, which takes a permission
      // that a terminal is asked for. Like this, who uses a variable needs it.
      env: SHARE_ENV,
      // Where no limit is set, not even the usual one, V8 ends the process.
      resourceLimits: {
        maxOldGenerationSizeMb: Math.floor(
          getHeapStatistics().heap_size_limit / MIB,
        ),
      },
    });
    this.#worker.on(
      "error",
      (error: unknown) => this.terminate(toError(error)),
    );
    this.#worker.on("exit", () => this.#ended());
  }

  /** How many requests it has, as its pool counts them. */
  get load(): number {
    return this.#load;
  }

  /** Whether its ring is full: it has not taken what it was sent. */
  get congested(): boolean {
    return this.#carrier.congested;
  }

  /** Waits until its ring is not full any more, or it is gone. */
  drained(): Promise<void> {
    return this.#carrier.drained();
  }

  /** Counts one request more. While there is any, the process does not end. */
  take(): void {
    if (this.#load++ === 0) this.#worker.ref();
  }

  /** Counts one request less. */
  release(): void {
    if (--this.#load === 0) this.#worker.unref();
  }

  /**
   * Waits until it is ready, and blocks this thread meanwhile.
   *
   * @throws What kept it from starting.
   */
  readySync(): void {
    this.#state.waitSync(ThreadState.Starting, START_TIMEOUT);
    this.#started();
  }

  /**
   * Waits until it is ready.
   *
   * @returns A promise that rejects with what kept it from starting.
   */
  async ready(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, START_TIMEOUT);
    const started = this.#state.wait(ThreadState.Starting);
    await Promise.race([started, this.gone, late.promise]);
    clearTimeout(timer);
    this.#started();
  }

  /** Ends it now, and all its requests with `cause`. */
  terminate(cause: Error): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#carrier.close();
    // Ends what waits for the state.
    this.#state.end(cause);
    this.#end(endRequests("thread", this.side, cause));
    // Last: it emits "exit" at once, which comes back here.
    void this.#worker.terminate();
  }

  #started(): void {
    if (
      this.#cause !== undefined || this.#state.state !== ThreadState.Ready
    ) {
      const error = startError(this.#cause ?? this.#state.error) ??
        new Deno.errors.TimedOut(
          `Cannot start a thread: its handler was not imported within ${START_TIMEOUT} ms`,
        );
      this.terminate(error);
      throw error;
    }
    this.#carrier.receive(this.side).catch((error: unknown) =>
      this.terminate(toError(error))
    );
    this.#state.wait(ThreadState.Ready).then(() => this.#ended());
    this.#worker.unref();
  }

  /** Its code has ended it, or is about to. */
  #ended(): void {
    this.terminate(this.#state.error ?? new Error("it ended"));
  }
}

/** Says what an import that fails because of where it is could do better. */
function startError(error: Error | undefined): Error | undefined {
  if (error === undefined) return undefined;
  // Its further lines say where the import stands.
  const [what] = error.message.split("\n", 1);
  if (/^Requires \w+ access/.test(what!)) {
    // It fails as any other does: with a TypeError.
    return new Deno.errors.NotCapable(
      `Cannot start a thread: r${
        what!.slice(1)
      }; threads import this module and the handler's`,
      { cause: error },
    );
  }
  if (/^Module not found/.test(what!)) {
    return new TypeError(
      `Cannot start a thread: m${
        what!.slice(1)
      } Threads import the module that moduleUrl of the handler class names; use import.meta.url`,
      { cause: error },
    );
  }
  return error;
}
