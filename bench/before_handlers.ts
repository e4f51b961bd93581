/**
 * What a connection costs before its handler is asked for, without sockets: a PROXY
 * header, and being let in. In processor time, which other programs on the machine
 * do not add to. Exits with 1 if a header takes longer than it may.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import process from "node:process";
import { encodeProxyHeader } from "../mod.ts";
import { Admission } from "../server/_admission/admission.ts";
import { ProxiedConnection } from "../server/_proxy/proxied_connection.ts";
import { TrustedPeers } from "../server/_proxy/trusted_peers.ts";
import { benchOptions } from "./_options.ts";

const { rounds, short } = benchOptions();
const CALLS = short ? 1_000 : 200_000;
/** How long a header may take, in microseconds. */
const MOST_FOR_HEADER = 2;

/** The median of what one call takes in each round, in microseconds. */
async function costOf(call: () => Promise<unknown> | void): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i++) {
      const going = call();
      if (going !== undefined) await going;
    }
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / CALLS);
  }
  return costs.sort((a, b) => a - b)[rounds >> 1]!;
}

const at = (hostname: string): Deno.NetAddr => ({
  ...{ transport: "tcp", hostname, port: 443 },
});
const ipv4 = { source: at("192.0.2.7"), destination: at("192.0.2.11") };
const ipv6 = { source: at("2001:db8::7"), destination: at("2001:db8::11") };
const said = {
  ...{ authority: "example.org", alpn: "h2" },
  uniqueId: new Uint8Array(36).fill(0x61),
};

const HEADERS = {
  "version 2, IPv4": encodeProxyHeader(ipv4),
  "version 2, IPv6": encodeProxyHeader(ipv6),
  "version 2, IPv4, three TLVs, CRC32c": encodeProxyHeader({
    ...{ ...ipv4, tlvs: said, checksum: true },
  }),
  "version 1, IPv4": encodeProxyHeader({ version: 1, ...ipv4 }),
  "version 1, IPv6": encodeProxyHeader({ version: 1, ...ipv6 }),
};

const trusted = new TrustedPeers(["10.0.0.0/8", "127.0.0.0/8"], false);
const balancer = at("127.0.0.1");
let tooLong = false;

for (const [name, header] of Object.entries(HEADERS)) {
  const inner = {
    read(buffer: Uint8Array) {
      buffer.set(header);
      return Promise.resolve(header.length);
    },
  } as unknown as Deno.Conn;
  const cost = await costOf(() => {
    trusted.has(balancer);
    return new ProxiedConnection(inner).receive(4_096, false);
  });
  tooLong ||= !short && cost > MOST_FOR_HEADER;
  tell(`a header of ${name}`, cost);
}

const limits = {
  perAddress: 10,
  rate: { burst: 1_000_000, perSecond: 1_000_000 },
};
const deny = Array.from(
  { length: 10_000 },
  (_, i) => `203.${i >> 8}.${i & 255}.0/24`,
);
const ADMISSIONS = {
  "both limits": new Admission(limits),
  "both limits, 16 threads": new Admission(limits, 16),
  "both limits, 10,000 networks denied": new Admission({ ...limits, deny }),
};
const CLIENTS = {
  IPv4: (i: number) => at(`10.${i & 255}.${i >> 8}.1`),
  IPv6: (i: number) => at(`2001:db8:${i.toString(16)}::1`),
};

for (const [name, admission] of Object.entries(ADMISSIONS)) {
  for (const [family, clientOf] of Object.entries(CLIENTS)) {
    const clients = Array.from({ length: 65_536 }, (_, i) => clientOf(i));
    let next = 0;
    const cost = await costOf(() => {
      const admitted = admission.enter(clients[next++ & 0xffff]!);
      if (typeof admitted === "object") admission.leave(admitted);
    });
    tell(`let in and gone, ${family}, ${name}`, cost);
  }
}

function tell(what: string, cost: number): void {
  console.log(`${what.padEnd(60)} ${cost.toFixed(2).padStart(6)} µs`);
}

if (tooLong) Deno.exit(1);
