import { BROADCAST_WINDOW, costOf, MessageWindow } from "./message_window.ts";
import { messagePacking, type Packed, packValue } from "./pack_value.ts";
import type { Place, PlaceHost } from "./place.ts";
import { PostQueue } from "./post_queue.ts";
import { unpackMessage } from "./unpack_value.ts";

/**
 * After so many posts the event loop gets a turn: they are handled in microtasks, and
 * who awaits each of them would wait for nothing else.
 */
const POSTS_A_TURN = 256;

/**
 * The event loop, where handlers run beside their server. Messages are copied and
 * come later than the call that sends them, as they do elsewhere, and within the same
 * limits.
 */
export class LocalPlace implements Place {
  readonly id = 0;
  readonly gone: Promise<void>;
  readonly #host: PlaceHost;
  readonly #deliver: (message: unknown) => void;
  readonly #sent = new MessageWindow(BROADCAST_WINDOW);
  readonly #posted = new PostQueue((packed) =>
    queueMicrotask(async () => {
      await this.#host.handle(unpackMessage(packed, false), this);
      this.#posted.handled(costOf(packed));
    })
  );
  #posts = 0;
  #turn: PromiseWithResolvers<void> | undefined;
  #turnTimer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /**
   * @param host The server.
   * @param deliver Gives a message to all handlers.
   * @param finished Settles when there will be none any more.
   */
  constructor(
    host: PlaceHost,
    deliver: (message: unknown) => void,
    finished: Promise<void>,
  ) {
    this.#host = host;
    this.#deliver = deliver;
    this.gone = finished;
    void finished.then(() => {
      this.#over = true;
      this.#endTurn();
      host.left(this);
    });
  }

  post(message: unknown): boolean {
    return this.send(packValue(message, messagePacking("post a message")));
  }

  send(packed: Packed): boolean {
    const cost = costOf(packed);
    if (this.#over || !this.#sent.enter(cost)) return false;
    queueMicrotask(() => {
      this.#sent.leave(cost);
      this.#deliver(unpackMessage(packed, true));
    });
    return true;
  }

  // Handlers see the server's own.
  configure(): void {}

  /**
   * Takes a message that a handler posts.
   *
   * @returns A promise to await before more is posted, if there is a need.
   * @throws {Deno.errors.Busy} If too many wait.
   */
  posted(message: unknown): Promise<void> | undefined {
    const sent = this.#posted.post(message);
    return ++this.#posts % POSTS_A_TURN === 0 ? this.#nextTurn() : sent;
  }

  /** Waits for the next turn of the event loop, or the end of the server. */
  #nextTurn(): Promise<void> | undefined {
    if (this.#over) return undefined;
    if (this.#turn === undefined) {
      this.#turn = Promise.withResolvers();
      this.#turnTimer = setTimeout(() => this.#endTurn());
    }
    return this.#turn.promise;
  }

  #endTurn(): void {
    clearTimeout(this.#turnTimer);
    this.#turn?.resolve();
    this.#turn = undefined;
  }
}
