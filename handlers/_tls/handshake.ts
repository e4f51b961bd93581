/** How long a handshake may take where it is not said, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000;

/** What is told of a client that takes too long. */
export function handshakeTooLong(timeout: number): string {
  return `The TLS handshake took longer than handshakeTimeout, ${timeout} ms`;
}
