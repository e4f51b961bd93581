// The header of the PROXY protocol: what is read of it, and what is refused.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { decodeProxyHeader } from "../../../server/decode_proxy_header.ts";
import { encodeProxyHeader } from "../../../server/encode_proxy_header.ts";
import type { ProxyHeader } from "../../../handlers/proxy_header.ts";
import { crc32c } from "../../../server/_proxy/crc32c.ts";
import { lookAt } from "../../../server/_proxy/read_header.ts";

const MAX = 4096;
const encode = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

const SIGNATURE = "0d0a0d0a000d0a515549540a";

/** What is read of a whole header, with something behind it. */
function read(bytes: Uint8Array): ProxyHeader {
  const more = new Uint8Array(bytes.length + 3);
  more.set(bytes);
  const found = lookAt(more, MAX);
  if (typeof found === "string") throw new Error(found);
  strictEqual(found.length, bytes.length);
  return found.header;
}

const tcp = (hostname: string, port: number): Deno.NetAddr => ({
  ...{ transport: "tcp", hostname, port },
});

const FOUR = {
  source: tcp("192.168.0.1", 56324),
  destination: tcp("192.168.0.11", 443),
};
const SIX = {
  source: tcp("2001:db8::1", 1),
  destination: tcp("2001:db8:0:1:1:1:1:1", 65535),
};

Deno.test("the lines of version 1 are read", () => {
  const version = { version: 1, command: "PROXY", tlvs: {} } as const;
  deepStrictEqual(
    read(encode("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n")),
    { ...version, ...FOUR },
  );
  deepStrictEqual(
    read(encode("PROXY TCP6 2001:db8::1 2001:db8:0:1:1:1:1:1 1 65535\r\n")),
    { ...version, ...SIX },
  );
  const nobody = { source: undefined, destination: undefined };
  for (
    const rest of [
      ...["", " ", " ffff::1 ffff::2 1 2", " whatever it may be"],
      " \x1b[2J\0\xff",
    ]
  ) {
    deepStrictEqual(read(encode(`PROXY UNKNOWN${rest}\r\n`)), {
      ...version,
      ...nobody,
    });
  }
  const longest = `PROXY UNKNOWN ${"x".repeat(107 - 16)}\r\n`;
  strictEqual(read(encode(longest)).version, 1);
});

const BAD_LINES = {
  "a bare line feed": "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
  "no family": "PROXY 1.2.3.4 1.2.3.4 1 2\r\n",
  "another family": "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
  "UNKNOWN that goes on": "PROXY UNKNOWNS\r\n",
  "two spaces": "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
  "a space at the end": "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
  "three numbers": "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
  "leading zeros": "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
  "IPv6 as IPv4": "PROXY TCP4 ::1 ::1 1 2\r\n",
  "IPv4 as IPv6": "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
  "a zone": "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
  "a large port": "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
  "a port with a zero before it": "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
  "a port with a sign": "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
  "an empty port": "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
  "a control character": "PROXY TCP4 \x1b[2J 1.2.3.4 1 2\r\n",
  "108 bytes": `PROXY UNKNOWN ${"x".repeat(108 - 16)}\r\n`,
  "no end": `PROXY UNKNOWN ${"x".repeat(200)}`,
};

for (const [what, line] of Object.entries(BAD_LINES)) {
  Deno.test(`a line of version 1 with ${what} is refused`, () => {
    throws(() => lookAt(encode(line), MAX), {
      name: "InvalidData",
      message: /^Cannot read the PROXY header: /,
    });
  });
}

Deno.test("the headers of version 2 are read", () => {
  const version = { version: 2, command: "PROXY", tlvs: {} } as const;
  const four = "c0a80001 c0a8000b dc04 01bb";
  deepStrictEqual(read(hex(`${SIGNATURE} 21 11 000c ${four}`)), {
    ...version,
    ...FOUR,
  });
  const udp = read(hex(`${SIGNATURE} 21 12 000c ${four}`));
  strictEqual(udp.source?.transport, "udp");
  deepStrictEqual(
    read(hex(
      `${SIGNATURE} 21 21 0024 20010db8000000000000000000000001 20010db8000000010001000100010001 0001 ffff`,
    )),
    { ...version, ...SIX },
  );
  const path = (text: string) => encode(text.padEnd(108, "\0")).toHex();
  deepStrictEqual(
    read(
      hex(`${SIGNATURE} 21 31 00d8 ${path("/run/a")} ${path("\0abstract")}`),
    ),
    {
      ...version,
      source: { transport: "unix", path: "/run/a" },
      destination: { transport: "unix", path: "\0abstract" },
    },
  );
  const nobody = { source: undefined, destination: undefined };
  // Not said: by the family, by the protocol, or with something behind it.
  for (
    const rest of ["00 0000", "00 0003 ffffff", `10 000c ${four}`, "01 0000"]
  ) {
    deepStrictEqual(read(hex(`${SIGNATURE} 21 ${rest}`)), {
      ...version,
      ...nobody,
    });
  }
  // All but the length of LOCAL is to be ignored.
  for (const rest of ["00 0000", "11 000c" + four, "ff 0002 ffff"]) {
    deepStrictEqual(read(hex(`${SIGNATURE} 20 ${rest}`)), {
      ...{ ...version, ...nobody, command: "LOCAL" },
    });
  }
});

