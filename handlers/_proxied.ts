import type { ProxyHeader } from "./proxy_header.ts";

/** The name of {@linkcode Proxied}'s property. */
export const PROXIED: unique symbol = Symbol("proxied");

/** A connection of this module's that a PROXY header may have come over. */
export interface Proxied {
  /** What knows the header. */
  readonly [PROXIED]: { readonly header: ProxyHeader | undefined } | undefined;
}

/** The PROXY header that has come over a connection, if any has. */
export function proxyOf(connection: object): ProxyHeader | undefined {
  return (connection as Partial<Proxied>)[PROXIED]?.header;
}
