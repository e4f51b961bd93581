import type { ProxyHeader } from "./proxy_header.ts";

/** The name of {@linkcode Proxied}'s property. */
export const PROXIED: unique symbol = Symbol("proxied");

/** A connection of this module's that a PROXY header may have come over. */
export interface Proxied {
  /** What knows the header. */
  readonly [PROXIED]: { readonly header: ProxyHeader | undefined } | undefined;
}

/** The PROXY header that has come over a request's connection, if any has. */
export function proxyOf(request: unknown): ProxyHeader | undefined {
  return (request as Partial<Proxied> | null | undefined)?.[PROXIED]?.header;
}
