/**
 * Errors of `accept` that belong to the client at the head of the queue: it
 * went away before it was accepted. The next client can be accepted at once.
 * See accept(2), "Error handling": Linux passes pending network errors on from
 * the new connection, and they are to be treated like EAGAIN by retrying.
 */
const CLIENT_CODES: ReadonlySet<string> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "ENOTCONN",
  "EINTR",
  "EPROTO",
  "EPIPE",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "EOPNOTSUPP",
]);

/** Errors that say that no descriptor is left, to this process or to the system. */
const NONE_LEFT: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);

/** Whether an error of `accept` is one client's and not the listener's. */
export function isClientError(error: unknown): boolean {
  // `DatagramServer` throws InvalidData for a datagram that is too long.
  return error instanceof Deno.errors.InvalidData ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionRefused ||
    CLIENT_CODES.has(String((error as { code?: unknown })?.code));
}

/** Whether an error says that the resource is closed, by us or for good. */
export function isClosedError(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}

/** Whether an error only says that the peer has gone away. */
export function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.UnexpectedEof;
}

/** Whether it failed for want of descriptors, or what an import says that it did. */
export function isWantOfDescriptors(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return NONE_LEFT.has(String(code)) ||
    /Too many open files/.test(String(message));
}
