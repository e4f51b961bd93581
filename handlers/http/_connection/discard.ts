/** What can be cancelled: a stream, or the reader of one. */
interface Cancellable {
  cancel(reason?: unknown): Promise<void>;
}

/**
 * Cancels a body that nobody wants. It is not waited for: a generator is cancelled when
 * it goes on, and a branch of `tee()` with the other one, which may be never. What its
 * source fails with meanwhile is nobody's concern.
 */
export function discard(
  body: Cancellable | null | undefined,
  reason?: unknown,
): void {
  body?.cancel(reason).catch(() => {});
}
