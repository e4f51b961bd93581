import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { ProtocolError } from "../../../server/_bridge/frames.ts";
import {
  packDatagram,
  packJson,
  packNumber,
  packShutdown,
  unpackDatagram,
  unpackJson,
  unpackNumber,
  unpackShutdown,
} from "../../../server/_bridge/payloads.ts";
import { Random } from "./_random.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const ADDRESS: Deno.Addr = { transport: "udp", hostname: "::1", port: 65_535 };

// Datagrams and numbers.

Deno.test("a datagram arrives with its number and address, an empty one too", () => {
  for (const size of [0, 1, 65_507]) {
    const data = new Random(4).bytes(size);
    deepStrictEqual(
      unpackDatagram(packDatagram(2 ** 32 - 1, ADDRESS, data)),
      { number: 2 ** 32 - 1, address: ADDRESS, data },
    );
  }
});

Deno.test("packDatagram() refuses what is no address", () => {
  const path = "x".repeat(70_000);
  for (
    const address of [
      undefined,
      null,
      "127.0.0.1",
      1,
      { path },
      () => {},
      { toJSON: () => undefined },
    ]
  ) {
    throws(
      () => packDatagram(1, address as unknown as Deno.Addr, encode("x")),
      { name: "TypeError", message: /is not an address$/ },
    );
  }
});

Deno.test("unpackDatagram() and unpackNumber() refuse what they cannot read", () => {
  const packed = packDatagram(1, ADDRESS, encode("data"));
  const start = packed.length - 4;
  for (let size = 0; size < start; size++) {
    throws(() => unpackDatagram(packed.slice(0, size)), ProtocolError);
  }
  const random = new Random(6);
  for (let i = 0; i < 20_000; i++) {
    const mutated = packed.slice();
    mutated[random.below(mutated.length)] = random.below(256);
    try {
      ok(unpackDatagram(mutated).data.length <= packed.length);
    } catch (error) {
      ok(error instanceof ProtocolError, String(error));
    }
  }
  for (const size of [0, 1, 3, 5, 8]) {
    throws(() => unpackNumber(new Uint8Array(size)), ProtocolError);
  }
  for (const number of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    strictEqual(unpackNumber(packNumber(number)), number);
  }
});

Deno.test("what is packed in shared memory can be unpacked", () => {
  const value = { text: "text €" };
  const packed = packJson(value);
  const shared = new Uint8Array(new SharedArrayBuffer(packed.length));
  shared.set(packed);
  deepStrictEqual(unpackJson(shared), value);
});

Deno.test("a request to shut down arrives with its grace period, Infinity too", () => {
  for (const request of [{}, { gracePeriod: 0 }, { gracePeriod: Infinity }]) {
    deepStrictEqual(unpackShutdown(packShutdown(request)), request);
  }
  for (const text of ['{"gracePeriod":-1}', '{"gracePeriod":"1"}', "3"]) {
    throws(() => unpackShutdown(encode(text)), ProtocolError);
  }
});
