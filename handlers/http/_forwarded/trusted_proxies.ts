import { clientBytes, Networks } from "../../_networks.ts";
import { type ForwardedSettings, UNIX } from "../forwarded_settings.ts";

/** Whose `Forwarded`, and fields like it, are believed. */
export class TrustedProxies {
  readonly #networks: Networks;
  readonly #trustsUnix: boolean;

  /**
   * @param settings What a handler class is set to.
   * @throws {TypeError} If a network is none.
   */
  constructor({ trust }: ForwardedSettings) {
    this.#trustsUnix = trust.includes(UNIX);
    this.#networks = new Networks(
      "forwarded.trust",
      trust.filter((text) => text !== UNIX),
      "heed forwarded clients",
    );
  }

  /** Whether whoever has an address is one of them. */
  has(address: Deno.Addr): boolean {
    if (!("hostname" in address)) return this.#trustsUnix;
    const bytes = clientBytes(address.hostname);
    return bytes !== undefined && this.#networks.has(bytes);
  }
}

const proxiesOf = new WeakMap<ForwardedSettings, TrustedProxies>();

/**
 * Those that a handler class trusts; the same for the same setting.
 *
 * @throws {TypeError} If a network is none.
 */
export function trustedProxies(settings: ForwardedSettings): TrustedProxies {
  let proxies = proxiesOf.get(settings);
  if (proxies === undefined) {
    proxies = new TrustedProxies(settings);
    proxiesOf.set(settings, proxies);
  }
  return proxies;
}
