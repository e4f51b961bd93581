import { BaseRequestHandler } from "../../handlers/base_request_handler.ts";
import type { RequestServer } from "../../handlers/base_request_handler.ts";

/** A handler class, as far as messages are concerned. */
interface MessageTaker {
  readonly prototype: unknown;
  onMessage(message: unknown, server: RequestServer): void | Promise<void>;
}

/** A request that may have a handler to be given messages. */
export interface MessageListener {
  tellMessage(message: unknown): void;
}

/** Calls something, and tells of what it throws or rejects with. */
type Attempt = (call: () => void | Promise<void>) => void;

/**
 * Gives a message to a handler class, and then to its instances.
 *
 * @param message The message.
 * @param Handler The class.
 * @param server What its handlers see as their server.
 * @param attempt Calls its own method.
 * @param each Gives the message to each instance.
 */
export function deliver(
  message: unknown,
  Handler: unknown,
  server: RequestServer,
  attempt: Attempt,
  each: () => void,
): void {
  const Class = Handler as MessageTaker;
  if (Class.onMessage !== BaseRequestHandler.onMessage) {
    attempt(() => Class.onMessage(message, server));
  }
  const { onMessage } = Class.prototype as BaseRequestHandler;
  // Else there may be thousands who do nothing.
  if (onMessage !== BaseRequestHandler.prototype.onMessage) each();
}
