/** A listener of an `EventTarget`. */
type Listener = EventListenerOrEventListenerObject;

/**
 * Listeners whose errors are told to somebody: what a listener throws or rejects
 * with would otherwise end the process, and everybody's connections with it.
 */
export class Guards {
  readonly #failed: (error: unknown) => void;
  readonly #guards = new WeakMap<Listener, EventListener>();

  /** @param failed Called with what a listener throws or rejects with. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** What to add, or to remove, in the place of a listener: the same each time. */
  of(listener: Listener): EventListener {
    let guard = this.#guards.get(listener);
    if (guard === undefined) {
      guard = (event) =>
        typeof listener === "function"
          ? this.call(listener, event.currentTarget!, event)
          : this.call(listener.handleEvent, listener, event);
      this.#guards.set(listener, guard);
    }
    return guard;
  }

  /** Calls a listener with an event. */
  call<This, E extends Event>(
    listener: (this: This, event: E) => unknown,
    self: This,
    event: E,
  ): void {
    try {
      // What it returns is ignored, and is a promise where it waits for something.
      const returned = listener.call(self, event);
      if (returned instanceof Promise) returned.catch(this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  }
}
