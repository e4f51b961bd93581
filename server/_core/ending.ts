import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import { checkTime } from "./options.ts";
import { tookTooLong } from "./took_too_long.ts";
import type { Publisher } from "../_events/publisher.ts";
import type { Reporter } from "./reporter.ts";
import type { Room } from "./room.ts";
import type { Runner, ServingLoop, Transport } from "./seam.ts";
import { ABANDON_AFTER, type ServedRequest } from "./served_request.ts";

/** The parts of a server that its end stops and releases. */
interface Parts<Request, Address extends Deno.Addr> {
  readonly room: Room<ServedRequest<Request, Address>>;
  readonly reporter: Reporter<Request, Address>;
  readonly transport: Transport<Request, Address>;
  readonly runner: Runner | undefined;
  readonly publisher: Publisher;
  readonly loop: Pick<ServingLoop, "serving" | "drain" | "stop">;
  /** Closes the socket. Called once. */
  closeSocket(): void;
  /** How long requests may take where it is not said, in milliseconds. */
  readonly gracePeriod: number;
  /** Whether it ends since another takes its place, where that may be. */
  readonly isReplaced: (() => boolean) | undefined;
}

/** How a server ends: it stops accepting, drains, and releases what it has. */
export class Ending<Request, Address extends Deno.Addr> {
  /** Resolves when the socket is closed and no request is in progress. */
  readonly finished: Promise<void>;
  readonly #parts: Parts<Request, Address>;
  readonly #unlinkSignals: (() => void)[] = [];
  /** When requests are aborted, in `performance.now()` time. */
  #abortAt = Infinity;
  #graceTimers: ReturnType<typeof setTimeout>[] = [];
  #stopping = false;
  #listening = true;
  #released = false;
  #closed = false;
  #finish!: () => void;

  constructor(parts: Parts<Request, Address>) {
    this.#parts = parts;
    this.finished = new Promise((resolve) => this.#finish = resolve);
  }

  /** How long requests still have, in milliseconds. */
  get timeLeft(): number {
    return Math.max(0, this.#abortAt - performance.now());
  }

  /** Whether the server ends: it accepts only requests that wait already. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /**
   * Stops accepting and waits until the requests in progress have ended.
   *
   * @param gracePeriod How long they may take, in milliseconds.
   * @param caller The request that calls, which is not waited for.
   * @throws {RangeError} If `gracePeriod` is not a non-negative number.
   */
  async shutdown(
    gracePeriod: number = this.#parts.gracePeriod,
    caller?: ServedRequest<Request, Address>,
  ): Promise<void> {
    checkTime("gracePeriod", gracePeriod);
    const { loop, room } = this.#parts;
    this.#limit(gracePeriod);
    if (!this.#stopping) this.#parts.publisher.drain(gracePeriod);
    this.#begin();
    this.#parts.runner?.shuttingDown?.(gracePeriod);
    let accepted: Promise<void> | undefined;
    if (loop.serving && gracePeriod > 0) {
      accepted = loop.drain().then(() => this.#stopListening());
    } else this.#stopListening();
    await (caller === undefined
      ? this.finished
      : room.drainedBut(caller, accepted));
  }

  /** Shuts down when a signal is aborted. */
  shutdownOn(signal: AbortSignal): void {
    const stop = () => void this.shutdown();
    // Shut down in a microtask: a subclass's constructor may still be running.
    if (signal.aborted) return queueMicrotask(stop);
    signal.addEventListener("abort", stop, { once: true });
    this.#unlinkSignals.push(() => signal.removeEventListener("abort", stop));
  }

  /** Stops listening now, and lets the requests in progress go on. */
  close(): void {
    this.#begin();
    this.#stopListening();
    this.#closeSocket();
  }

  #begin(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const unlink of this.#unlinkSignals) unlink();
    for (const served of this.#parts.room.inside()) served.tellShuttingDown();
  }

  #stopListening(): void {
    if (!this.#listening) return;
    this.#listening = false;
    const { loop, reporter, room, transport } = this.#parts;
    loop.stop();
    const close = () => this.#closeSocket();
    const stopped = reporter.attempt(() =>
      transport.stopListening === undefined
        ? close()
        : transport.stopListening(close)
    );
    void stopped.then(() => room.whenEmpty(() => void this.#release()));
  }

  /** Aborts requests after the shortest grace period that was asked for. */
  #limit(gracePeriod: number): void {
    const abortAt = performance.now() + gracePeriod;
    if (abortAt >= this.#abortAt || this.#released) return;
    this.#abortAt = abortAt;
    for (const timer of this.#graceTimers.splice(0)) clearTimeout(timer);
    this.#abortAfter(gracePeriod, false);
    // Handlers that await the shutdown get longer: they wait for the others.
    this.#abortAfter(2 * gracePeriod + ABANDON_AFTER, true);
  }

  #abortAfter(ms: number, waitingToo: boolean): void {
    const timer = setTimeout(() => {
      this.#stopListening();
      const reason = tookTooLong(ms, this.#parts.isReplaced?.() === true);
      for (const served of this.#parts.room.inside()) {
        if (waitingToo || served.awaitedShutdowns === 0) {
          served.abort(reason, "shutdown");
        }
      }
    }, Math.min(ms, LONGEST_DELAY));
    this.#graceTimers.push(timer);
  }

  #closeSocket(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.closeSocket();
  }

  /** Nothing is accepted any more, and no request is in progress. */
  async #release(): Promise<void> {
    const { publisher, reporter, runner, transport } = this.#parts;
    this.#released = true;
    for (const timer of this.#graceTimers) clearTimeout(timer);
    this.#closeSocket();
    transport.finish?.();
    if (runner !== undefined) await reporter.attempt(() => runner.close());
    publisher.close();
    this.#finish();
  }
}
