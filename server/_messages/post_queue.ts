import { costOf, MessageWindow, POST_WINDOW } from "./message_window.ts";
import { messagePacking, type Packed, packValue } from "./pack_value.ts";

/**
 * How much may wait to be sent where nobody awaits `post()`, in bytes, where each
 * message counts 256 more. Nothing of it is with the server yet.
 */
const MOST_WAITING = 16 * 1024 * 1024;

/** How many that were sent are in the queue still. */
const MOST_SENT = 1_024;

/**
 * What handlers post, on their side: so much goes out as the server lets them have
 * unhandled, and the rest waits.
 */
export class PostQueue {
  readonly #send: (packed: Packed) => void;
  readonly #window = new MessageWindow(POST_WINDOW);
  /** What waits: from `#next` on. */
  #waiting: Packed[] = [];
  #next = 0;
  #waitingCost = 0;
  #sent: PromiseWithResolvers<void> | undefined;

  /** @param send Sends a message to the server. */
  constructor(send: (packed: Packed) => void) {
    this.#send = send;
  }

  /**
   * Posts a message.
   *
   * @returns A promise to await before more is posted, if there is a need.
   * @throws {Deno.errors.Busy} If too many wait.
   * @throws {RangeError} If it is too large.
   * @throws {TypeError} If it holds what cannot travel.
   */
  post(message: unknown): Promise<void> | undefined {
    const packed = packValue(message, messagePacking("post a message"));
    const cost = costOf(packed);
    if (this.#waitingCost === 0 && this.#window.enter(cost)) {
      this.#send(packed);
      return undefined;
    }
    if (this.#waitingCost + cost > MOST_WAITING) {
      throw new Deno.errors.Busy(
        `Cannot post a message: those that wait for the server count ${this.#waitingCost} bytes, and at most ${MOST_WAITING} with this one may wait; await post(), and see that onMessage of the server has an end`,
      );
    }
    this.#waiting.push(packed);
    this.#waitingCost += cost;
    return this.sent();
  }

  /**
   * The server has handled messages.
   *
   * @param cost What they counted.
   * @throws {ProtocolError} If they were not sent.
   */
  handled(cost: number): void {
    this.#window.leave(cost);
    while (this.#waitingCost > 0) {
      const packed = this.#waiting[this.#next]!;
      const cost = costOf(packed);
      if (!this.#window.enter(cost)) return;
      this.#next++;
      this.#waitingCost -= cost;
      this.#send(packed);
      if (this.#next === MOST_SENT) this.#forgetSent();
    }
    this.#waiting = [];
    this.#next = 0;
    this.#sent?.resolve();
    this.#sent = undefined;
  }

  /** The queue may never be empty, and holds no more than waits for long. */
  #forgetSent(): void {
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }

  /** Waits until all has been sent, if anything has not. */
  sent(): Promise<void> | undefined {
    if (this.#waitingCost === 0) return undefined;
    this.#sent ??= Promise.withResolvers();
    return this.#sent.promise;
  }
}
