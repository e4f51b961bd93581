import process from "node:process";
import { isGranted, needsOfHost } from "../_granted.ts";
import { ipBytes, ipv4Text, ipv6Text } from "../_ip_text.ts";
import type { Limit } from "./_limit.ts";
import { checkPermitted } from "./_target.ts";

/** Who answers for all addresses of this machine, as a server's own address is. */
const HERE: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};

/**
 * The addresses of a host, as the system has them: its file of hosts comes first
 * (getaddrinfo(3)).
 *
 * @param hostname A name or an IP address.
 * @param port The port that is to be reached there.
 * @param limit Ends it. The system's own search goes on in vain then.
 * @throws {Deno.errors.NotCapable} If a permission is missing: of a name, that for
 * all its ports, and those for its addresses.
 * @throws {Error} If the name does not resolve.
 */
export async function addressesOf(
  hostname: string,
  port: number,
  limit: Limit,
): Promise<string[]> {
  const literal = ipBytes(hostname);
  // The sender of an answer is written in the one form of RFC 5952.
  if (literal !== undefined) {
    const text = literal.length === 4 ? ipv4Text(literal) : ipv6Text(literal);
    const address = HERE[text] ?? text;
    checkPermitted(needsOfHost({ hostname: address, port }), "send to");
    return [address];
  }
  if (!isGranted({ name: "net", host: hostname })) {
    throw new Deno.errors.NotCapable(
      `Cannot resolve ${hostname}: requires net access to it, run again with --allow-net=${hostname}`,
    );
  }
  const { lookup } = process.getBuiltinModule("node:dns").promises;
  const found = await limit.wait(lookup(hostname, { all: true }));
  const addresses = found.map(({ address }) => address);
  for (const address of addresses) {
    checkPermitted(needsOfHost({ hostname: address, port }), "send to");
  }
  return addresses;
}