const ADDRESSES = "c0a80001 c0a8000b dc04 01bb";
const BAD_HEADERS = {
  "version 1": `${SIGNATURE} 11 11 000c ${ADDRESSES}`,
  "version 3": `${SIGNATURE} 31 11 000c ${ADDRESSES}`,
  "command 2": `${SIGNATURE} 22 11 000c ${ADDRESSES}`,
  "family 4": `${SIGNATURE} 21 41 000c ${ADDRESSES}`,
  "protocol 3": `${SIGNATURE} 21 13 000c ${ADDRESSES}`,
  "too few bytes": `${SIGNATURE} 21 11 000b c0a80001 c0a8000b dc04 01`,
  "too few bytes for IPv6": `${SIGNATURE} 21 21 000c ${ADDRESSES}`,
  "too few bytes for paths": `${SIGNATURE} 21 31 000c ${ADDRESSES}`,
  "half a TLV": `${SIGNATURE} 21 11 000e ${ADDRESSES} 0100`,
  "a TLV that goes on": `${SIGNATURE} 21 11 0010 ${ADDRESSES} 01 0002 61`,
  "a short checksum": `${SIGNATURE} 21 11 0012 ${ADDRESSES} 03 0003 000000`,
  "a wrong checksum": `${SIGNATURE} 21 11 0013 ${ADDRESSES} 03 0004 00000000`,
  "no family and a wrong checksum":
    `${SIGNATURE} 21 00 000b 02 0001 61 03 0004 00000000`,
  "a unique id of 129 bytes": `${SIGNATURE} 21 11 0090 ${ADDRESSES} 05 0081 ${
    "00".repeat(129)
  }`,
  "TLS of 4 bytes": `${SIGNATURE} 21 11 0013 ${ADDRESSES} 20 0004 01000000`,
  "a TLV beyond that of TLS":
    `${SIGNATURE} 21 11 001c ${ADDRESSES} 20 0009 01 00000000 22 0002 61 04 0000`
      .replace("001c", "001b"),
  "more than maxLength": `${SIGNATURE} 21 00 1000`,
};

for (const [what, text] of Object.entries(BAD_HEADERS)) {
  Deno.test(`a header of version 2 with ${what} is refused`, () => {
    throws(() => lookAt(hex(text), MAX), {
      name: "InvalidData",
      message: /^Cannot read the PROXY header: /,
    });
  });
}

Deno.test("what a header says besides comes back as it was encoded", () => {
  const tlvs = {
    alpn: "h2",
    authority: "exämple.org",
    uniqueId: Uint8Array.from({ length: 128 }, (_, i) => i),
    ssl: {
      ...{ client: true, certificateInConnection: false },
      ...{ certificateInSession: true, verified: true },
      ...{ version: "TLSv1.3", commonName: "client", cipher: "AES" },
      ...{ signatureAlgorithm: "SHA256", keyAlgorithm: "RSA2048" },
      others: [{ type: 0x26, value: encode("x25519") }],
    },
    netns: "blue",
    others: [
      { type: 0xe0, value: encode("ours") },
      { type: 0xe0, value: new Uint8Array() },
    ],
  };
  for (const checksum of [false, true]) {
    const header = read(encodeProxyHeader({ ...SIX, tlvs, checksum }));
    deepStrictEqual(header, {
      ...{ version: 2, command: "PROXY", ...SIX, tlvs },
    });
  }
});

Deno.test("a header that tells of no client may say something besides, and is known by its checksum", () => {
  const said = `${SIGNATURE} 21 00 000b 02 0001 61 03 0004`;
  const sum = crc32c(hex(`${said} 00000000`), { from: 0, to: 0 });
  for (
    const text of [
      `${SIGNATURE} 21 00 0004 02 0001 61`,
      `${said} ${sum.toString(16).padStart(8, "0")}`,
    ]
  ) {
    deepStrictEqual(read(hex(text)), {
      ...{ version: 2, command: "PROXY", tlvs: { authority: "a" } },
      ...{ source: undefined, destination: undefined },
    });
  }
  // An address of whatever kind is no TLVs, and is ignored with all behind it.
  const other = read(
    hex(`${SIGNATURE} 21 00 000b ffffffff 03 0004 00000000`),
  );
  deepStrictEqual(other.tlvs, {});
});

Deno.test("a header of version 2 is known by every byte that its checksum covers", () => {
  const header = encodeProxyHeader({ ...FOUR, checksum: true });
  // A length that is larger waits for more.
  for (let at = 16; at < header.length; at++) {
    for (const bit of [1, 0x80]) {
      const wrong = header.slice();
      wrong[at]! ^= bit;
      let found: unknown;
      try {
        found = lookAt(wrong, MAX);
      } catch (error) {
        found = (error as Error).name;
      }
      // The TLV that holds the checksum may have become another.
      const isOther = at >= 28 && at < 31;
      if (!isOther) strictEqual(found, "InvalidData", `byte ${at}`);
    }
  }
});

