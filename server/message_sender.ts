/**
 * Where the handlers run that have posted a message: the event loop, a thread or a
 * process.
 */
export interface MessageSender {
  /**
   * Its number. No other thread or process of the server has had it; 0 is the event
   * loop.
   */
  readonly id: number;
  /**
   * Resolves when it is gone, and all that it has posted has been handled: then
   * nothing of what it has told is true any more. On the event loop that is when
   * the server has finished.
   */
  readonly gone: Promise<void>;
  /**
   * Sends a message to the handlers there, as `broadcast()` does to all.
   *
   * @param message What to send, of which they get a copy.
   * @returns Whether it was sent: not where it is gone, or has left too much untaken.
   * @throws {RangeError} If the message is too large.
   * @throws {TypeError} If it holds what cannot travel.
   */
  post(message: unknown): boolean;
}
