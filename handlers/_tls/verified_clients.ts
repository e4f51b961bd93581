/** How many certificates are remembered; then the one seen longest ago goes. */
const MOST_REMEMBERED = 16_384;

/**
 * The certificates of clients that a server has verified, by their fingerprints.
 *
 * A session that goes on is not verified again: the certificate comes out of what
 * the client has kept, the ticket. Tickets of one process open at all its servers,
 * and are given out to clients with a certificate that nobody has signed, where
 * those are served. So a certificate counts in such a session only if this very
 * server has verified it before, in a whole handshake, and if it has not expired.
 */
export class VerifiedClients {
  /** When each expires, in milliseconds since 1970. */
  readonly #expiry = new Map<string, number>();

  /**
   * Remembers one that has been verified.
   *
   * @param fingerprint The SHA-256 of it.
   * @param validTo Until when it is valid, as a date.
   */
  add(fingerprint: string, validTo: string): void {
    this.#expiry.delete(fingerprint);
    this.#expiry.set(fingerprint, Date.parse(validTo));
    if (this.#expiry.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#expiry.keys();
    this.#expiry.delete(oldest!);
  }

  /** Whether one has been verified, and is valid still. */
  has(fingerprint: string): boolean {
    const expiry = this.#expiry.get(fingerprint);
    return expiry !== undefined && expiry > Date.now();
  }
}
