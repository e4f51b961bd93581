// What a server refuses of `proxyProtocol` when it is made.

import { throws } from "node:assert";
import {
  type ProxyProtocolOptions,
  TCPServer,
  UnixStreamServer,
} from "../../../mod.ts";
import { LOOPBACK } from "../../_loopback.ts";

const GOOD: ProxyProtocolOptions = { mode: "require", trust: ["::1"] };

const BAD: Record<string, readonly [unknown, string, string]> = {
  "that is no object": [
    true,
    "TypeError",
    "the proxyProtocol options must be an object, received true",
  ],
  "with an unknown name": [
    { ...GOOD, trusts: [] },
    "TypeError",
    'unknown proxyProtocol option "trusts"; did you mean "trust"?',
  ],
  "without a mode": [
    { trust: ["::1"] },
    "TypeError",
    'proxyProtocol.mode must be "require" or "optional", received undefined',
  ],
  "without trust": [
    { mode: "require" },
    "TypeError",
    'proxyProtocol.trust must be a list of networks such as "192.0.2.0/24", received undefined',
  ],
  "that trusts nobody": [
    { ...GOOD, trust: [] },
    "TypeError",
    'proxyProtocol.trust names nobody; list the networks of your balancers, such as "192.0.2.0/24"',
  ],
  "that trusts a name": [
    { ...GOOD, trust: ["::1", "localhost"] },
    "TypeError",
    'proxyProtocol.trust[1], "localhost", is no network; write it as "192.0.2.0/24" or "2001:db8::/32", and without a zone',
  ],
  "that trusts an address with a zone": [
    { ...GOOD, trust: ["fe80::1%eth0"] },
    "TypeError",
    'proxyProtocol.trust[0], "fe80::1%eth0", is no network; write it as "192.0.2.0/24" or "2001:db8::/32", and without a zone',
  ],
  "that trusts a network with more bits than it has": [
    { ...GOOD, trust: ["10.0.0.1/8"] },
    "TypeError",
    'proxyProtocol.trust[0], "10.0.0.1/8", has more than 8 bits; leave out the length, or set the rest to 0',
  ],
  "that trusts those of a Unix socket": [
    { ...GOOD, trust: ["unix:"] },
    "TypeError",
    'proxyProtocol.trust[0], "unix:", is no network; write it as "192.0.2.0/24" or "2001:db8::/32", and without a zone',
  ],
  "with a timeout that is none": [
    { ...GOOD, timeout: -1 },
    "RangeError",
    "",
  ],
  "with a maxLength that is too small": [
    { ...GOOD, maxLength: 15 },
    "RangeError",
    "maxLength must be from 16 to 65551, received 15",
  ],
  "with a maxLength that is too large": [
    { ...GOOD, maxLength: 65552 },
    "RangeError",
    "maxLength must be from 16 to 65551, received 65552",
  ],
};

for (const [what, [proxyProtocol, name, message]] of Object.entries(BAD)) {
  Deno.test(`proxyProtocol ${what} is refused before a socket is opened`, () => {
    throws(
      () =>
        new TCPServer(LOOPBACK, () => {}, {
          proxyProtocol: proxyProtocol as ProxyProtocolOptions,
        }),
      {
        name,
        message: message === ""
          ? "Cannot use proxyProtocol.timeout: it must be a non-negative number of milliseconds, received -1"
          : `Cannot create server: ${message}`,
      },
    );
  });
}

Deno.test("proxyProtocol of a Unix socket trusts all of its peers or none", () => {
  throws(
    () =>
      new UnixStreamServer({ path: "never bound" }, () => {}, {
        proxyProtocol: { mode: "require", trust: ["unix:", "127.0.0.1"] },
      }),
    {
      name: "TypeError",
      message:
        'Cannot create server: proxyProtocol.trust has "127.0.0.1", and the peers of a Unix socket have no addresses; trust all of them with "unix:", and let the mode of the file say who they are',
    },
  );
});
