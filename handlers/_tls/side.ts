import type { Engine, EngineContext } from "./engine.ts";
import type { PeerIdentity } from "./tls_info.ts";

/** What the two sides of a connection in TLS do in their own ways. */
export interface Side {
  readonly name: "client" | "server";
  /** What the other side is. */
  readonly peer: "client" | "server";
  /** Whether it begins the handshake. */
  readonly speaksFirst: boolean;
  /** The name it asks for. */
  readonly serverName: string | null;
  /**
   * Prepares an engine.
   *
   * @returns Whether the first message is looked at, so that `choose` is asked.
   */
  prepare(engine: Engine): boolean;
  /**
   * Finds what is shown to those who ask for a name.
   *
   * @param name The name, empty where there is none.
   */
  choose(name: string): EngineContext | Promise<EngineContext>;
  /**
   * Who the peer is, once the handshake is complete.
   *
   * @param engine Has done it.
   * @param tell Tells the peer why it is refused, while nothing is encrypted.
   * @throws {Deno.errors.InvalidData} If it is not welcome.
   */
  identify(engine: Engine, tell: (alert: number) => void): PeerIdentity;
}
