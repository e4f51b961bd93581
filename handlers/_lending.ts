/**
 * Whether bytes can be lent to a connection for a write: it keeps none of them
 * when the write is done. Deno's connections are like that, and this module's.
 * Others may be put into a queue by whoever wrote them, and be sent when the
 * memory holds another client's bytes.
 */
const borrowers = new WeakSet<object>();

/** Says that connections with this prototype keep no bytes. */
export function addBorrower(prototype: object): void {
  borrowers.add(prototype);
}

/** Whether a connection keeps no bytes. */
export function isBorrower(connection: object): boolean {
  return borrowers.has(Object.getPrototypeOf(connection));
}
