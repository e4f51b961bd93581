import { LONGEST_DELAY } from "../_closing/deadlines.ts";
import { checkTime } from "./options.ts";
import type { Reporter } from "./reporter.ts";
import type { Room } from "./room.ts";
import type { Runner, Transport } from "./seam.ts";
import { ABANDON_AFTER, type ServedRequest } from "./served_request.ts";

/** What ends with a server. */
interface Parts<Request, Address extends Deno.Addr> {
  readonly room: Room<ServedRequest<Request, Address>>;
  readonly reporter: Reporter<Request, Address>;
  readonly transport: Transport<Request, Address>;
  readonly runner: Runner | undefined;
  /** Stops the accept loop. */
  stopLoop(): void;
  /** Closes the socket. */
  closeSocket(): void;
  /** How long requests may take where it is not said, in milliseconds. */
  readonly gracePeriod: number;
}

/** How a server ends: it stops accepting, drains, and releases what it has. */
export class Ending<Request, Address extends Deno.Addr> {
  /** Resolves when the socket is closed and no request is in progress. */
  readonly finished: Promise<void>;
  readonly #parts: Parts<Request, Address>;
  readonly #unlinkSignals: (() => void)[] = [];
  readonly #graceTimers = new Set<ReturnType<typeof setTimeout>>();
  #stopping = false;
  #closed = false;
  #finish!: () => void;

  constructor(parts: Parts<Request, Address>) {
    this.#parts = parts;
    this.finished = new Promise((resolve) => this.#finish = resolve);
  }

  /** Whether nothing more is accepted. */
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
    const { room } = this.#parts;
    this.#stopAccepting();
    if (room.size > 0 && gracePeriod !== Infinity) {
      this.#abortAfter(gracePeriod, false);
      // Who waits for the shutdown can finish only when the others have.
      this.#abortAfter(2 * gracePeriod + ABANDON_AFTER, true);
    }
    await (caller === undefined ? this.finished : room.drainedBut(caller));
  }

  /** Shuts down when a signal is aborted. */
  shutdownOn(signal: AbortSignal): void {
    const stop = () => void this.shutdown();
    // Later than now: a subclass may still be constructing.
    if (signal.aborted) return queueMicrotask(stop);
    signal.addEventListener("abort", stop, { once: true });
    this.#unlinkSignals.push(() => signal.removeEventListener("abort", stop));
  }

  /** Stops listening now, and lets the requests in progress go on. */
  close(): void {
    this.#stopAccepting();
    this.#closeSocket();
  }

  #stopAccepting(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const unlink of this.#unlinkSignals) unlink();
    this.#parts.stopLoop();
    void this.#stopListening();
    for (const served of this.#parts.room.inside()) served.tellShuttingDown();
  }

  async #stopListening(): Promise<void> {
    const { reporter, room, transport } = this.#parts;
    const close = () => this.#closeSocket();
    await reporter.attempt(() =>
      transport.stopListening === undefined
        ? close()
        : transport.stopListening(close)
    );
    room.whenEmpty(() => void this.#release());
  }

  #abortAfter(ms: number, waitingToo: boolean): void {
    const timer = setTimeout(() => {
      const reason = new DOMException(
        `The server shut down and the request did not finish within ${ms} ms`,
        "AbortError",
      );
      for (const served of this.#parts.room.inside()) {
        if (waitingToo || served.awaitedShutdowns === 0) served.abort(reason);
      }
    }, Math.min(ms, LONGEST_DELAY));
    this.#graceTimers.add(timer);
  }

  #closeSocket(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.closeSocket();
  }

  /** Nothing is accepted any more, and no request is in progress. */
  async #release(): Promise<void> {
    const { reporter, runner, transport } = this.#parts;
    for (const timer of this.#graceTimers) clearTimeout(timer);
    this.#graceTimers.clear();
    this.#closeSocket();
    transport.finish?.();
    if (runner !== undefined) await reporter.attempt(() => runner.close());
    this.#finish();
  }
}
