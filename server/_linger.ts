import { Deadlines } from "./_deadlines.ts";

/**
 * How long a closing connection may be silent before it is taken for drained,
 * in milliseconds; nginx's `lingering_timeout` is as long.
 */
const SILENCE = 5_000;
/** How much of a peer's late bytes is thrown away before giving up, in bytes. */
const MOST_BYTES = 64 * 1024 * 1024;

interface Lingering {
  readonly connection: Deno.Conn;
  readonly latest: number;
  silentUntil: number;
}

/** Shared by all connections: what is read into it, nobody looks at. */
const discarded = new Uint8Array(64 * 1024);

const deadlines = new Deadlines<Lingering>(
  ({ latest, silentUntil }) => Math.min(latest, silentUntil),
  ({ connection }) => {
    try {
      connection.close();
    } catch {
      // Closed meanwhile.
    }
  },
);

/**
 * Ends a connection so that what was written to it arrives.
 *
 * A TCP socket that is closed while its peer's bytes are unread, or that gets
 * more of them afterwards, answers with a reset, and the peer's kernel then
 * throws away what it had not yet delivered (RFC 1122, section 4.2.2.13; RFC
 * 2525, section 2.17). So the writing side is ended first, and what the peer
 * still sends is read and thrown away until it ends its side too, or is silent,
 * or `timeout` milliseconds or 64 MiB have gone by. The connection is left to
 * be closed by the caller.
 */
export async function linger(
  connection: Deno.Conn,
  timeout: number,
): Promise<void> {
  await connection.closeWrite();
  const now = performance.now();
  const lingering: Lingering = {
    connection,
    latest: now + timeout,
    silentUntil: now + SILENCE,
  };
  deadlines.add(lingering);
  try {
    let total = 0;
    let n: number | null;
    while ((n = await connection.read(discarded)) !== null) {
      total += n;
      if (total > MOST_BYTES) return;
      lingering.silentUntil = performance.now() + SILENCE;
    }
  } finally {
    deadlines.delete(lingering);
  }
}
