import type { MessageSender } from "../message_sender.ts";
import type { Packed } from "./pack_value.ts";

/** Where handlers run, as the server that has messages for them sees it. */
export interface Place extends MessageSender {
  /**
   * Sends them a message that is packed.
   *
   * @returns Whether it was sent.
   */
  send(packed: Packed): boolean;
  /** Gives them another configuration. */
  configure(packed: Packed): void;
}

/** What a place tells its server. */
export interface PlaceHost {
  /** Handles a message. Never rejects. */
  handle(message: unknown, from: MessageSender): Promise<void>;
  /** Tells `handleError` of an error. Never rejects. */
  report(error: unknown): Promise<void>;
  /** It is gone. */
  left(place: Place): void;
}