Deno.test("CRC32c is that of RFC 3720, appendix B.4", () => {
  const none = { from: 0, to: 0 };
  strictEqual(crc32c(new Uint8Array(32), none), 0x8a9136aa);
  strictEqual(crc32c(new Uint8Array(32).fill(0xff), none), 0x62a8ab43);
  strictEqual(
    crc32c(Uint8Array.from({ length: 32 }, (_, i) => i), none),
    0x46dd794e,
  );
  strictEqual(
    crc32c(new Uint8Array(32).fill(0xff), { from: 0, to: 32 }),
    0x8a9136aa,
  );
});

Deno.test("every part of a header waits for more, and no longer", () => {
  for (
    const header of [
      encodeProxyHeader({ version: 1, ...FOUR }),
      encodeProxyHeader({ version: 1 }),
      encodeProxyHeader({ ...SIX, tlvs: { authority: "x" }, checksum: true }),
      encodeProxyHeader({ command: "LOCAL" }),
    ]
  ) {
    const signature = header[0] === 0x50 ? 6 : 12;
    for (let length = 0; length < header.length; length++) {
      strictEqual(
        lookAt(header.subarray(0, length), MAX),
        length < signature ? "perhaps a header" : "header to come",
      );
    }
    read(header);
  }
});

Deno.test("what is no header is known by its first byte that differs", () => {
  for (
    const text of [
      "GET / HTTP/1.1",
      "PROXYTCP4",
      "PRoXY ",
      "\r\n\r\n\0\r\nQUIT ",
      "\x16\x03\x01",
    ]
  ) strictEqual(lookAt(encode(text), MAX), "no header", text);
});

Deno.test("headers that cannot be are not encoded", () => {
  const cases: [Parameters<typeof encodeProxyHeader>[0], string][] = [
    [{ source: FOUR.source }, "source and destination must be given together"],
    [{ version: 3 as 2 }, "version must be 1 or 2, received 3"],
    [
      { ...FOUR, version: 1, checksum: true },
      "version 1 has no TLVs; use version 2",
    ],
    [
      { source: FOUR.source, destination: SIX.destination },
      "192.168.0.1 and 2001:db8:0:1:1:1:1:1 are of different families; write an IPv4 address as ::ffff:192.0.2.1",
    ],
    [
      { ...FOUR, source: tcp("localhost", 1) },
      "'localhost' is no IP address; resolve names, and leave out zones",
    ],
    [
      { checksum: true },
      "TLVs, a checksum among them, need addresses before them: give source and destination",
    ],
    [
      {
        source: {
          transport: "vsock",
          cid: 1,
          port: 1,
        } as unknown as Deno.NetAddr,
        destination: {
          transport: "vsock",
          cid: 1,
          port: 1,
        } as unknown as Deno.NetAddr,
      },
      'a header has no addresses of "vsock"; known are tcp, udp, unix, unixpacket',
    ],
    [
      { ...FOUR, tlvs: { others: [{ type: 3, value: new Uint8Array(4) }] } },
      "the type 3 is that of its checksum; set checksum",
    ],
    [
      { ...FOUR, source: tcp("1.2.3.4", 65536) },
      "a port must be an integer from 0 to 65535, received 65536",
    ],
  ];
  for (const [options, why] of cases) {
    throws(() => encodeProxyHeader(options), {
      message: `Cannot encode a PROXY header: ${why}`.replaceAll(
        "'localhost'",
        '"localhost"',
      ),
    });
  }
});

Deno.test("addresses are written in their shortest form, for which a line has room", () => {
  const long = tcp("0000:0000:0000:0000:0000:ffff:255.255.255.255", 65535);
  const header = encodeProxyHeader({
    version: 1,
    source: long,
    destination: long,
  });
  strictEqual(
    new TextDecoder().decode(header),
    "PROXY TCP6 ::ffff:255.255.255.255 ::ffff:255.255.255.255 65535 65535\r\n",
  );
  strictEqual(decodeProxyHeader(header)!.length, header.length);
});

Deno.test("decodeProxyHeader() waits for more, and refuses what is no header", () => {
  const header = encodeProxyHeader({ ...FOUR, checksum: true });
  strictEqual(decodeProxyHeader(header.subarray(0, 5)), undefined);
  strictEqual(decodeProxyHeader(header.subarray(0, 20)), undefined);
  strictEqual(decodeProxyHeader(header)!.length, header.length);
  throws(() => decodeProxyHeader(encode("GET / HTTP/1.1\r\n")), {
    name: "InvalidData",
    message:
      "Cannot read the PROXY header: the bytes begin none; have whoever connects send it, as HAProxy does with send-proxy-v2, if that is meant to speak the PROXY protocol",
  });
  throws(() => decodeProxyHeader(header, 20), {
    message:
      "Cannot read the PROXY header: it has 35 bytes; maxLength allows 20",
  });
  throws(() => decodeProxyHeader(header, 15), RangeError);
});
