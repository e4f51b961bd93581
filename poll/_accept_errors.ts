/** What `accept` throws although the listener is as good as before. */

/** How long to accept nothing when resources are short, in milliseconds. */
export const PAUSE = 100;

/**
 * The connection was lost before it was accepted. accept(2) of Linux passes on
 * the network's errors of a new connection, to be treated like EAGAIN; EPERM is
 * a firewall's.
 */
export const ONE_CLIENTS: ReadonlySet<unknown> = new Set([
  ...["EAGAIN", "ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "ENOPROTOOPT"],
  ...["EHOSTDOWN", "ENONET", "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH"],
]);

/** Descriptors, memory or watches are short: later there may be some. */
export const OUT_OF_RESOURCES: ReadonlySet<unknown> = new Set([
  ...["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ENOSPC"],
]);
