import { checkList, clientBytes, Networks } from "../../handlers/_networks.ts";

/** The word for the peers of a Unix socket, as in nginx's `set_real_ip_from`. */
const UNIX = "unix:";

const NAME = "proxyProtocol.trust";

/** Those who may send a PROXY header. */
export class TrustedPeers {
  /** Those of a Unix socket have no address, and are all trusted. */
  readonly #networks: Networks | undefined;
  /** Who was looked for last: balancers are few, and their connections many. */
  #last = "";
  #trustsLast = false;

  /**
   * @param trust Networks in CIDR, or `"unix:"`.
   * @param isUnix Whether they are the peers of a Unix socket.
   * @throws {TypeError} If it is no list, or empty, or names others.
   */
  constructor(trust: readonly string[], isUnix: boolean) {
    checkList(NAME, trust);
    if (trust.length === 0) {
      throw new TypeError(
        `Cannot create server: ${NAME} names nobody; list the networks of your balancers, such as "192.0.2.0/24"`,
      );
    }
    if (isUnix) checkUnix(trust);
    else this.#networks = new Networks(NAME, trust);
  }

  /** Whether the peer at an address is one of them. */
  has(peer: Deno.Addr): boolean {
    if (this.#networks === undefined) return true;
    const { hostname } = peer as Deno.NetAddr;
    if (hostname !== this.#last) {
      const bytes = clientBytes(hostname);
      this.#trustsLast = bytes !== undefined && this.#networks.has(bytes);
      this.#last = hostname;
    }
    return this.#trustsLast;
  }
}

function checkUnix(trust: readonly string[]): void {
  const other = trust.find((text) => text !== UNIX);
  if (other === undefined) return;
  throw new TypeError(
    `Cannot create server: ${NAME} has ${
      JSON.stringify(other)
    }, and the peers of a Unix socket have no addresses; trust all of them with "${UNIX}", and let the mode of the file say who they are`,
  );
}
