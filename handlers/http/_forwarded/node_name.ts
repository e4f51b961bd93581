import { ipBytes, ipv4Text, ipv6Text, isMapped } from "../../_ip_text.ts";

/** A client that nobody knows: RFC 7239, section 6.2. */
export const UNKNOWN = "unknown";

/** Who a proxy says that its client is. */
export interface NodeName {
  /** An address, an obfuscated name, or `unknown`. */
  readonly name: string;
  /** Its address, if that is what it is. */
  readonly address: Deno.NetAddr | undefined;
}

/** What no proxy has said in a form that can be read. */
export const NOBODY: NodeName = { name: UNKNOWN, address: undefined };

/** An obfuscated name or port: RFC 7239, section 6.3. */
const OBFUSCATED = /^_[A-Za-z0-9._-]+$/;
/**
 * An address of IPv6 in brackets, or what has no colon, and perhaps a port; or an
 * address of IPv6 alone.
 */
const NODE =
  /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([^:[\]]+))?|([0-9A-Fa-f:.]+))$/;
/** How long a name may be: that of an address has at most 45 characters. */
const MOST_CHARACTERS = 255;

/**
 * Reads the name of a client, as `for` of `Forwarded` has it (RFC 7239, section
 * 6), and `X-Forwarded-For`, where IPv6 may come without brackets.
 *
 * @param text The name, out of its quotes.
 * @returns Who that is; nobody where it is malformed.
 */
export function readNodeName(text: string): NodeName {
  if (text.length > MOST_CHARACTERS) return NOBODY;
  const [, bracketed, other, portText, bare] = NODE.exec(text) ?? [];
  const port = portText === undefined ? 0 : portOf(portText);
  const name = bracketed ?? bare ?? other;
  if (name === undefined || port === undefined) return NOBODY;
  if (other !== undefined && OBFUSCATED.test(other)) {
    return { name: other, address: undefined };
  }
  const bytes = ipBytes(name);
  // In brackets there is no IPv4.
  if (bytes === undefined || bracketed !== undefined && bytes.length === 4) {
    return NOBODY;
  }
  const hostname = bytes.length === 4
    ? ipv4Text(bytes)
    : isMapped(bytes)
    ? ipv4Text(bytes.subarray(12))
    : ipv6Text(bytes);
  return { name: hostname, address: { transport: "tcp", hostname, port } };
}

/** A port's number; 0 where it is obfuscated, and `undefined` where it is none. */
function portOf(text: string): number | undefined {
  if (/^\d{1,5}$/.test(text)) {
    const port = Number(text);
    return port <= 0xffff ? port : undefined;
  }
  return OBFUSCATED.test(text) ? 0 : undefined;
}
