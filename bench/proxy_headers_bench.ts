/**
 * PROXY headers, without sockets: what one costs a connection, from its first read
 * to the client's address.
 */
import { encodeProxyHeader } from "../mod.ts";
import { ProxiedConnection } from "../server/_proxy/proxied_connection.ts";
import { lookAt } from "../server/_proxy/read_header.ts";
import { TrustedPeers } from "../server/_proxy/trusted_peers.ts";

const ipv4 = {
  source: { transport: "tcp", hostname: "192.0.2.7", port: 56324 },
  destination: { transport: "tcp", hostname: "192.0.2.11", port: 443 },
} as const;
const ipv6 = {
  source: { transport: "tcp", hostname: "2001:db8::7", port: 56324 },
  destination: { transport: "tcp", hostname: "2001:db8::11", port: 443 },
} as const;
const uniqueId = new Uint8Array(36).fill(0x61);

const HEADERS = {
  "version 2, IPv4": encodeProxyHeader(ipv4),
  "version 2, IPv6": encodeProxyHeader(ipv6),
  "version 2, IPv4, TLVs and CRC32c": encodeProxyHeader({
    ...{ ...ipv4, checksum: true },
    tlvs: { authority: "example.org", alpn: "h2", uniqueId },
  }),
  "version 1, IPv4": encodeProxyHeader({ version: 1, ...ipv4 }),
  "version 1, IPv6": encodeProxyHeader({ version: 1, ...ipv6 }),
};

const trusted = new TrustedPeers(["10.0.0.0/8", "127.0.0.0/8", "::1"], false);
const peer: Deno.NetAddr = {
  ...{ transport: "tcp", hostname: "127.0.0.1", port: 1 },
};

for (const [name, header] of Object.entries(HEADERS)) {
  Deno.bench(name, { group: "read a header" }, () => {
    lookAt(header, 4_096);
  });
}

for (const [name, header] of Object.entries(HEADERS)) {
  const inner = {
    read(buffer: Uint8Array) {
      buffer.set(header);
      return Promise.resolve(header.length);
    },
  } as unknown as Deno.Conn;
  Deno.bench(name, { group: "receive a header" }, async () => {
    const connection = new ProxiedConnection(inner);
    trusted.has(peer);
    await connection.receive(4_096, false);
  });
}
