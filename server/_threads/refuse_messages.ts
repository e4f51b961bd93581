import { parentPort } from "node:worker_threads";

/**
 * Has messages refused that handlers post to the main thread: nobody listens to
 * them, and all that a thread has sent are taken in one turn of the main thread's
 * event loop.
 *
 * @returns Posts one all the same.
 */
export function refuseMessages(): (message: unknown) => void {
  const port = parentPort!;
  const post = port.postMessage.bind(port);
  const value = () => {
    throw new TypeError(
      "Cannot post a message: nobody listens to the thread of a handler; answer through the connection, or post it to a BroadcastChannel",
    );
  };
  for (const sender of [globalThis, port]) {
    Object.defineProperty(sender, "postMessage", { value });
  }
  return (message) => post(message);
}
