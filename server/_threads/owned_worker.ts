import { getHeapStatistics } from "node:v8";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { toError } from "../_bridge/errors.ts";
import type { HandlerLocation } from "../_bridge/handler_location.ts";
import { importFlag } from "./import_flag.ts";
import { BOOTSTRAP, SharedThreadState, ThreadState } from "./thread_state.ts";

const BOOTSTRAP_URL = new URL(
  `data:application/javascript,${encodeURIComponent(BOOTSTRAP)}`,
);

const MIB = 2 ** 20;

/** How long a thread may take to import its handler, in milliseconds. */
const START_TIMEOUT = 30_000;

/**
 * After how long a thread that ends is taken to have nothing open any more, in
 * milliseconds, where nothing tells: it took at most 60 with 500 connections.
 */
const RELEASE_TIMEOUT = 1_000;

/** What every thread is told when it starts. */
export interface WorkerStart {
  /** The URL of the module that it runs. */
  readonly module: string;
  readonly state: SharedArrayBuffer;
}

/**
 * A `Worker` of a server: how it starts, and how it ends. It is Node's, since the
 * global one can neither let the process end nor run out of memory alone.
 */
export class OwnedWorker {
  readonly #worker: Worker;
  readonly #state: SharedThreadState;
  readonly #handlerUrl: string;
  readonly #ended: (cause: Error) => void;
  /** Resolves when it is gone. */
  readonly #gone = Promise.withResolvers<void>();
  /** Why it was ended. */
  #cause: Error | undefined;
  /** Called when it has nothing open any more, if somebody waits for that. */
  #released: (() => void) | undefined;
  #releaseTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it tells when that is so. */
  #endsByItself = false;
  readonly #isReleased = Promise.withResolvers<void>();

  /**
   * @param handler What it runs: debuggers call it after that.
   * @param start Makes what it is told, with what all are told.
   * @param ended Told once, with the cause, before it is ended: it is gone.
   */
  constructor(
    handler: HandlerLocation,
    start: (state: SharedArrayBuffer) => WorkerStart,
    ended: (cause: Error) => void,
  ) {
    this.#state = new SharedThreadState();
    this.#handlerUrl = handler.moduleUrl;
    this.#ended = ended;
    this.#worker = new Worker(BOOTSTRAP_URL, {
      name: `${handler.name} thread`,
      workerData: start(this.#state.memory),
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
      // It ends, which is told next.
      (error: unknown) => this.#leave(toError(error), true),
    );
    this.#worker.on("exit", () => {
      this.#hasEnded();
      this.#release();
    });
  }

  /** Lets it keep the process alive. */
  ref(): void {
    this.#worker.ref();
  }

  /** Lets the process end while it lives. */
  unref(): void {
    this.#worker.unref();
  }

  /** Sends it a message. */
  post(message: unknown): void {
    if (this.#cause === undefined) this.#worker.postMessage(message);
  }

  /** Has its messages taken. What `take` throws ends it. */
  receive(take: (message: unknown) => void): void {
    this.#worker.on("message", (message: unknown) => {
      if (this.#cause !== undefined) return;
      try {
        take(message);
      } catch (error) {
        this.terminate(toError(error));
      }
    });
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
    await Promise.race([started, this.#gone.promise, late.promise]);
    clearTimeout(timer);
    this.#started();
  }

  /** Ends it now. */
  terminate(cause: Error): void {
    this.#leave(cause, false);
  }

  /**
   * Has it told when what it had is closed: its connections, and its hold on a
   * listening socket. To be called when it is told that it is gone. A thread that
   * ends by itself emits "exit" when Deno has dropped all of it. Of one that is
   * terminated Deno tells nothing, so a while is taken to be enough: an endless
   * loop goes on for ever.
   *
   * @param released Called once.
   */
  whenReleased(released: () => void): void {
    this.#released = released;
  }

  /** Waits until what it had is closed, if that is told. */
  async settle(): Promise<void> {
    if (this.#endsByItself) await this.#isReleased.promise;
    else this.#release();
  }

  #release(): void {
    const released = this.#released;
    if (released === undefined) return;
    clearTimeout(this.#releaseTimer);
    this.#released = undefined;
    void this.#worker.terminate();
    released();
    this.#isReleased.resolve();
  }

  #started(): void {
    if (
      this.#cause !== undefined || this.#state.state !== ThreadState.Ready
    ) {
      const error = startError(
        this.#cause ?? this.#state.error,
        this.#handlerUrl,
      ) ??
        new Deno.errors.TimedOut(
          `Cannot start a thread: its handler was not imported within ${START_TIMEOUT} ms`,
        );
      this.terminate(error);
      throw error;
    }
    this.#state.wait(ThreadState.Ready).then(() => this.#hasEnded());
    this.#worker.unref();
  }

  /** Its code has ended it, or is about to. */
  #hasEnded(): void {
    this.#leave(this.#state.error ?? new Error("it ended"), true);
  }

  #leave(cause: Error, byItself: boolean): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    // Ends what waits for the state.
    this.#state.end(cause);
    this.#ended(cause);
    this.#gone.resolve();
    if (this.#released !== undefined) {
      this.#endsByItself = byItself;
      this.#releaseTimer = setTimeout(() => this.#release(), RELEASE_TIMEOUT);
      Deno.unrefTimer(this.#releaseTimer);
      if (byItself) return;
      // It is emitted at once, which says nothing of its thread.
      this.#worker.removeAllListeners("exit");
    }
    // Last: it emits "exit", which comes back here.
    void this.#worker.terminate();
  }
}

/** Says what an import that fails because of where it is could do better. */
function startError(
  error: Error | undefined,
  handlerUrl: string,
): Error | undefined {
  if (error === undefined) return undefined;
  // Its further lines say where the import stands.
  const [what] = error.message.split("\n", 1);
  const [, permission, refused] =
    /^Requires (\w+) access to "(.+)", run again/.exec(what!) ?? [];
  if (permission !== undefined) {
    // An import fails as any other does: with a TypeError.
    return new Deno.errors.NotCapable(
      `Cannot start a thread: requires ${permission} access to "${refused}", run again with ${
        importFlag(permission, refused!, handlerUrl)
      }; threads import this module, the handler's and all that it imports`,
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
