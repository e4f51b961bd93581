// Networks in CIDR, and who is in them.

import { strictEqual, throws } from "node:assert";
import { clientBytes, Networks } from "../../handlers/_networks.ts";

const has = (networks: Networks, hostname: string) =>
  networks.has(clientBytes(hostname)!);

Deno.test("an address is in a network if the first bits are its own", () => {
  const networks = new Networks("deny", [
    ...["10.0.0.0/8", "192.0.2.128/25", "198.51.100.7", "203.0.113.6/31"],
    ...["2001:db8::/33", "fe80::/10", "::1", "::ffff:172.16.0.0/108"],
  ]);
  const inside = [
    ...["10.0.0.0", "10.255.255.255", "192.0.2.128", "192.0.2.255"],
    ...["198.51.100.7", "203.0.113.6", "203.0.113.7", "::ffff:10.1.2.3"],
    ...["2001:db8::", "2001:db8:7fff:ffff::1", "fe80::1", "fe80::1%eth0"],
    ...["febf:ffff::", "::1", "172.16.0.1", "172.31.255.255"],
  ];
  const outside = [
    ...["9.255.255.255", "11.0.0.0", "192.0.2.127", "192.0.3.128", "0.0.0.0"],
    ...["198.51.100.6", "198.51.100.8", "203.0.113.5", "203.0.113.8"],
    ...["::ffff:11.0.0.0", "2001:db8:8000::", "2001:db7:ffff::", "fec0::"],
    ...["::", "::2", "ffff::", "172.32.0.0", "255.255.255.255", "a00::"],
  ];
  for (const hostname of inside) {
    strictEqual(has(networks, hostname), true, hostname);
  }
  for (const hostname of outside) {
    strictEqual(has(networks, hostname), false, hostname);
  }
});

Deno.test("a network that is in another, or twice in the list, changes nothing", () => {
  const networks = new Networks("deny", [
    ...["10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", "10.0.0.0/8", "11.0.0.0"],
  ]);
  for (const hostname of ["10.0.0.1", "10.1.0.1", "10.200.0.1", "11.0.0.0"]) {
    strictEqual(has(networks, hostname), true, hostname);
  }
  strictEqual(has(networks, "11.0.0.1"), false);
});

Deno.test("everybody is in a network without bits, of the same family", () => {
  const ipv4 = new Networks("deny", ["0.0.0.0/0"]);
  const ipv6 = new Networks("deny", ["::/0"]);
  const none = new Networks("deny", []);
  for (const hostname of ["0.0.0.0", "255.255.255.255"]) {
    strictEqual(has(ipv4, hostname), true);
    strictEqual(has(ipv6, hostname), false);
    strictEqual(has(none, hostname), false);
  }
  strictEqual(has(ipv6, "2001:db8::1"), true);
});

Deno.test("an address is the same among many networks as in each", () => {
  let state = 1;
  const below = (end: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % end;
  };
  // Few different bytes, so that many networks are near each other.
  const byte = () => [0, 1, 2, 127, 128, 255][below(6)]!;
  const network = () => {
    const bits = below(33);
    const all = Array.from({ length: 4 }, byte);
    const kept = all.map((value, i) =>
      value & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff
    );
    return `${kept.join(".")}/${bits}`;
  };
  for (let round = 0; round < 200; round++) {
    const texts = Array.from({ length: 1 + below(12) }, network)
      // One of them would have everybody in it.
      .filter((text) => !/\/[0-3]$/.test(text));
    const all = new Networks("deny", texts);
    const each = texts.map((text) => new Networks("deny", [text]));
    for (let i = 0; i < 20; i++) {
      const hostname = Array.from({ length: 4 }, byte).join(".");
      strictEqual(
        has(all, hostname),
        each.some((one) => has(one, hostname)),
        `${hostname} in ${texts}`,
      );
    }
  }
});

Deno.test("what is no network is refused by its place in the list", () => {
  const bad = {
    "": "is no network",
    "10.0.0.0/33": "is no network",
    "2001:db8::/129": "is no network",
    "10.0.0.0/": "is no network",
    "10.0.0.0/-1": "is no network",
    "10.0.0/8": "is no network",
    "010.0.0.0/8": "is no network",
    "example.org": "is no network",
    "fe80::1%eth0/64": "is no network",
    "fe80::1/64%eth0": "is no network",
    "10.0.0.1/31": "has more than 31 bits",
    "2001:db8::1/64": "has more than 64 bits",
    "::ffff:10.0.0.1/96": "has more than 96 bits",
  };
  for (const [text, why] of Object.entries(bad)) {
    throws(() => new Networks("allow", ["::1", text]), (error: TypeError) => {
      const start = `Cannot create server: allow[1], "${text}", ${why}`;
      strictEqual(error.message.slice(0, start.length), start);
      return error instanceof TypeError;
    });
  }
  for (const none of ["10.0.0.0/8", [1], null, undefined]) {
    throws(() => new Networks("allow", none as unknown as string[]), {
      name: "TypeError",
      message:
        /^Cannot create server: allow must be a list of networks such as /,
    });
  }
});

Deno.test("what is no IP address has no bytes", () => {
  for (const text of ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", ":"]) {
    strictEqual(clientBytes(text), undefined, text);
  }
});
