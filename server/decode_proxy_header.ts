import { lookAt } from "./_proxy/read_header.ts";
import { noHeader } from "./_proxy/malformed.ts";
import { checkMaxLength, MAX_LENGTH } from "./_proxy/max_length.ts";
import type { ProxyHeader } from "../handlers/proxy_header.ts";

/**
 * Reads a header of the PROXY protocol, versions 1 and 2 (haproxy's
 * proxy-protocol.txt), from the first bytes of a connection. Take it only from
 * balancers that are known: whoever sends one says who the client is.
 *
 * A checksum is verified where there is one. Where no family is said, an address of
 * any length may come first: there TLVs, a checksum among them, are read if the rest
 * of the header is nothing but TLVs, and are ignored otherwise. Of `LOCAL` all but
 * its length is. Where the header does not say whose the connection is (`LOCAL`,
 * `UNKNOWN`, an unspecified family or protocol), `source` and `destination` are
 * `undefined`.
 *
 * @param bytes All that has come.
 * @param maxLength The longest header that is taken, in bytes, 16 to 65,551.
 * Default: 4,096.
 * @returns The header, and how many bytes it takes; what is behind them is the
 * client's. `undefined` if more has to come.
 * @throws {Deno.errors.InvalidData} If the bytes begin no header, break the
 * protocol, or are more than `maxLength` allows.
 * @throws {RangeError} If `maxLength` is out of range.
 *
 * @example What a balancer says
 * ```ts
 * import { decodeProxyHeader } from "@wire/socketserver";
 * import { deepStrictEqual } from "node:assert";
 *
 * const bytes = new TextEncoder().encode(
 *   "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\n",
 * );
 * const { header, length } = decodeProxyHeader(bytes)!;
 * deepStrictEqual(header.source, {
 *   transport: "tcp",
 *   hostname: "192.0.2.1",
 *   port: 56324,
 * });
 * deepStrictEqual(length, 42);
 * ```
 */
export function decodeProxyHeader(
  bytes: Uint8Array,
  maxLength: number = MAX_LENGTH,
): { readonly header: ProxyHeader; readonly length: number } | undefined {
  checkMaxLength(maxLength, "read the PROXY header");
  const found = lookAt(bytes, maxLength);
  if (found === "no header") throw noHeader();
  return typeof found === "string" ? undefined : found;
}
