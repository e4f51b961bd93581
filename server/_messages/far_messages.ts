import { GrowingBytes } from "../../handlers/_growing_bytes.ts";
import { costOf } from "./message_window.ts";
import type { Packed } from "./pack_value.ts";
import { PostQueue } from "./post_queue.ts";
import { unpackConfig, unpackMessage } from "./unpack_value.ts";

/** What takes something to the server. */
interface ServerLink {
  /** A message. */
  message(packed: Packed): void;
  /** That messages of its were taken, and what they counted. */
  taken(cost: number): void;
}

/** The messages between handlers and their server, in the thread or process of these. */
export class FarMessages {
  readonly #link: ServerLink;
  readonly #deliver: (message: unknown) => void;
  readonly #posted: PostQueue;
  #config: unknown;
  /** The parts so far of another configuration. */
  #parts: GrowingBytes | undefined;

  /**
   * @param link Takes something to the server.
   * @param deliver Gives a message to the handlers. Never throws.
   */
  constructor(link: ServerLink, deliver: (message: unknown) => void) {
    this.#link = link;
    this.#deliver = deliver;
    this.#posted = new PostQueue((packed) => link.message(packed));
  }

  /** What the server gives its handlers. */
  get config(): unknown {
    return this.#config;
  }

  /** There is another configuration, or the first. */
  configure(packed: Uint8Array): void {
    this.#config = unpackConfig(packed);
  }

  /** The same, in parts. */
  configurePart(part: Uint8Array, isLast: boolean): void {
    this.#parts ??= new GrowingBytes();
    this.#parts.add(part);
    if (!isLast) return;
    const whole = this.#parts.bytes();
    this.#parts = undefined;
    this.configure(whole);
  }

  /**
   * Posts a message to the server.
   *
   * @returns A promise to await before more is posted, if there is a need.
   * @throws {Deno.errors.Busy} If too many wait.
   * @throws {RangeError} If it is too large.
   * @throws {TypeError} If it holds what cannot travel.
   */
  post(message: unknown): Promise<void> | undefined {
    return this.#posted.post(message);
  }

  /** Waits until all that was posted has been sent, if anything has not. */
  sent(): Promise<void> | undefined {
    return this.#posted.sent();
  }

  /** Takes a message of the server, which is in memory of this side's. */
  receive(packed: Uint8Array): void {
    this.#deliver(unpackMessage(packed, true));
    this.#link.taken(costOf(packed));
  }

  /** The server has handled messages, and what they counted. */
  handled(cost: number): void {
    this.#posted.handled(cost);
  }
}
