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
      const failed = this.#failed;
      guard = function (this: unknown, event: Event): void {
        try {
          // What listeners return is ignored, and is a promise of those that wait.
          const returned: unknown = typeof listener === "function"
            ? listener.call(this as EventTarget, event)
            : listener.handleEvent(event);
          if (returned instanceof Promise) returned.catch(failed);
        } catch (error) {
          failed(error);
        }
      };
      this.#guards.set(listener, guard);
    }
    return guard;
  }
}
