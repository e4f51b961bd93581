/** What can be cancelled: a stream, the reader of one, or another source of bytes. */
interface Cancellable {
  cancel(reason?: unknown): void | Promise<void>;
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
  Promise.resolve(body?.cancel(reason)).catch(() => {});
}
