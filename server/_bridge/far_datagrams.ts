import { MAX_DATAGRAM_SIZE } from "../../handlers/datagram_request_handler.ts";
import { LimitOverrunError } from "../../handlers/streams/stream_errors.ts";
import type { Carrier } from "./carrier.ts";
import {
  costOf,
  DatagramWindow,
  REQUEST_WINDOW,
  SIDE_WINDOW,
} from "./datagram_window.ts";
import { notBytes } from "../../handlers/_not_bytes.ts";
import { FrameType } from "./frames.ts";
import { packDatagram } from "./payloads.ts";

/**
 * How much of one request's datagrams may wait for those under way, in bytes: as
 * much as a `StreamWriter` takes that nobody awaits.
 */
const MOST_WAITING = 16 * 1024 * 1024;

/** A datagram on its way to the near side's socket. */
interface Sending {
  readonly outbox: FarDatagrams;
  readonly cost: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One that waits for its turn. */
interface Waiting {
  readonly number: number;
  readonly packed: Uint8Array;
  readonly sending: Sending;
}

/** The datagrams of all requests of a far side. */
export class FarSends {
  readonly carrier: Carrier;
  /** By their numbers. Those of requests that are over are still under way. */
  readonly underWay = new Map<number, Sending>();
  readonly window = new DatagramWindow(SIDE_WINDOW);
  /** Requests that wait for those of others. */
  readonly #blocked = new Set<FarDatagrams>();
  #lastNumber = 0;

  constructor(carrier: Carrier) {
    this.carrier = carrier;
  }

  nextNumber(): number {
    return this.#lastNumber = (this.#lastNumber + 1) >>> 0;
  }

  /** Has a request tried again when there is room. */
  block(outbox: FarDatagrams): void {
    this.#blocked.add(outbox);
  }

  /** The near side has sent a datagram, or could not. */
  settle(number: number, error?: unknown): void {
    const sending = this.underWay.get(number);
    if (sending === undefined) return;
    this.underWay.delete(number);
    this.window.remove(sending.cost);
    if (error === undefined) sending.resolve();
    else sending.reject(error);
    // Those that have waited longer come first.
    if (sending.outbox.sent(sending.cost)) this.#blocked.add(sending.outbox);
    for (const outbox of this.#blocked) {
      this.#blocked.delete(outbox);
      // It is among them again where the others have left no room for it.
      if (!outbox.sendWaiting()) return;
    }
  }
}

/** The datagrams that one request's handler sends. */
export class FarDatagrams {
  readonly #id: number;
  readonly #sends: FarSends;
  readonly #window = new DatagramWindow(REQUEST_WINDOW);
  readonly #waiting = new Set<Waiting>();
  #waitingBytes = 0;
  /** Those that the handler waits for, or has forgotten. */
  readonly #unsettled = new Set<PromiseWithResolvers<number>>();
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(id: number, sends: FarSends) {
    this.#id = id;
    this.#sends = sends;
  }

  /**
   * Sends one datagram, when there is room for it.
   *
   * @returns A promise that rejects with what kept it from being sent; with
   * `LimitOverrunError` if too many wait already.
   */
  send(data: Uint8Array, address: Deno.Addr): Promise<number> {
    if (!(data instanceof Uint8Array)) {
      return Promise.reject(notBytes("send", data));
    }
    const size = data.length;
    if (size > MAX_DATAGRAM_SIZE) {
      return Promise.reject(
        new RangeError(
          `Cannot send ${size} bytes: a datagram carries at most ${MAX_DATAGRAM_SIZE}`,
        ),
      );
    }
    if (this.#waitingBytes > MOST_WAITING) {
      return Promise.reject(
        new LimitOverrunError(
          `Cannot send ${size} bytes: ${this.#waiting.size} datagrams of this request already wait to be sent and the limit is ${MOST_WAITING} bytes; await send() to be held back instead`,
          MOST_WAITING,
        ),
      );
    }
    const number = this.#sends.nextNumber();
    let packed: Uint8Array;
    try {
      packed = packDatagram(number, address, data);
    } catch (error) {
      return Promise.reject(error);
    }
    const settled = Promise.withResolvers<number>();
    this.#unsettled.add(settled);
    const sending: Sending = {
      outbox: this,
      cost: costOf(packed),
      resolve: () => {
        this.#unsettled.delete(settled);
        settled.resolve(size);
      },
      reject: (error) => {
        this.#unsettled.delete(settled);
        settled.reject(error);
      },
    };
    if (this.#waiting.size > 0 || !this.#sendNow(number, packed, sending)) {
      this.#waiting.add({ number, packed: packed.slice(), sending });
      this.#waitingBytes += sending.cost;
    }
    return settled.promise;
  }

  /**
   * Waits until the near side has been given all that was sent.
   *
   * @returns `undefined` if there is nothing to wait for.
   */
  drained(): Promise<void> | undefined {
    if (this.#waiting.size === 0) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Sends nothing of what waits, for which nobody has to wait any more. */
  forget(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#noteDrained();
    for (const { promise, reject } of this.#unsettled) {
      promise.catch(() => {});
      reject(new Deno.errors.Interrupted("The request was ended meanwhile"));
    }
    this.#unsettled.clear();
  }

  // What the far side's sends call.

  /**
   * One is not under way any more.
   *
   * @returns Whether others wait.
   */
  sent(cost: number): boolean {
    this.#window.remove(cost);
    return this.#waiting.size > 0;
  }

  /**
   * Sends what waits, as far as there is room.
   *
   * @returns Whether the others' datagrams left enough.
   */
  sendWaiting(): boolean {
    for (const waiting of this.#waiting) {
      const { number, packed, sending } = waiting;
      if (!this.#sendNow(number, packed, sending)) {
        return this.#sends.window.fits(sending.cost);
      }
      this.#waiting.delete(waiting);
      this.#waitingBytes -= sending.cost;
    }
    this.#noteDrained();
    return true;
  }

  #noteDrained(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #sendNow(number: number, packed: Uint8Array, sending: Sending): boolean {
    if (!this.#window.fits(sending.cost)) return false;
    if (!this.#sends.window.fits(sending.cost)) {
      this.#sends.block(this);
      return false;
    }
    this.#window.add(sending.cost);
    this.#sends.window.add(sending.cost);
    this.#sends.underWay.set(number, sending);
    this.#sends.carrier.send(FrameType.Send, this.#id, packed);
    return true;
  }
}
