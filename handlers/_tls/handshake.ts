import { limitTime } from "../_time_limit.ts";

/** How long a handshake may take where it is not said, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 10_000;

/**
 * Does the handshake of a connection, and gives up a client that takes too long.
 *
 * @param connection The connection.
 * @param timeout How long it may take, in milliseconds.
 * @param giveUp Ends the connection, so that the handshake fails.
 */
export async function shakeHandsWithin(
  connection: Pick<Deno.TlsConn, "handshake">,
  timeout: number,
  giveUp: (reason: DOMException) => void,
): Promise<void> {
  const timer = limitTime(
    timeout,
    `The TLS handshake took longer than handshakeTimeout, ${timeout} ms`,
    giveUp,
  );
  try {
    await connection.handshake();
  } finally {
    clearTimeout(timer);
  }
}
