import process from "node:process";

/** The object of `node:net` that holds a TCP connection, in this version of Deno. */
interface TCPHandle {
  /** Takes a duplicate of the descriptor that a resource of Deno's has. */
  openFromRid(rid: number): number;
  /** Sets `SO_LINGER` to 0 seconds, and closes the descriptor without an end. */
  reset(): number;
  /** Shuts the connection down and closes the descriptor. */
  close(): void;
}

type TCPHandleClass = new (type: number) => TCPHandle;

/** The type of a handle for a connection, in `node:net`. */
const CONNECTION = 0;

/**
 * A certificate that no authority has signed. Deno refuses it before it has sent
 * anything.
 */
const NO_CERTIFICATE =
  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

let handleClass: TCPHandleClass | null | undefined;

/**
 * Closes a TCP connection with a reset: its peer learns that what it has is not
 * all, where an end of the stream would look like the end of the reply.
 *
 * `SO_LINGER` with 0 seconds makes the kernel send a reset (socket(7), RFC 9293,
 * section 3.10.5), and throw away what it has not sent yet, when the last
 * descriptor is closed. Deno has no name for that, but `node:net` does, for
 * connections of its own, and can take a duplicate of Deno's descriptor.
 *
 * `Deno.Conn.close()` ends the stream before it closes the descriptor. Where bytes
 * wait before that end, it is thrown away with them. Where none do, the peer sees
 * the end first. The one call that closes a connection without an end is a
 * `Deno.startTls()` which fails after it has taken it; it cannot take one from
 * which something reads.
 *
 * @param connection What to close. Where the answer is true, it is closed.
 * @param isRead Whether something reads from it. If so, a peer that has read all
 * that was sent sees an end.
 * @returns Whether it could be done. The connection is as it was where this version
 * of Deno has no such means, while something is being written, and where it is
 * none of Deno's own over TCP.
 */
export async function resetConnection(
  connection: Deno.Conn,
  isRead: boolean,
): Promise<boolean> {
  const rid = resourceOf(connection);
  const TCP = handleClass === undefined
    ? handleClass = findHandleClass()
    : handleClass;
  if (rid === undefined || TCP === null) return false;
  const lingering = new TCP(CONNECTION);
  const last = new TCP(CONNECTION);
  const isOpen = lingering.openFromRid(rid) === 0 &&
    last.openFromRid(rid) === 0;
  if (isOpen) {
    lingering.reset();
    if (isRead) connection.close();
    else await closeWithoutEnd(connection as Deno.TcpConn);
    last.reset();
  }
  lingering.close();
  last.close();
  return isOpen;
}

async function closeWithoutEnd(connection: Deno.TcpConn): Promise<void> {
  try {
    const encrypted = await Deno.startTls(connection, {
      caCerts: [NO_CERTIFICATE],
    });
    encrypted.close();
  } catch {
    // The failure closes it.
  }
}

/** The number by which Deno knows a TCP connection of its own. */
function resourceOf(connection: Deno.Conn): number | undefined {
  const { transport } = connection.remoteAddr;
  if (transport !== "tcp" || "handshake" in connection) return undefined;
  const symbol = Object.getOwnPropertySymbols(connection)
    .find(({ description }) => description === "Deno.internal.rid");
  if (symbol === undefined) return undefined;
  const rid = (connection as unknown as Record<symbol, unknown>)[symbol];
  return typeof rid === "number" ? rid : undefined;
}

function findHandleClass(): TCPHandleClass | null {
  try {
    const { binding } = process as unknown as {
      binding(name: string): { readonly TCP?: TCPHandleClass };
    };
    const { TCP } = binding("tcp_wrap");
    const methods = ["openFromRid", "reset", "close"] as const;
    return TCP !== undefined &&
        methods.every((name) => typeof TCP.prototype[name] === "function")
      ? TCP
      : null;
  } catch {
    return null;
  }
}
