import { isWantOfDescriptors } from "../_core/accept_errors.ts";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import type { RunnerNumbers } from "../_core/seam.ts";
import type { MessageHub } from "../_messages/message_hub.ts";
import { Workforce } from "../_numbers/workforce.ts";
import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { ShutdownRequest } from "../_bridge/payloads.ts";
import { ANSWER_TIMEOUT } from "../_bridge/liveness.ts";
import { Placement } from "../_bridge/placement.ts";
import type {
  Assignment,
  OnError,
  Opener,
  RemotePool,
  Waiting,
} from "../_bridge/remote_pool.ts";
import {
  DESCRIPTOR_PAUSE,
  SpareDescriptors,
  tooFewError,
} from "./spare_descriptors.ts";
import { Replacements } from "./replacements.ts";
import { requestsOfThread } from "./requests_per_worker.ts";
import { Restarts } from "./restarts.ts";
import { Thread } from "./thread.ts";

/** The threads of a server. */
export class ThreadPool implements RemotePool {
  readonly #onError: OnError;
  readonly #size: number;
  readonly #newThread: () => Thread;
  readonly #placement: Placement<Thread>;
  /** Those that are asked whether they still answer. */
  readonly #checked = new Map<Thread, Promise<void>>();
  readonly #starting = new Map<Thread, Promise<void>>();
  readonly #restarts = new Restarts();
  readonly #workforce: Workforce<Thread>;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #spare: SpareDescriptors;
  /** Whether what is accepted takes a descriptor, which a datagram does not. */
  readonly #acceptsDescriptors: boolean;
  /** Whether it was told that no thread can be started. */
  #toldOfWant = false;
  /** Resolves when accepting may have nothing to wait for any more. */
  #change: PromiseWithResolvers<void> | undefined;
  readonly #replacements: Replacements<Thread>;
  /** Those that have only the requests left that they have. */
  readonly #retired = new Set<Thread>();
  /** Settles when one of those is gone. */
  #retiredGone: PromiseWithResolvers<void> | undefined;
  #traceSettings: TraceSettings | undefined;
  #closed = false;

