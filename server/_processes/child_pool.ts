import { Child, type ChildTimeouts, StartError } from "./child.ts";
import type { ChildCommand } from "./child_command.ts";
import { ProtocolError } from "../_bridge/frames.ts";
import type { NearChannel } from "../_bridge/near_channel.ts";
import type { ShutdownRequest } from "../_bridge/payloads.ts";
import type { RunnerNumbers } from "../_core/seam.ts";
import type { MessageHub } from "../_messages/message_hub.ts";
import { Workforce } from "../_numbers/workforce.ts";
import { Placement } from "../_bridge/placement.ts";
import {
  type Assignment,
  type Loss,
  type OnError,
  type Opener,
  printAs,
  type RemotePool,
  restartPause,
  type Waiting,
} from "../_bridge/remote_pool.ts";

/** After so many in a row, those that wait for a child are told why. */
const PATIENCE = 3;
/** How long a child may take to wind a request down, in milliseconds. */
const WIND_DOWN = 1_000;

/**
 * How many children start at once: more would only share the cores, and all be
 * late.
 */
const STARTS_AT_ONCE = Math.max(2, navigator.hardwareConcurrency);

/**
 * How long after a spare child was given a request the next one is started, in
 * milliseconds. Starting takes processor time, which a short request needs first.
 */
const SPARE_DELAY = 10;

/**
 * How long after a child could not be started for want of descriptors, or of
 * what else the system had none left, a connection is accepted only when a child
 * is there to take it: in milliseconds. It would take what a start needs.
 */
const WANT = 10_000;
/** How long after that the next start is tried, in milliseconds. */
const WANT_PAUSE = 100;
/** What Deno says of it. */
const WANTS: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "EAGAIN",
]);

/** How many children there are, and what each does. */
export interface ChildLimits extends ChildTimeouts {
  readonly maxChildren: number;
  readonly spareChildren: number;
  readonly requestsPerChild: number;
  readonly connectionsPerChild: number;
}

