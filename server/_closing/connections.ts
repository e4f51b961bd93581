import { isResetting, RESET } from "../../handlers/_cut_short.ts";
import type { Closing } from "../../handlers/_host.ts";
import { checkBoolean } from "../../handlers/_settings.ts";
import type { Unsent } from "../../handlers/_unsent.ts";
import { checkTime } from "../_core/options.ts";
import type { CountedRequest, InProgress, Transport } from "../_core/seam.ts";
import { innermost } from "../../handlers/_wrapped_connection.ts";
import { ProxyReceiver } from "../_proxy/proxy_receiver.ts";
import type { ProxyProtocolOptions } from "../proxy_protocol_options.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";
import { IdleConnection } from "./idle_connection.ts";
import { Lingering } from "./linger.ts";
import { resetConnection } from "./reset.ts";

/** Options about how a connection begins and ends. */
interface ConnectionOptions {
  readonly idleTimeout?: number;
  readonly lingerTimeout?: number;
  readonly proxyProtocol?: ProxyProtocolOptions;
  readonly rawAddresses?: boolean;
  readonly countBytes?: boolean;
}

const DEFAULT_LINGER_TIMEOUT = 30_000;

/** Bytes that a handler left to be sent when it ended. */
interface Flush extends Expiring<Flush> {
  readonly served: InProgress<unknown, Deno.Addr>;
  readonly unsent: Unsent;
  /** How many bytes were left when last looked at. */
  left: number;
  /** Since when, in `performance.now()` time. */
  since: number;
}

/** A connection that is watched for silence. */
interface Watched extends Expiring<Watched> {
  readonly served: InProgress<unknown, Deno.Addr>;
  readonly connection: IdleConnection<Deno.Addr>;
}

/** How the connections of one server are begun, watched, ended and closed. */
export class Connections<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
> implements Transport<Connection, Address> {
  /** Receives PROXY headers, where there may be some. */
  readonly prepare: Transport<Connection, Address>["prepare"];
  /** Watches the connection of a handler for silence, where there is a timeout. */
  around: Transport<Connection, Address>["around"];
  /** Has connections that note their bytes count them. */
  counts: Transport<Connection, Address>["counts"];
  /** Whether connections note when they last carried a byte, and how many. */
  readonly watches: boolean;
  /** The last accept that the server has begun. */
  accepting: Promise<unknown> | undefined;
  readonly #idle: Deadlines<Watched>;
  readonly #lingering: Lingering | undefined;
  readonly #receiver: ProxyReceiver | undefined;
  readonly #flushes: Deadlines<Flush>;

  /**
   * @param options Those of a `StreamServer`.
   * @param isUnix Whether the peers are those of a Unix socket.
   * @throws {RangeError} If one is out of range.
   * @throws {TypeError} If one is of another type.
   */
  constructor(options: ConnectionOptions, isUnix = false) {
    const {
      idleTimeout = Infinity,
      lingerTimeout = DEFAULT_LINGER_TIMEOUT,
      proxyProtocol,
      rawAddresses = false,
      countBytes = false,
    } = options;
    if (proxyProtocol !== undefined) {
      const receiver = new ProxyReceiver(
        { proxyProtocol, rawAddresses },
        isUnix,
      );
      this.#receiver = receiver;
      this.prepare = (served) => receiver.receive(served);
    }
    checkTime("idleTimeout", idleTimeout);
    checkTime("lingerTimeout", lingerTimeout);
    checkBoolean("create server", "countBytes", countBytes);
    this.watches = idleTimeout !== Infinity || countBytes;
    if (this.watches) this.counts = countThere;
    this.#idle = idleDeadlines(idleTimeout);
    if (idleTimeout !== Infinity) {
      this.around = (served, handle) => this.#watch(served, handle);
    }
    this.#lingering = lingerTimeout > 0
      ? new Lingering(lingerTimeout)
      : undefined;
    this.#flushes = flushDeadlines(lingerTimeout || DEFAULT_LINGER_TIMEOUT);
  }

  settling(served: InProgress<Connection, Address>, unsent: Unsent): void {
    const left = unsent.bufferedAmount;
    if (left === 0) return;
    const flush: Flush = { served, unsent, left, since: performance.now() };
    const forget = () => this.#flushes.delete(flush);
    this.#flushes.add(flush);
    unsent.flush().then(forget, forget);
  }

  end(connection: Connection, closing: Closing): Promise<void> | undefined {
    if (closing === "at once") return undefined;
    // What is thrown away from now on is no part of the request.
    if (connection instanceof IdleConnection) connection.traffic = undefined;
    return closing === "linger"
      ? this.#lingering?.end(connection)
      : this.#reset(connection, closing === "reset while read");
  }

  async #reset(connection: Connection, isRead: boolean): Promise<void> {
    const inner = innermost(connection);
    // Where there is no reset, closing at once is the nearest to it: a TLS
    // connection then ends without close_notify (RFC 8446, section 6.1).
    if (isResetting(inner)) inner[RESET]();
    else await resetConnection(inner, isRead);
  }

  close(connection: Connection): void {
    try {
      connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Closes the listener, which is gone when its last accept has ended. */
  async stopListening(closeSocket: () => void): Promise<void> {
    closeSocket();
    await this.accepting?.catch(() => {
      // The accept loop, which asked for it, is told.
    });
  }

  finish(): void {
    this.#lingering?.finish();
    this.#receiver?.finish();
  }

  #watch(
    served: InProgress<Connection, Address>,
    handle: () => void | Promise<void>,
  ): void | Promise<void> {
    const { request: connection } = served;
    // A subclass's getRequest() may have given a connection of its own.
    if (!(connection instanceof IdleConnection)) return handle();
    // Count from now: handshakes and verifyRequest may have taken long.
    connection.lastActive = performance.now();
    const handled = handle();
    if (handled === undefined) return;
    const watched: Watched = { served, connection };
    this.#idle.add(watched);
    return handled.finally(() => this.#idle.delete(watched));
  }
}

/** Has the connection of a request count its bytes, if it can. */
function countThere(served: CountedRequest<unknown>): void {
  const { request: connection } = served;
  if (!(connection instanceof IdleConnection)) return;
  connection.traffic = served;
  served.traffic = undefined;
}

function idleDeadlines(idleTimeout: number): Deadlines<Watched> {
  return new Deadlines(
    ({ connection }) => connection.lastActive + idleTimeout,
    ({ served }) =>
      served.abort(
        new DOMException(
          `The connection was idle for longer than idleTimeout, ${idleTimeout} ms`,
          "TimeoutError",
        ),
        "idleTimeout",
      ),
  );
}

function flushDeadlines(timeout: number): Deadlines<Flush> {
  return new Deadlines(
    (flush) => {
      const left = flush.unsent.bufferedAmount;
      if (left !== flush.left) flush.since = performance.now();
      flush.left = left;
      return flush.since + timeout;
    },
    ({ served }) =>
      served.abort(
        new DOMException(
          `The client took nothing of what was left to be sent for lingerTimeout, ${timeout} ms`,
          "TimeoutError",
        ),
        "lingerTimeout",
      ),
  );
}
