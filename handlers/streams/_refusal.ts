/** A rejection that knows whether anybody looks at it. */
class Refusal extends Promise<never> {
  /** Called when the first one looks. */
  onSeen: (() => void) | undefined;

  /** What comes of waiting for it is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // Since this is a class of its own, not only `catch` and `Promise.all` come by
  // here but `await` too.
  override then<Fulfilled = never, Rejected = never>(
    onFulfilled?: ((value: never) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.onSeen?.();
    this.onSeen = undefined;
    return super.then(onFulfilled, onRejected);
  }
}

/**
 * Refuses something to somebody who may not wait for the answer.
 *
 * @param refused A promise that rejects with the reason.
 * @param onSeen Called if somebody does, once.
 * @returns A promise that rejects as that does, and is never an unhandled
 * rejection.
 */
export function refuse(
  refused: Promise<never>,
  onSeen: () => void,
): Promise<never> {
  const refusal = new Refusal((_, reject) => refused.catch(reject));
  refusal.catch(() => {});
  refusal.onSeen = onSeen;
  return refusal;
}