/** The processes of a server. */
export class ChildPool implements RemotePool {
  readonly #newChild: () => Child;
  readonly #limits: ChildLimits;
  readonly #onError: OnError;
  /** All that have not been waited for, those that start or end too. */
  readonly #children = new Set<Child>();
  /** Those that have only the requests left that they have. */
  readonly #retired = new WeakSet<Child>();
  /** Those that take further requests, and the requests that wait. */
  readonly #placement: Placement<Child>;
  /** Those that are waited for until they take what they were sent. */
  readonly #draining = new WeakSet<Child>();
  #starting = 0;
  /** Settles when those that were to be replaced last end, or none can start. */
  #recycled: Promise<unknown> = Promise.resolve();
  readonly #workforce: Workforce<Child>;
  /** Those of aborted requests that go on, and of children that read nothing. */
  readonly #checks = new Set<Promise<void>>();
  /** How many ended before they did anything, in a row. */
  #inVain = 0;
  /** Why none starts, as it was told last: what is wrong goes on for long. */
  #told: string | undefined;
  /** When one could not be started for want of descriptors, as `performance.now`. */
  #wanted = -Infinity;
  /** How often in a row. */
  #wants = 0;
  /** Holds up who accepts. */
  #gate: PromiseWithResolvers<void> | undefined;
  #gateTimer: ReturnType<typeof setInterval> | undefined;
  #shuttingDown = false;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  #spareTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * Starts the spare children.
   *
   * @param command Starts a child.
   * @param limits How many there are.
   * @param shutdown Shuts the server down.
   * @param onError Told when a child without requests has ended unasked, or
   * several could not be started beside others.
   * @param messages What the children take part in.
   */
  constructor(
    command: ChildCommand,
    limits: ChildLimits,
    shutdown: (options: ShutdownRequest) => void,
    onError: OnError,
    messages: MessageHub,
  ) {
    this.#limits = limits;
    this.#workforce = new Workforce("processes", limits.maxChildren);
    this.#placement = new Placement(
      limits.connectionsPerChild,
      (child) => child.checks === 0 && child.alive && !child.congested,
    );
    this.#onError = onError;
    this.#newChild = () => new Child(command, limits, shutdown, messages);
    this.#startNeeded(limits.spareChildren);
  }

  /**
   * Waits where a connection accepted more would only wait, and hold what a
   * child needs to start: the kernel's queue holds it as well.
   */
  drained(): Promise<void> | undefined {
    if (this.#mayAccept()) return undefined;
    if (this.#gate === undefined) {
      this.#gate = Promise.withResolvers();
      // The time that it is held up for may be over, and as long as it is, it
      // keeps the process, which would end between two starts.
      this.#gateTimer = setInterval(() => this.#openGate(), WANT_PAUSE);
    }
    return this.#gate.promise;
  }

  #mayAccept(): boolean {
    if (this.#shuttingDown || this.#closed) return true;
    if (this.#placement.leastLoaded() !== undefined) return true;
    if (performance.now() - this.#wanted > WANT) {
      return this.#placement.waiting < STARTS_AT_ONCE;
    }
    // Without spare ones, none starts that nobody waits for.
    return this.#limits.spareChildren === 0 && this.#placement.waiting === 0 &&
      this.#starting === 0 && this.#pauseTimer === undefined;
  }

  #openGate(): void {
    if (this.#gate === undefined || !this.#mayAccept()) return;
    clearInterval(this.#gateTimer);
    this.#gate.resolve();
    this.#gate = undefined;
  }

  shuttingDown(): void {
    this.#shuttingDown = true;
    this.#openGate();
  }

  numbers(): RunnerNumbers {
    return {
      waiting: this.#placement.waiting,
      workers: this.#workforce.stats(this.#starting, (child) => child.load),
    };
  }

  /** Gives a request to the least loaded child, if one can take it. */
  assign(open: Opener): Assignment | undefined {
    const child = this.#placement.leastLoaded();
    return child === undefined ? undefined : this.#open(child, open);
  }

  /** Has a request wait for a child. */
  wait(open: Opener): Waiting {
    const waiting = this.#placement.wait(open);
    if (this.#pauseTimer !== undefined) Deno.refTimer(this.#pauseTimer);
    this.#startNeeded();
    this.#serveWhenDrained();
    return waiting;
  }

  /** Ends the wait of a request that is over. */
  cancel(waiting: Waiting, reason: unknown): void {
    this.#placement.cancel(waiting, reason);
    this.#openGate();
  }

  /**
   * Replaces all children: the first new one shows that it can be, the others start
   * when they are needed.
   */
  async recycle(gracePeriod: number): Promise<void> {
    // One after the other, however many ask: each starts a child beside those that
    // there may be.
    const replaced = this.#recycled.then(() => this.#replaceAll(gracePeriod));
    this.#recycled = replaced.catch(() => {});
    const old = await replaced;
    await Promise.all(old.map(({ gone }) => gone));
  }

  /**
   * Has all children end, once a new one is ready.
   *
   * @returns Those that are to end.
   */
  async #replaceAll(gracePeriod: number): Promise<readonly Child[]> {
    if (this.#closed) return [];
    const old = [...this.#children];
    const child = this.#newChild();
    this.#children.add(child);
    void child.gone.then((loss) => this.#forget(child, loss));
    try {
      await child.ready();
    } catch (error) {
      if (this.#closed) return [];
      throw error;
    }
    this.#addReady(child);
    for (const each of old) this.#retire(each, gracePeriod);
    this.#startNeeded(this.#limits.spareChildren);
    return old;
  }

  #retire(child: Child, gracePeriod: number): void {
    this.#retired.add(child);
    const takesRequests = this.#placement.ready.delete(child);
    child.side.retire(gracePeriod);
    // One that still starts would seem not to be able to: it ends when it has.
    if (takesRequests && child.load === 0) child.retireSoon();
  }

  #addReady(child: Child): void {
    this.#workforce.came(child);
    if (this.#retired.has(child)) child.retireSoon();
    else if (!this.#closed) this.#placement.ready.add(child);
  }

  /** Ends all children, and waits for them. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pauseTimer);
    clearTimeout(this.#spareTimer);
    const error = new Deno.errors.Interrupted("The server has shut down");
    this.#placement.cancelAll(() => error);
    this.#openGate();
    for (const child of this.#children) child.stop();
    await Promise.all([...this.#children].map(({ gone }) => gone));
    await Promise.all(this.#checks);
  }

  #open(child: Child, open: Opener): Assignment {
    child.ref();
    child.load++;
    if (++child.taken >= this.#limits.requestsPerChild) {
      this.#placement.ready.delete(child);
    }
    this.#startSpare();
    const channel = open(child.side);
    return {
      channel,
      release: () => this.#release(child),
      abort: (reason) => {
        channel.abort(reason);
        this.#note(this.#check(child, channel));
      },
    };
  }

  #release(child: Child): void {
    child.load--;
    if (child.side.served) this.#inVain = 0;
    if (child.load > 0) this.#endIfAbandoned(child);
    else if (this.#placement.ready.has(child)) {
      child.unref();
      if (child.congested) this.#note(this.#drain(child));
    } else child.retireSoon();
    this.#serveWaiting();
  }

  /**
   * Ends a child that has no request and takes nothing of what it was sent: each
   * request more that it was given would be kept here.
   */
  async #drain(child: Child): Promise<void> {
    let drained = false;
    await within(WIND_DOWN, child.drained().then(() => drained = true));
    if (!drained && child.load === 0) {
      child.terminate(
        new Deno.errors.TimedOut(
          `it did not read what it was sent for ${WIND_DOWN} ms`,
        ),
      );
    }
  }

  /** Has `close` wait for what is done beside requests. */
  #note(check: Promise<void>): void {
    this.#checks.add(check);
    void check.then(() => this.#checks.delete(check));
  }

  /**
   * Sees to it that a request which was aborted ends: its child is ended if it
   * does not answer, or has nothing else to do.
   */
  async #check(child: Child, channel: NearChannel): Promise<void> {
    // A child that may be stuck takes nothing more.
    child.checks++;
    let ended = false;
    let answered = false;
    const ending = channel.ended.catch(() => {}).then(() => ended = true);
    const answering = child.side.ping().then(() => answered = true);
    await within(WIND_DOWN, Promise.all([ending, answering]));
    child.checks--;
    if (!answered) {
      return child.terminate(
        new Deno.errors.TimedOut(
          `its event loop did not answer for ${WIND_DOWN} ms after a request was aborted`,
        ),
      );
    }
    if (!ended) {
      this.#placement.ready.delete(child);
      child.abandoned++;
      void ending.then(() => child.abandoned--);
      return this.#endIfAbandoned(child);
    }
    this.#serveWaiting();
  }

  #serveWaiting(): void {
    this.#placement.serve((child, open) => this.#open(child, open));
    this.#startNeeded();
    this.#serveWhenDrained();
    this.#openGate();
  }

  /**
   * Has requests that wait served by children that take nothing now, when they do:
   * one that has just started may not have read its configuration.
   */
  #serveWhenDrained(): void {
    if (this.#placement.waiting === 0) return;
    for (const child of this.#placement.ready) {
      if (!child.congested || this.#draining.has(child)) continue;
      this.#draining.add(child);
      void child.drained().then(() => {
        this.#draining.delete(child);
        this.#serveWaiting();
      });
    }
  }

  /** Starts children for the requests that wait, and `spare` ones. */
  #startNeeded(spare = 0): void {
    const { maxChildren, requestsPerChild, connectionsPerChild } = this.#limits;
    const waiting = this.#placement.waiting;
    const each = Math.min(requestsPerChild, connectionsPerChild, waiting || 1);
    let idle = 0;
    for (const child of this.#placement.ready) {
      if (child.load === 0 && !child.congested) idle++;
    }
    for (
      let missing = Math.ceil(waiting / each) + spare - idle - this.#starting;
      missing > 0 && this.#children.size < maxChildren &&
      this.#starting < STARTS_AT_ONCE &&
      !this.#closed && this.#pauseTimer === undefined;
      missing--
    ) void this.#start();
  }

  /** Has the spare children started soon. */
  #startSpare(): void {
    if (this.#closed || this.#spareTimer !== undefined) return;
    this.#spareTimer = setTimeout(() => {
      this.#spareTimer = undefined;
      this.#startNeeded(this.#limits.spareChildren);
    }, SPARE_DELAY);
    // It is no reason for a process to go on.
    Deno.unrefTimer(this.#spareTimer);
  }

  async #start(): Promise<void> {
    this.#starting++;
    try {
      const child = this.#newChild();
      this.#wants = 0;
      this.#children.add(child);
      void child.gone.then((loss) => this.#forget(child, loss));
      await child.ready();
      this.#told = undefined;
      this.#addReady(child);
    } catch (error) {
      this.#failed(error);
    }
    this.#starting--;
    this.#serveWaiting();
    this.#startSpare();
  }

  #forget(child: Child, { cause, untold }: Loss): void {
    this.#children.delete(child);
    // One that is still among them has ended unasked.
    const unasked = this.#placement.ready.delete(child);
    const hadRequests = untold === undefined;
    this.#workforce.went(child, !this.#closed && (unasked || hadRequests));
    if (unasked && child.taken === 0) this.#pause();
    if (
      untold !== undefined && !this.#closed &&
      (unasked || cause instanceof ProtocolError)
    ) this.#onError(untold);
    this.#startNeeded();
    this.#startSpare();
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    if (WANTS.has((error as { readonly code?: unknown }).code)) {
      return this.#failedInWant(error as Error);
    }
    this.#pause();
    if (this.#inVain < PATIENCE) return;
    const { message } = error as Error;
    const known = message === this.#told;
    this.#told = message;
    // Where another child lives, it takes those that wait.
    if (this.#placement.ready.size > 0 || this.#placement.waiting === 0) {
      if (!known) this.#onError(error as Error);
      return;
    }
    this.#placement.cancelAll((index) =>
      index === 0 && !known ? error : toldBefore(error as Error)
    );
  }

  /**
   * Those that wait go on waiting: what is wanted comes back when a child or a
   * connection ends. Where no child is left that could end, the connection that
   * came last gives way to the others.
   */
  #failedInWant(error: Error): void {
    const now = performance.now();
    // Once, and not at each of the starts that fail while it lasts.
    if (now - this.#wanted > WANT) this.#onError(error);
    this.#wanted = now;
    this.#pauseFor(WANT_PAUSE);
    if (++this.#wants < PATIENCE || this.#children.size > 0) return;
    this.#placement.cancelLast(error);
  }

  #pause(): void {
    this.#inVain++;
    this.#pauseFor(restartPause(this.#inVain));
  }

  #pauseFor(ms: number): void {
    if (this.#closed || this.#pauseTimer !== undefined) return;
    this.#pauseTimer = setTimeout(() => {
      this.#pauseTimer = undefined;
      this.#startNeeded(this.#limits.spareChildren);
      this.#openGate();
    }, ms);
    if (this.#placement.waiting === 0) Deno.unrefTimer(this.#pauseTimer);
  }

  #endIfAbandoned(child: Child): void {
    if (child.abandoned === 0 || child.abandoned < child.load) return;
    child.terminate(
      new Deno.errors.TimedOut(
        `a request that was aborted went on for more than ${WIND_DOWN} ms`,
      ),
    );
  }
}

/** The same for further requests, in short. */
function toldBefore(cause: Error): Error {
  if (!(cause instanceof StartError)) return cause;
  const error = new Error(cause.brief, { cause });
  printAs(error, () => `${error}`);
  return error;
}

/** Waits for a promise, but not longer than `ms` milliseconds. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
