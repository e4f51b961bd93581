import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { packError, unpackError } from "../../../server/_bridge/errors.ts";
import { MAX_CONTROL, ProtocolError } from "../../../server/_bridge/frames.ts";
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

// Errors.

/** What arrives of what was thrown. */
const sent = (thrown: unknown) => unpackError(packError(thrown, 7)).error;

Deno.test("an error arrives with its class, name, message, stack, code and causes", () => {
  const cause = new Deno.errors.NotFound("no file");
  const thrown = Object.assign(new TypeError("bad", { cause }), {
    code: "EBAD",
  });
  const arrived = sent(thrown) as Error & { readonly code: string };
  ok(arrived instanceof TypeError);
  deepStrictEqual(
    [arrived.message, arrived.stack, arrived.code],
    ["bad", thrown.stack, "EBAD"],
  );
  ok(arrived.cause instanceof Deno.errors.NotFound);
  strictEqual(arrived.cause.message, "no file");
  strictEqual(unpackError(packError(thrown, 7)).number, 7);
});

Deno.test("a DOMException arrives as one", () => {
  const arrived = sent(new DOMException("late", "TimeoutError"));
  ok(arrived instanceof DOMException);
  deepStrictEqual([arrived.name, arrived.message], ["TimeoutError", "late"]);
});

Deno.test("an error of a class that is not known keeps its name", () => {
  class OwnError extends Error {
    override readonly name = "OwnError";
  }
  const arrived = sent(new OwnError("own"));
  deepStrictEqual([arrived.name, arrived.message], ["OwnError", "own"]);
});

Deno.test("packError() packs whatever is thrown", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = new Error("hostile");
  Object.defineProperty(hostile, "message", {
    get: () => {
      throw new Error("getter");
    },
  });
  const symbolic = Object.assign(new Error(), { name: Symbol("name") });
  const circular = new Error("circular");
  circular.cause = circular;
  const values = [undefined, null, 1n, Symbol("s"), () => {}, {}, "text"];
  for (const thrown of [...values, proxy, hostile, symbolic, circular]) {
    ok(sent(thrown) instanceof Error);
  }
  strictEqual(sent("text").message, 'Threw "text"');
});

Deno.test("packError() fits into a frame whatever its size", () => {
  const random = new Random(2);
  for (const unit of ["x", "\0", "€", "\ud800", "😀"]) {
    for (let i = 0; i < 20; i++) {
      const text = unit.repeat(random.below(60_000));
      const thrown: Error = Object.assign(new Error(text), {
        name: text,
        stack: text,
        code: text,
      });
      thrown.cause = thrown;
      const packed = packError(thrown);
      ok(packed.length <= MAX_CONTROL, `${packed.length} bytes`);
      ok(unpackError(packed).error instanceof Error);
    }
  }
});

Deno.test("unpackError() refuses what is no error", () => {
  const nested = "[".repeat(30_000);
  const bad = [
    "",
    "1",
    "null",
    "[]",
    "{}",
    nested,
    '{"error":null}',
    '{"error":{"message":1}}',
    '{"error":{"message":"m","cause":{}}}',
  ];
  for (const text of bad) {
    throws(() => unpackError(encode(text)), ProtocolError, text);
  }
});

Deno.test("unpackError() takes causes of causes without end, and odd fields", () => {
  const deep = '{"message":"m","cause":'.repeat(5_000) + "null" +
    "}".repeat(5_000);
  ok(unpackError(encode(`{"error":${deep}}`)).error instanceof Error);
  const odd =
    '{"error":{"message":"m","name":{"toString":1},"stack":[],"code":{}}}';
  strictEqual(unpackError(encode(odd)).error.name, "Error");
  const inherited = '{"error":{"message":"m","name":"__proto__"}}';
  strictEqual(unpackError(encode(inherited)).error.message, "m");
});

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
