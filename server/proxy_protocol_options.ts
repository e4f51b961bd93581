/**
 * How a server takes headers of the PROXY protocol, versions 1 and 2 (haproxy's
 * proxy-protocol.txt), by which a balancer tells whose connection it forwards.
 *
 * `clientAddress` is then the client's that the header tells of, for hooks and
 * handlers alike, and `handler.proxy` is the header. `request.remoteAddr` remains
 * the balancer's. The header is read before `verify` is asked, and before a TLS
 * handshake; one connection has one header, and what comes behind it is the
 * client's.
 *
 * Where the header tells of nobody (`LOCAL`, as of a health check, `UNKNOWN`, an
 * unspecified family or protocol), or of a Unix socket to a server of TCP, the
 * client's address is that of the connection.
 *
 * A connection is in progress from when it is accepted: while its header has not
 * come, it takes a place of `maxConnections`, and no limit of `admission` is for it. A
 * peer that is trusted and sends nothing keeps that place for `timeout`, and as many
 * as there are places keep all others out so long. So trust balancers alone, and
 * where more than they can reach the port, set a `timeout` of some hundred
 * milliseconds: balancers send the header at once. Peers that are not trusted wait
 * for nothing.
 *
 * A header that breaks the protocol, a connection that ends inside one, and one
 * that takes too long are told to `handleError`, and the connection is closed. One
 * that ends before its first byte is closed without a word: balancers look like
 * that whether somebody listens.
 */
export interface ProxyProtocolOptions {
  /**
   * `"require"`: each connection begins with a header. A peer that is not trusted
   * is closed; the first is told to `handleError`.
   *
   * `"optional"`: a trusted peer may send a header, and is served as itself if its
   * first bytes are none. A peer that is not trusted is served as itself, and what
   * it sends is for the handler, a header too. Nobody may be trusted then who
   * passes on the bytes of others without a header before them: they could send
   * one. A protocol in which the server speaks first needs `"require"`.
   */
  readonly mode: "require" | "optional";
  /**
   * Who may send a header: networks in CIDR, such as `"192.0.2.0/24"` and
   * `"2001:db8::/32"`, or single addresses. Whoever is in them says who a client
   * is. The peers of a Unix socket, who have no address, are `"unix:"`.
   */
  readonly trust: readonly string[];
  /**
   * How long the whole header may take, from when the connection was accepted, in
   * milliseconds. For so long one that is silent takes a place of `maxConnections`.
   *
   * @default {5000}
   */
  readonly timeout?: number;
  /**
   * The longest header of version 2, in bytes, 16 to 65,551. The line of version 1
   * has at most 107.
   *
   * @default {4096}
   */
  readonly maxLength?: number;
}
