// Addresses as text and as bytes.

import { deepStrictEqual, strictEqual } from "node:assert";
import { isIPv4, isIPv6 } from "node:net";
import { ipBytes, ipv6Text, readIPv6 } from "../../handlers/_ip_text.ts";
import { below, mutate, oneOf, random } from "../fuzz/_fuzzing.ts";

Deno.test("IPv6 addresses are written as URLs write them", () => {
  for (
    const text of [
      ...["::", "::1", "1::", "2001:db8::1", "1:0:0:2::3", "1:0:2:3:4:5:6:7"],
      ...["0:0:1::", "fe80::1:0:0:1", "1:2:3:4:5:6:7:8", "::5:6:7:8"],
      ...["1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:0:0:0:5:0:0:0"],
    ]
  ) {
    const url = new URL(`http://[${text}]/`).hostname.slice(1, -1);
    strictEqual(ipv6Text(ipBytes(text)!), url);
  }
  strictEqual(ipv6Text(ipBytes("::ffff:192.0.2.1")!), "::ffff:192.0.2.1");
  strictEqual(ipv6Text(ipBytes("64:ff9b::192.0.2.33")!), "64:ff9b::c000:221");
});

const WHOLE = [
  ...["0.0.0.0", "255.255.255.255", "192.0.2.1", "10.20.30.40", "1.2.3.4"],
  ...["::", "::1", "1::", "1:2:3:4:5:6:7:8", "2001:db8::1", "::ffff:1.2.3.4"],
  ...["1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "a::b:c"],
  ...["FFFF:ffff:FfFf:0:00:000:0000:1", "1::5:1.2.3.4", "::1.2.3.4"],
];

Deno.test("what is an address of IPv4 or IPv6, node:net and URLs say too", () => {
  const next = random(7);
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  const whole = WHOLE.map(bytesOf);
  const others = [":", "::", ".", "0", "00", "f", "g", "1:", "%1", "256"]
    .map(bytesOf);
  let addresses = 0;
  for (let round = 0; round < 30_000; round++) {
    const bytes = mutate(next, oneOf(next, whole), [...whole, ...others]);
    // Most damage makes no text of it.
    const text = new TextDecoder("latin1").decode(bytes)
      .replace(/[^0-9a-fA-F:.]/g, () => ":.01f"[below(next, 5)]!);
    const found = ipBytes(text);
    strictEqual(
      found !== undefined,
      isIPv4(text) || isIPv6(text),
      JSON.stringify(text),
    );
    if (found === undefined) continue;
    addresses++;
    const url = new URL(
      found.length === 4 ? `http://${text}` : `http://[${text}]`,
    );
    const written = found.length === 4 ? found.join(".") : ipv6Text(found);
    // URLs write no address of IPv4 behind one of IPv6.
    const isMapped = written.startsWith("::ffff:") && written.includes(".");
    if (!isMapped) strictEqual(written, url.hostname.replace(/^\[|\]$/g, ""));
    deepStrictEqual(ipBytes(written), found);
  }
  strictEqual(addresses > 1_000, true, `${addresses} addresses`);
});

Deno.test("what is no address has no bytes", () => {
  for (
    const none of [
      ...["", "x", "1.2.3", "fe80::1%1", "::g", "1.2.3.4.5", ":", ":::", "1:"],
      ...[":1", "1::2::3", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8", "12345::"],
      ...[
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3",
        "1.2.3.4::",
        "01.2.3.4",
        "1..2.3",
      ],
      ...["::01.2.3.4", "256.0.0.0", "-1.0.0.0", "1.2.3.4 ", "1.2.3.4:80"],
    ]
  ) strictEqual(ipBytes(none), undefined, none);
});

Deno.test("reading an address of IPv6 writes into its 16 bytes alone", () => {
  const next = random(8);
  for (let round = 0; round < 2_000; round++) {
    const text = Array.from(
      { length: below(next, 40) },
      () => oneOf(next, [":", "::", "1", "ffff", "."]),
    ).join("");
    const target = new Uint8Array(32).fill(0xaa);
    readIPv6(text, target, 8);
    deepStrictEqual(
      [...target.subarray(0, 8), ...target.subarray(24)],
      Array(16).fill(0xaa),
      text,
    );
  }
});
