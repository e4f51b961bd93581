import { ProtocolError } from "../_bridge/frames.ts";
import {
  BROADCAST_WINDOW,
  costOf,
  MessageWindow,
  POST_WINDOW,
} from "./message_window.ts";
import { messagePacking, type Packed, packValue } from "./pack_value.ts";
import type { Place, PlaceHost } from "./place.ts";
import { unpackMessage } from "./unpack_value.ts";
import { LONGEST_MESSAGE } from "./value_format.ts";

/** What takes something to a thread or process. */
export interface PlaceLink {
  /** A message. */
  message(packed: Packed): void;
  /** Another configuration. */
  config(packed: Packed): void;
  /** That messages of its have been handled, and what they counted. */
  handled(cost: number): void;
  /** A promise to await before anything is sent, where it takes nothing. */
  congestion?(): Promise<void> | undefined;
}

/**
 * A thread or process that runs handlers, as its server sees it. It is not believed:
 * what it has posted and the server has not handled is bounded, and so is what it has
 * not taken.
 */
export class RemotePlace implements Place {
  readonly id: number;
  readonly #host: PlaceHost;
  readonly #link: PlaceLink;
  /** What it was sent and has not taken, what waits to be sent among it. */
  readonly #sent = new MessageWindow(BROADCAST_WINDOW);
  /** What of it does not wait any more: it can have taken nothing else. */
  readonly #out = new MessageWindow(BROADCAST_WINDOW);
  readonly #posted = new MessageWindow(POST_WINDOW);
  /** What is to be sent when it has started, or takes what it was sent. */
  #held: (() => void)[] | undefined = [];
  /** How many messages of its are being handled. */
  #handling = 0;
  /** How many errors of taking messages it may still tell. */
  #mayFail = 0;
  /** How many messages were not sent to it since it took the last. */
  #leftOut = 0;
  #isLost = false;
  #gone: PromiseWithResolvers<void> | undefined;

  /**
   * @param id Its number.
   * @param host The server.
   * @param link Takes something there.
   */
  constructor(id: number, host: PlaceHost, link: PlaceLink) {
    this.id = id;
    this.#host = host;
    this.#link = link;
  }

  get gone(): Promise<void> {
    this.#gone ??= Promise.withResolvers();
    this.#checkGone();
    return this.#gone.promise;
  }

  post(message: unknown): boolean {
    return this.send(packValue(message, messagePacking("post a message")));
  }

  send(packed: Packed): boolean {
    if (this.#isLost) return false;
    // Once it is behind it has to catch up, or each message would be told of.
    const mayEnter = this.#leftOut === 0 || this.#sent.halfEmpty;
    const cost = costOf(packed);
    if (!mayEnter || !this.#sent.enter(cost)) {
      if (this.#leftOut++ === 0) void this.#host.report(this.#behind());
      return false;
    }
    if (this.#leftOut > 0) this.#tellLeftOut();
    this.#mayFail++;
    this.#do(() => {
      this.#out.enter(cost);
      this.#link.message(packed);
    });
    return true;
  }

  configure(packed: Packed): void {
    if (!this.#isLost) this.#do(() => this.#link.config(packed));
  }

  /** It has started, and takes what is sent. */
  opened(): void {
    this.#sendHeld();
  }

  /** Sends what was held until it takes nothing more. */
  #sendHeld(): void {
    const held = this.#held ?? [];
    let next = 0;
    for (; next < held.length; next++) {
      const congestion = this.#link.congestion?.();
      if (congestion !== undefined) {
        this.#held = held.slice(next);
        return void congestion.then(() => this.#sendHeld());
      }
      held[next]!();
    }
    this.#held = undefined;
  }

  /**
   * Takes a message that it has posted.
   *
   * @param packed The message, in memory of this side's.
   * @throws {ProtocolError} If it is none, or more than may be posted.
   */
  take(packed: Uint8Array): void {
    const cost = costOf(packed);
    if (packed.length > LONGEST_MESSAGE || !this.#posted.enter(cost)) {
      throw new ProtocolError(
        `Cannot take a message of ${packed.length} bytes: it is too long, or those before have not been handled`,
      );
    }
    const message = unpackMessage(packed, false);
    this.#handling++;
    void this.#handle(message, cost);
  }

  async #handle(message: unknown, cost: number): Promise<void> {
    await this.#host.handle(message, this);
    this.#handling--;
    this.#checkGone();
    // Whoever takes no answers has posted more than it was let before long.
    const congestion = this.#link.congestion?.();
    if (congestion !== undefined) await congestion;
    this.#posted.leave(cost);
    if (!this.#isLost) this.#link.handled(cost);
  }

  /**
   * It has taken messages.
   *
   * @param cost What they counted.
   * @throws {ProtocolError} If they were not sent.
   */
  taken(cost: number): void {
    this.#out.leave(cost);
    this.#sent.leave(cost);
  }

  /**
   * Something there has failed with a message.
   *
   * @throws {ProtocolError} If it was sent no such message.
   */
  failed(error: unknown): void {
    if (this.#mayFail === 0) {
      throw new ProtocolError(
        "Cannot take an error: it belongs to no request, nor to a message",
      );
    }
    this.#mayFail--;
    void this.#host.report(error);
  }

  /** It is gone. */
  lost(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#held = undefined;
    this.#host.left(this);
    this.#checkGone();
  }

  #do(send: () => void): void {
    if (this.#held !== undefined) return void this.#held.push(send);
    if (this.#link.congestion?.() === undefined) return send();
    this.#held = [send];
    this.#sendHeld();
  }

  #checkGone(): void {
    if (this.#isLost && this.#handling === 0) this.#gone?.resolve();
  }

  #behind(): Error {
    return new Deno.errors.Busy(
      `Cannot send a message to thread or process ${this.id} of the server's handlers: it has not taken those before, which count more than ${BROADCAST_WINDOW} bytes with it; none is sent to it before it has taken half of them`,
    );
  }

  #tellLeftOut(): void {
    const count = this.#leftOut;
    this.#leftOut = 0;
    void this.#host.report(
      new Deno.errors.Busy(
        `Thread or process ${this.id} of the server's handlers takes messages again: ${count} were not sent to it`,
      ),
    );
  }
}
