import {
  HANDSHAKE_TIMEOUT,
  handshakeTooLong,
} from "../../handlers/_tls/handshake.ts";
import { TLSConnection } from "../../handlers/_tls/tls_connection.ts";
import { Connections } from "../_closing/connections.ts";
import { Deadlines, type Expiring } from "../_closing/deadlines.ts";
import { checkTime } from "../_core/options.ts";
import type { InProgress } from "../_core/seam.ts";

type Served = InProgress<Deno.TlsConn, Deno.NetAddr>;

/** A handshake in progress. */
interface Handshake extends Expiring<Handshake> {
  readonly served: Served;
  /** Since when, in `performance.now()` time. */
  readonly since: number;
}

/** Connections whose handshake is complete when their handler starts. */
export class TLSConnections extends Connections<Deno.TlsConn, Deno.NetAddr> {
  readonly #timeout: number;
  readonly #handshakes: Deadlines<Handshake>;

  /**
   * @param options Those of a `TLSServer`.
   * @throws {RangeError} If one is out of range.
   */
  constructor(
    options: ConstructorParameters<typeof Connections>[0] & {
      readonly handshakeTimeout?: number;
    },
  ) {
    super(options);
    const { handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
    checkTime("handshakeTimeout", handshakeTimeout);
    this.#timeout = handshakeTimeout;
    this.#handshakes = new Deadlines(
      ({ since }) => since + handshakeTimeout,
      ({ served }) =>
        served.abort(
          new DOMException(handshakeTooLong(handshakeTimeout), "TimeoutError"),
          "handshakeTimeout",
        ),
      true,
    );
    const watch = this.around;
    this.around = async (served, handle) => {
      await this.#shakeHands(served);
      await (watch === undefined ? handle() : watch(served, handle));
    };
  }

  override finish(): void {
    super.finish();
    this.#handshakes.leaveBackground();
  }

  async #shakeHands(served: Served): Promise<void> {
    const { request } = served;
    const handshake: Handshake = { served, since: performance.now() };
    if (this.#timeout !== Infinity) this.#handshakes.add(handshake);
    try {
      // A hook may have given a connection of its own.
      await (request instanceof TLSConnection
        ? request.opened()
        : request.handshake());
    } finally {
      this.#handshakes.delete(handshake);
    }
  }
}
