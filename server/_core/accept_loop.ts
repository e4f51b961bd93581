import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import { isClientError, isClosedError } from "./accept_errors.ts";
import { AcceptAhead } from "./accept_ahead.ts";
import { QueueDrain } from "./queue_drain.ts";
import type { Reporter } from "./reporter.ts";
import type { Guest, Room } from "./room.ts";
import type { ServingLoop } from "./seam.ts";

/**
 * How long accepting pauses when the system has no descriptor or memory left,
 * in milliseconds. Ranch and Thousand Island wait as long.
 */
const ACCEPT_PAUSE = 100;

/** The server of an accept loop, which gives it requests and takes them. */
export interface Acceptor<Request, Address extends Deno.Addr> {
  /** Waits for the next request. */
  accept(): Promise<[Request, Address]>;
  /**
   * Serves a request. Returns before its handler has ended.
   *
   * @param handled Called when its handler has ended, or runs elsewhere.
   */
  serve(request: Request, clientAddress: Address, handled?: () => void): void;
  /** Closes a request that came too late. */
  discard(request: Request, clientAddress: Address): void;
  /**
   * The socket was closed by somebody else.
   *
   * @returns Whether that is the end: it may have been left only for a while.
   */
  closed(): boolean;
  /** The next is not accepted before one of so many requests has ended. */
  full(limit: number): void;
}

