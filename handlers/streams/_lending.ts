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

/** What is lent bytes. */
interface Borrowing {
  read?(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write?(data: Uint8Array): Promise<number>;
}

/**
 * Whether a connection keeps no bytes, and reads and writes as those with its
 * prototype do: somebody may have given it, or what wraps it, other methods.
 */
export function isBorrower(connection: Borrowing): boolean {
  const prototype = Object.getPrototypeOf(connection);
  return borrowers.has(prototype) && connection.read === prototype.read &&
    connection.write === prototype.write;
}
