import type { TLSInfo } from "../../handlers/_tls/tls_info.ts";
import type { Carrier } from "./carrier.ts";
import { FarConnection } from "./far_connection.ts";
import { FrameType } from "./frames.ts";

/** A connection whose near side speaks TLS. It is used as a `Deno.TlsConn` is. */
export class FarTlsConnection<Address extends Deno.Addr = Deno.Addr>
  extends FarConnection<Address> {
  /** What the near side's handshake has agreed upon, if that tells. */
  readonly tls: TLSInfo | undefined;
  readonly #ask: () => void;
  /** What the near side answers, once it was asked. */
  #asked: PromiseWithResolvers<Deno.TlsHandshakeInfo> | undefined;

  constructor(
    carrier: Carrier,
    channel: number,
    localAddr: Address,
    remoteAddr: Address,
    tls: TLSInfo | undefined,
  ) {
    super(carrier, channel, localAddr, remoteAddr, true);
    this.tls = tls;
    this.#ask = () => carrier.send(FrameType.Handshake, channel);
  }

  /** The near side has done the handshake, and is asked for what it found. */
  handshake(): Promise<Deno.TlsHandshakeInfo> {
    if (this.#asked === undefined) {
      this.#asked = Promise.withResolvers();
      if (this.closed) {
        this.#asked.reject(
          new Deno.errors.BadResource(
            "Cannot tell of the handshake: the connection is closed",
          ),
        );
      } else this.#ask();
    }
    return this.#asked.promise;
  }

  /** The near side has answered. */
  shakenHands(info: Deno.TlsHandshakeInfo): void {
    this.#asked?.resolve(info);
  }

  override fail(error: unknown): void {
    super.fail(error);
    this.#refuse(error);
  }

  override detach(): void {
    super.detach();
    if (this.#asked === undefined) return;
    this.#refuse(
      new Deno.errors.Interrupted("The connection was closed meanwhile"),
    );
  }

  #refuse(error: unknown): void {
    // A handler that has ended may have left it.
    this.#asked?.promise.catch(() => {});
    this.#asked?.reject(error);
  }
}
