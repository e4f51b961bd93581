/**
 * Whom a server lets in. A client that is refused costs an accept and a close, or
 * a datagram received; nothing reads what it sends, and of the hooks `closeRequest`
 * alone is called for it.
 *
 * It is asked after a PROXY header has told of the client. A connection that a
 * balancer makes for itself (`LOCAL`) is let in. Where the header tells of nobody
 * (`UNKNOWN`, as in the health checks of version 1, or another kind of address),
 * `allow` and `deny` go by the balancer's address, and no limit is for it. A client
 * without an IP address, as of a Unix socket, is let in unless `allow` says who alone
 * is. All threads that accept for themselves share the limits.
 *
 * Clients are counted by their addresses: one of IPv4 whole, one of IPv6 by its
 * first `ipv6Prefix` bits. The senders of datagrams can be forged: whoever knows an
 * address can use up what it may send.
 */
export interface AdmissionOptions {
  /**
   * How many requests of one address may be in progress at once; a connection is
   * until it is closed.
   *
   * @default {Infinity}
   */
  readonly perAddress?: number;
  /** How many of one address may come: without it, as many as do. */
  readonly rate?: AdmissionRate;
  /**
   * How many bits of an address of IPv6 tell clients apart, 1 to 128. A network has
   * 64 bits for its hosts, which change theirs as they like (RFC 8981).
   *
   * @default {64}
   */
  readonly ipv6Prefix?: number;
  /**
   * Who alone is let in: networks in CIDR, such as `"192.0.2.0/24"` and
   * `"2001:db8::/32"`, or single addresses. The limits are for them too.
   */
  readonly allow?: readonly string[];
  /** Who is not let in, also where `allow` has them. */
  readonly deny?: readonly string[];
  /**
   * For how many addresses, at their limits at the same time, the memory is made,
   * 1 to 1,048,576. Nobody passes a limit, however many addresses come. But
   * addresses that are none of each other's may share a counter, and each has four:
   * one is refused for others where all four are at their limits. With as many
   * addresses at their limits as this, 1 of 400 others is, with a quarter of them
   * 1 of 70,000.
   *
   * All memory is asked for when the server is made, and never more. `rate` takes 64
   * bytes for each address. `perAddress` takes 32, or 64 where it is more than
   * 2,047, and in a server whose threads accept for themselves so much for each of
   * `2 * workers + 1` threads, since each counts for itself. The system has memory
   * only for what has been used: for as many threads as there have been at once,
   * mostly `workers + 1`. With `workers: 8` and 16,384 addresses that is 8.5 MiB, of
   * which 4.5 MiB are used; with 1,048,576 addresses 544 MiB, of which 288 MiB are
   * used, and the main thread is busy for some 20 milliseconds when a thread ends.
   *
   * @default {16384}
   */
  readonly maxTracked?: number;
}

/** How many requests one address may have come. */
export interface AdmissionRate {
  /** How many at once, after a pause: 1 to 1,000,000. */
  readonly burst: number;
  /** How many a second, on the whole: more than 0, to 1,000,000. */
  readonly perSecond: number;
}