/** Accepts the requests of a server, one after the other. */
export class AcceptLoop<Request, Address extends Deno.Addr>
  implements ServingLoop {
  readonly #acceptor: Acceptor<Request, Address>;
  readonly #room: Room<Guest>;
  readonly #reporter: Reporter<Request, Address>;
  /** The accept that `serveOne` has begun and not used. */
  #ahead: AcceptAhead<Request, Address> | undefined;
  #serving = false;
  /** Whether `serveOne` has accepted nothing yet. */
  #awaitsOne = false;
  /** Whether it was ever told to serve. */
  #used = false;
  #stopped = false;
  #accepted = 0;
  #drain: QueueDrain | undefined;
  #drained: Promise<void> | undefined;
  /** Whether it was stopped when nothing more had come. */
  #isDrained = false;
  /** Whether the listener failed last, which is reported once. */
  #failing = false;
  /** Whether nothing was accepted since it was told that there is no room. */
  #toldFull = false;

  constructor(
    acceptor: Acceptor<Request, Address>,
    room: Room<Guest>,
    reporter: Reporter<Request, Address>,
  ) {
    this.#acceptor = acceptor;
    this.#room = room;
    this.#reporter = reporter;
  }

  /** Accepts until it is stopped. */
  async serveAll(): Promise<void> {
    this.#used = this.#serving = true;
    try {
      await this.#acceptAll();
    } finally {
      this.#serving = false;
    }
  }

  async #acceptAll(): Promise<void> {
    while (!this.#stopped) {
      if (this.#room.full) {
        this.#tellFull();
        await this.#room.awaken();
        continue;
      }
      let request: Request;
      let clientAddress: Address;
      try {
        [request, clientAddress] = this.#ahead === undefined
          ? await this.#acceptor.accept()
          : await this.#take(this.#ahead);
      } catch (error) {
        if (!this.#stopped) await this.#failed(error);
        continue;
      }
      this.#failing = this.#toldFull = false;
      this.#accepted++;
      if (!this.#room.mayEnter) await this.#hold();
      // One that came as the last wait ended was let in like those before it.
      if (this.#stopped && !this.#isDrained) {
        this.#acceptor.discard(request, clientAddress);
      } else this.#acceptor.serve(request, clientAddress);
    }
  }

  /**
   * Accepts one request, and waits until it is handled. One that comes later
   * than the timeout is kept for the next call.
   *
   * @param timeout How long to wait for it, in milliseconds.
   * @returns Whether there was one before the timeout.
   */
  async serveOne(timeout: number): Promise<boolean> {
    this.#used = this.#awaitsOne = true;
    try {
      return await this.#acceptOne(timeout);
    } finally {
      this.#awaitsNoMore();
    }
  }

  async #acceptOne(timeout: number): Promise<boolean> {
    const deadline = performance.now() + timeout;
    let waited = false;
    while (!this.#stopped) {
      if (!this.#room.full) {
        this.#ahead ??= new AcceptAhead(
          () => this.#acceptor.accept(),
          () => this.#room.wake(),
        );
      }
      if (this.#room.full || !this.#ahead?.isSettled) {
        const left = Math.max(0, deadline - performance.now());
        // Wait at least once: a client may be there even where no time is left.
        if (left === 0 && waited) return false;
        waited = true;
        await this.#pause(left);
        continue;
      }
      try {
        const [request, clientAddress] = await this.#take(this.#ahead);
        this.#failing = false;
        this.#accepted++;
        this.#awaitsNoMore();
        await new Promise<void>((handled) =>
          this.#acceptor.serve(request, clientAddress, handled)
        );
        return true;
      } catch (error) {
        if (!this.#stopped) await this.#failed(error);
      }
    }
    return true;
  }

  /** Accepts those whom the kernel has let in already, then nothing more. */
  drain(): Promise<void> {
    this.#drain ??= new QueueDrain(this);
    this.resume();
    this.#serveRest();
    return this.#drained ??= this.#drain.drained().then(() => {
      this.#isDrained = !this.#stopped;
      this.stop();
    });
  }

  #awaitsNoMore(): void {
    this.#awaitsOne = false;
    if (this.#drain !== undefined) this.#serveRest();
  }

  /** Serves those for whom nobody who asks for one at a time comes any more. */
  #serveRest(): void {
    if (this.#serving || this.#awaitsOne) return;
    this.serveAll().catch(() => {
      // The socket was closed meanwhile, which the server knows.
    });
  }

  /** How many have been accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Whether it goes on accepting by itself. */
  get goesOn(): boolean {
    return (this.#serving || this.#awaitsOne) && !this.#stopped &&
      !this.#failing;
  }

  /** Whether it waits for a place, which those who await a shutdown never leave. */
  get waitsForPlace(): boolean {
    return this.#room.full && !this.#room.onlyWaiting;
  }

  /** Whether it was told to serve, so that there is something to drain. */
  get serving(): boolean {
    return this.#used;
  }

  /** Accepts nothing more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#drain?.stop();
    this.#ahead?.drop((request, clientAddress) =>
      this.#acceptor.discard(request, clientAddress)
    );
    this.#room.wake();
  }

  get limit(): number {
    return this.#room.limit;
  }

  set limit(limit: number) {
    this.#room.limit = limit;
  }

  suspend(): void {
    if (this.#drain === undefined) this.#room.suspended = true;
  }

  resume(): void {
    this.#room.resume();
  }

  /** Holds one who has been accepted and may not come in: it waits with the others. */
  async #hold(): Promise<void> {
    while (!this.#stopped && !this.#room.mayEnter) await this.#room.awaken();
  }

  #tellFull(): void {
    if (this.#toldFull || !this.#room.atLimit) return;
    this.#toldFull = true;
    this.#acceptor.full(this.#room.limit);
  }

  /** Waits for what was accepted ahead, which nobody else gets from now on. */
  #take(
    ahead: AcceptAhead<Request, Address>,
  ): Promise<[Request, Address]> {
    this.#ahead = undefined;
    return ahead.take();
  }

  async #failed(error: unknown): Promise<void> {
    if (isClientError(error)) return void this.#reporter.report(error);
    if (isClosedError(error)) {
      if (!this.#acceptor.closed()) return;
      throw error;
    }
    // Report it once: accepting is tried ten times a second while it lasts.
    if (!this.#failing) void this.#reporter.report(error);
    this.#failing = true;
    if (!this.#stopped) await this.#pause(ACCEPT_PAUSE);
  }

  /** Waits for a free place, a stop, or the end of a time in milliseconds. */
  async #pause(ms: number): Promise<void> {
    if (ms === Infinity) return await this.#room.awaken();
    const timer = setTimeout(
      () => this.#room.wake(),
      Math.min(ms, LONGEST_DELAY),
    );
    await this.#room.awaken();
    clearTimeout(timer);
  }
}