  /**
   * Starts the first thread and waits for it, to see that the handler can be
   * imported; the others start when they are needed.
   *
   * @param size How many threads at most.
   * @param perThread How many requests a thread takes at once.
   * @param requestsPerThread After how many requests a thread is replaced.
   * @param handler What the threads run.
   * @param addr The address of the server.
   * @param shutdown Shuts the server down.
   * @param onError Told when a thread without requests is gone, or cannot be
   * started beside others.
   * @param messages What the threads take part in.
   * @throws What keeps the handler from being imported.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   */
  constructor(
    size: number,
    perThread: number,
    requestsPerThread: number,
    handler: HandlerLocation,
    addr: Deno.Addr,
    shutdown: (options: ShutdownRequest) => void,
    onError: OnError,
    messages: MessageHub,
  ) {
    this.#onError = onError;
    this.#size = size;
    this.#workforce = new Workforce("threads", size);
    this.#placement = new Placement(
      perThread,
      (thread) => !this.#checked.has(thread),
    );
    this.#newThread = () =>
      new Thread(
        handler,
        addr,
        requestsOfThread(requestsPerThread),
        shutdown,
        messages,
      );
    this.#replacements = new Replacements({
      serves: (old) => !this.#closed && this.#placement.ready.has(old),
      has: (old) =>
        !this.#closed &&
        (this.#placement.ready.has(old) || this.#retired.has(old)),
      startBeside: () => this.#startBeside(),
      retire: (old, gracePeriod) => this.#retire(old, gracePeriod),
    });
    this.#acceptsDescriptors = addr.transport === "tcp" ||
      addr.transport === "unix";
    this.#spare = new SpareDescriptors([import.meta.url, handler.moduleUrl]);
    this.#add(this.#spare.startFirst(this.#newThread));
  }

  /**
   * Waits where no thread takes what it is sent, as each datagram accepted more
   * would only be kept in memory, and where a connection would take what a
   * thread needs to start.
   *
   * @returns `undefined` if there is nothing to wait for.
   */
  drained(): Promise<void> | undefined {
    if (this.#mustHold) return this.#hold();
    if (this.#placement.ready.size === 0) return undefined;
    for (const { congested } of this.#placement.ready) {
      if (!congested) return undefined;
    }
    return Promise.race(
      Array.from(this.#placement.ready, (thread) => thread.drained()),
    );
  }

  /** Has handlers traced in all threads, those to come too. */
  trace(settings: TraceSettings | undefined): boolean {
    this.#traceSettings = settings;
    for (const threads of [this.#placement.ready, this.#retired]) {
      for (const thread of threads) thread.trace(settings);
    }
    return true;
  }

  numbers(): RunnerNumbers {
    return {
      waiting: this.#placement.waiting,
      workers: this.#workforce.stats(
        this.#starting.size,
        (thread) => thread.load,
      ),
    };
  }

  /** Gives a request to the least loaded thread, if one can take it. */
  assign(open: Opener): Assignment | undefined {
    const thread = this.#placement.leastLoaded();
    if (thread?.load !== 0) this.#startAnother();
    if (thread === undefined) return undefined;
    // A thread that is starting will be free sooner than a busy one, but for
    // one request only.
    const waitsForStart = thread.load > 0 &&
      this.#placement.waiting < this.#starting.size;
    return waitsForStart ? undefined : this.#open(thread, open);
  }

  /** Has a request wait for a thread. */
  wait(open: Opener): Waiting {
    return this.#placement.wait(open);
  }

  /** Ends the wait of a request that is over. */
  cancel(waiting: Waiting, reason: unknown): void {
    this.#placement.cancel(waiting, reason);
    this.#changed();
  }

  /** Replaces all threads. */
  async recycle(gracePeriod: number): Promise<void> {
    await Promise.all(this.#starting.values());
    const retired = [...this.#retired];
    for (const { side } of retired) side.retire(gracePeriod);
    await this.#replacements.replace([...this.#placement.ready], gracePeriod);
    await Promise.all(retired.map(({ gone }) => gone));
  }

  #open(thread: Thread, open: Opener): Assignment {
    thread.take();
    if (thread.taken === thread.requests) void this.#replaceSpent(thread);
    let placed = true;
    const release = () => {
      if (!placed) return;
      placed = false;
      thread.release();
      this.#endIfRetired(thread);
      this.#serveWaiting();
    };
    const channel = open(thread.side);
    return {
      channel,
      release,
      abort: (reason) => {
        channel.abort(reason);
        if (channel.handlerEnded) return;
        // However long the handler then takes.
        void this.#check(thread).then(release);
      },
    };
  }

  /** Ends a thread whose event loop does not answer. */
  #check(thread: Thread): Promise<void> {
    let checking = this.#checked.get(thread);
    if (checking === undefined) {
      checking = this.#ask(thread);
      this.#checked.set(thread, checking);
    }
    return checking;
  }

  async #ask(thread: Thread): Promise<void> {
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
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pauseTimer);
    this.#changed();
    const error = new Deno.errors.Interrupted("the server has shut down");
    this.#placement.cancelAll(() => error);
    this.#retiredGone?.resolve();
    for (const threads of [this.#placement.ready, this.#retired]) {
      for (const thread of threads) thread.terminate(error);
    }
    for (const thread of this.#starting.keys()) thread.terminate(error);
    await Promise.all([...this.#checked.values(), ...this.#starting.values()]);
    this.#spare[Symbol.dispose]();
  }

  #add(thread: Thread): void {
    const since = performance.now();
    this.#placement.ready.add(thread);
    this.#workforce.came(thread);
    if (this.#traceSettings !== undefined) thread.trace(this.#traceSettings);
    thread.gone.then(({ untold }) => {
      const isRetired = this.#retired.has(thread);
      const hadRequests = untold === undefined;
      this.#workforce.went(
        thread,
        !this.#closed && (!isRetired || hadRequests),
      );
      if (this.#retired.delete(thread)) {
        this.#retiredGone?.resolve();
        this.#retiredGone = undefined;
        return;
      }
      if (!this.#closed && untold !== undefined) this.#onError(untold);
      this.#placement.ready.delete(thread);
      this.#restarts.ended(thread.side.served, since);
      if (this.#placement.waiting > 0) this.#startAnother();
    });
  }

  #retire(thread: Thread, gracePeriod: number): void {
    this.#placement.ready.delete(thread);
    this.#retired.add(thread);
    thread.side.retire(gracePeriod);
    this.#endIfRetired(thread);
  }

  #endIfRetired(thread: Thread): void {
    if (!this.#retired.has(thread) || thread.load > 0) return;
    thread.terminate(new Deno.errors.Interrupted("another has its place"));
  }

  /** Where no other can be started, it goes on for as many requests again. */
  async #replaceSpent(thread: Thread): Promise<void> {
    try {
      await this.#replacements.replace([thread], Infinity);
    } catch (error) {
      thread.taken = 0;
      this.#onError(error as Error);
    }
  }

  /** Starts one that takes the place of another. */
  async #startBeside(): Promise<void> {
    while (this.#retired.size >= this.#size && !this.#closed) {
      this.#retiredGone ??= Promise.withResolvers();
      await this.#retiredGone.promise;
    }
    if (this.#closed) return;
    if (!this.#canStart()) throw tooFewError();
    const thread = this.#begin();
    const ready = thread.ready();
    this.#starting.set(thread, ready.catch(() => {}));
    try {
      await ready;
      this.#add(thread);
    } catch (error) {
      if (!this.#closed) throw error;
    } finally {
      this.#startEnded(thread);
      this.#serveWaiting();
    }
  }

  #startAnother(): void {
    if (
      this.#closed || this.#pauseTimer !== undefined ||
      this.#placement.ready.size + this.#starting.size >= this.#size
    ) return;
    const pause = this.#canStart() ? this.#restarts.pause : DESCRIPTOR_PAUSE;
    if (pause === 0) return this.#start();
    this.#pauseTimer = setTimeout(() => this.#startAfterPause(), pause);
  }

  #startAfterPause(): void {
    this.#pauseTimer = undefined;
    if (this.#canStart()) this.#start();
    else if (this.#placement.waiting > 0) this.#startAnother();
    this.#changed();
  }

  /** Whether there are enough descriptors to start a thread. */
  #canStart(): boolean {
    const enough = this.#spare.suffice(this.#none, this.#starting.size > 0);
    if (!enough && this.#none && !this.#toldOfWant) {
      this.#toldOfWant = true;
      this.#onError(tooFewError());
    }
    return enough;
  }

  #start(): void {
    const thread = this.#begin();
    this.#starting.set(thread, this.#started(thread));
  }

  /** Begins to start a thread, which has the descriptors that were kept for it. */
  #begin(): Thread {
    const alone = this.#none;
    this.#spare[Symbol.dispose]();
    const thread = this.#newThread();
    // The only one has them for its imports, and accepting waits until it is there.
    if (!alone) this.#spare.fill();
    return thread;
  }

  /** Whether no thread is there or starts. */
  get #none(): boolean {
    return this.#placement.ready.size + this.#starting.size === 0;
  }

  /**
   * Whether a connection that is accepted now may take what a thread needs to
   * start. Were there none, its client would wait for a thread that cannot start
   * because of it.
   */
  get #mustHold(): boolean {
    return this.#acceptsDescriptors && !this.#spare.full && !this.#closed &&
      (this.#starting.size > 0 ||
        this.#placement.ready.size === 0 && this.#placement.waiting > 0);
  }

  async #hold(): Promise<void> {
    do {
      this.#change ??= Promise.withResolvers();
      await this.#change.promise;
    } while (this.#mustHold);
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }

  async #started(thread: Thread): Promise<void> {
    try {
      await thread.ready();
      this.#toldOfWant = false;
      this.#add(thread);
    } catch (error) {
      // What fails for want of them does not always say so.
      const inWant = isWantOfDescriptors(error) ||
        this.#starting.size === 1 && !this.#spare.fill();
      if (inWant) return this.#startedInWant(thread);
      this.#restarts.failed();
      // Where another thread lives, its requests end and make room.
      if (this.#placement.ready.size === 0 && this.#placement.waiting > 0) {
        this.#placement.cancelAll(() => error);
      } else if (!this.#closed) this.#onError(error as Error);
    }
    this.#startEnded(thread);
    this.#serveWaiting();
  }

  /** It is tried again when there are enough: nobody is refused for it. */
  #startedInWant(thread: Thread): void {
    this.#startEnded(thread);
    const served = this.#closed || this.#serve();
    if (served) return;
    this.#pauseTimer ??= setTimeout(
      () => this.#startAfterPause(),
      DESCRIPTOR_PAUSE,
    );
  }

  #startEnded(thread: Thread): void {
    this.#starting.delete(thread);
    if (this.#starting.size === 0) this.#spare.fill();
    this.#changed();
  }

  #serveWaiting(): void {
    if (!this.#serve()) this.#startAnother();
  }

  /** Gives those that wait to threads. Returns whether none waits any more. */
  #serve(): boolean {
    return this.#placement.serve((thread, open) => this.#open(thread, open));
  }
}
