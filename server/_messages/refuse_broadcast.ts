/**
 * What handlers in a thread or process have in the place of the server's
 * `broadcast()`, which those on the event loop can call.
 *
 * @throws {TypeError} Always: only the server can send to all handlers.
 */
export function refuseBroadcast(): never {
  throw new TypeError(
    "Cannot broadcast: the server is not in this thread or process; post() the message to it, and call broadcast() in its onMessage",
  );
}
