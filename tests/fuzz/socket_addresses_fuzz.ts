/**
 * Addresses as the kernel writes them, and as nobody does: what is decoded ends
 * where the kernel says, and what can be written is read as it was.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM } from "../../poll/mod.ts";
import {
  ADDRESS_SIZE,
  decodeAddress,
  encodeIPv4,
  encodePath,
} from "../../poll/_sockaddr.ts";
import {
  below,
  inRound,
  oneOf,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

/**
 * Decodes random addresses.
 *
 * @returns How many had a hostname or a path.
 */
export async function fuzzAddresses(
  seed: number,
  rounds: number,
): Promise<number> {
  const next = random(seed);
  let named = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = addressOf(next);
    const length = oneOf(next, [
      ...[0, 1, 2, 3, 7, 8, 16, 23, 24, 27, 28, 110, 128, 129, 65_535],
      below(next, 160),
    ]);
    const type = oneOf(next, [SOCK_STREAM, 2, 5]);
    await inRound(seed, round, bytes, () => {
      const address = withinTurn(
        bytes,
        () => decodeAddress(bytes, length, type),
      );
      // What lies behind its end is of another call, and changes nothing.
      const other = bytes.slice();
      for (let i = length; i < other.length; i++) other[i] = below(next, 256);
      deepStrictEqual(decodeAddress(other, length, type), address);
      if ("path" in address) {
        checkPath(bytes, length, address.path);
        named += address.path === "" ? 0 : 1;
      } else {
        checkNetwork(bytes, address as Deno.NetAddr);
        named++;
      }
    });
    await inRound(seed, round, bytes, () => roundTrip(next));
  }
  return named;
}

function addressOf(next: Random): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(
    { length: ADDRESS_SIZE },
    () => next() < 0.3 ? 0 : below(next, 256),
  );
  const family = oneOf(next, [AF_UNIX, AF_INET, AF_INET6, below(next, 65_536)]);
  new DataView(bytes.buffer).setUint16(0, family, true);
  return bytes;
}

function checkPath(bytes: Uint8Array, length: number, path: string): void {
  const view = new DataView(bytes.buffer);
  if (length < 3 || view.getUint16(0, true) !== AF_UNIX) {
    return strictEqual(path, "");
  }
  let name = bytes.subarray(2, length);
  if (name[0] !== 0 && name.includes(0)) {
    name = name.subarray(0, name.indexOf(0));
  }
  strictEqual(
    path,
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(name),
  );
}

function checkNetwork(bytes: Uint8Array, address: Deno.NetAddr): void {
  const view = new DataView(bytes.buffer);
  strictEqual(address.port, view.getUint16(2));
  if (view.getUint16(0, true) === AF_INET) {
    return strictEqual(address.hostname, bytes.subarray(4, 8).join("."));
  }
  // Two ways to write one address are the same to URL.
  const groups = [...new Uint16Array(8).keys()].map((i) =>
    view.getUint16(8 + 2 * i).toString(16)
  );
  const [hostname] = address.hostname.split("%");
  strictEqual(
    new URL(`http://[${hostname}]`).hostname,
    new URL(`http://[${groups.join(":")}]`).hostname,
  );
}

function roundTrip(next: Random): void {
  const ipv4 = Array.from({ length: 4 }, () => below(next, 256));
  const port = below(next, 65_536);
  const raw = encodeIPv4(ipv4, port);
  deepStrictEqual(decodeAddress(raw, raw.length, SOCK_STREAM), {
    transport: "tcp",
    hostname: ipv4.join("."),
    port,
  });
  const path = oneOf(next, ["", "\0", "/"]) +
    Array.from(
      { length: below(next, 60) },
      () => oneOf(next, ["a", "/", "é", "\ufeff", "\u{1f600}", "\0"]),
    ).join("");
  let encoded;
  try {
    encoded = encodePath(path);
  } catch (error) {
    ok(error instanceof TypeError || error instanceof RangeError);
    return;
  }
  deepStrictEqual(decodeAddress(encoded, encoded.length, SOCK_STREAM), {
    transport: "unix",
    path,
  });
}
