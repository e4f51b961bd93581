/**
 * Why a client was closed unanswered.
 *
 * - `"verify"`: `verifyRequest`, or the option `verify`, said so.
 * - `"late"`: it came when the server had stopped accepting.
 * - `"proxy"`: `proxyProtocol` does not trust its peer, or the peer went before it had
 *   sent anything. One that takes too long is aborted, and one that sends no header, or
 *   a wrong one, has failed.
 * - `"deny"`, `"perAddress"`, `"rate"`: the option `admission` let it not in: by the
 *   networks of `deny` and `allow`, or by the limit of that name.
 */
export type RefusalReason =
  | "verify"
  | "late"
  | "proxy"
  | "deny"
  | "perAddress"
  | "rate";

/**
 * Why a request was ended before its handler had.
 *
 * - `"requestTimeout"`, `"idleTimeout"`, `"lingerTimeout"`, `"handshakeTimeout"`:
 *   the option of that name.
 * - `"timeout"`: another time limit, such as `writeTimeout` of HTTP, `timeout` of
 *   `proxyProtocol`, or one of its handler's own.
 * - `"connection"`: its connection failed: mostly, its client was gone.
 * - `"shutdown"`: the grace period of a shutdown was over, of the whole server, or
 *   of a thread or process that `recycle()` or `requestsPerWorker` replaced.
 * - `"closed"`: by `closeConnection()`.
 */
export type AbortReason =
  | "requestTimeout"
  | "idleTimeout"
  | "lingerTimeout"
  | "handshakeTimeout"
  | "timeout"
  | "connection"
  | "shutdown"
  | "closed";

/**
 * The numbers of a server at one moment. Those that only grow count from when it
 * was made. A request is a connection, or a datagram.
 */
export interface ServerStats {
  /** When the server was made, in milliseconds since the epoch. */
  readonly since: number;
  /** How many requests are in progress: those that `maxConnections` counts. */
  readonly active: number;
  /** How many of these wait for a thread or a process. */
  readonly waiting: number;
  /**
   * How many connections are still being closed though their handler has ended,
   * mostly so that their reply arrives.
   */
  readonly lingering: number;
  /** How many requests were accepted, those that were refused among them. */
  readonly accepted: number;
  /** How many were refused, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /**
   * How many failed: a handler or a hook threw, or their thread or process is gone.
   * Where what was thrown only says that the client has gone, or that a time is over,
   * the request is among those that were aborted.
   */
  readonly failed: number;
  /** How many were aborted, by reason. */
  readonly aborted: Readonly<Record<AbortReason, number>>;
  /** How many of these were aborted since a time was over. */
  readonly timedOut: number;
  /**
   * How many bytes have come from clients, as far as they were read: by `rfile`, by
   * the handlers of HTTP, and for a thread or process that the main thread reads for.
   * Of a connection in TLS it is the text. What a handler reads from `request`
   * itself is counted with the option `countBytes`, or an `idleTimeout`. What is
   * thrown away while a connection lingers is not counted.
   */
  readonly bytesIn: number;
  /** How many bytes were written to clients, counted in the same way. */
  readonly bytesOut: number;
  /**
   * How many events of threads that accept for themselves the main thread was not
   * told of, since they came too fast: see {@linkcode ServerEvents}.
   */
  readonly eventsLost: number;
  /** The threads or processes, where there are any. */
  readonly workers?: WorkersStats;
}

/** The threads or processes of a server at one moment. */
export interface WorkersStats {
  /** Which of the two they are. */
  readonly kind: "threads" | "processes";
  /** How many there may be. */
  readonly most: number;
  /** Those that are ready, or have requests. */
  readonly running: readonly WorkerStats[];
  /** How many are starting. */
  readonly starting: number;
  /** How many have started in all. */
  readonly started: number;
  /** How many have ended without having been told to, in all. */
  readonly lost: number;
  /** In place of how many of these another has started. */
  readonly replaced: number;
  /**
   * How many have ended as they were to: of processes, when they had served
   * `requestsPerChild`.
   */
  readonly retired: number;
}

/** One thread or process. */
export interface WorkerStats {
  /** Its number, from 1, in the order in which they started. */
  readonly id: number;
  /** How many requests it has. */
  readonly load: number;
  /** Since when it is ready, in milliseconds since the epoch. */
  readonly since: number;
}

/**
 * How far a request is.
 *
 * - `"accepted"`: its handler does not run yet: its PROXY header is awaited, it is
 *   being verified, or its handshake is under way.
 * - `"waiting"`: it waits for a thread or a process.
 * - `"active"`: its handler runs.
 * - `"aborted"`: it was aborted, and its handler winds down.
 * - `"lingering"`: its handler has ended, and its connection is being closed.
 */
export type ConnectionState =
  | "accepted"
  | "waiting"
  | "active"
  | "aborted"
  | "lingering";

/** One request in progress: a connection, or a datagram that is being answered. */
export interface ConnectionInfo {
  /** Its number, which no other request of the server has. */
  readonly id: number;
  /** The client's address. */
  readonly address: Deno.Addr;
  /** When it was accepted, in milliseconds since the epoch. */
  readonly since: number;
  /** How far it is. */
  readonly state: ConnectionState;
  /** How many bytes have come, counted as in {@linkcode ServerStats.bytesIn}. */
  readonly bytesIn: number;
  /** How many bytes were written. */
  readonly bytesOut: number;
  /** How many bytes the handler has written that the client has not taken. */
  readonly buffered: number;
}
