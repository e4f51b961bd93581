import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { runInNewContext } from "node:vm";
import {
  CONFIG_PACKING,
  messagePacking,
  packValue,
} from "../../../server/_messages/pack_value.ts";
import {
  unpackConfig,
  unpackMessage,
} from "../../../server/_messages/unpack_value.ts";
import {
  DEEPEST,
  Kind,
  LONGEST_MESSAGE,
  MOST_OBJECTS,
} from "../../../server/_messages/value_format.ts";

const PACKING = messagePacking("post a message");
const pack = (value: unknown) => packValue(value, PACKING);
const travel = (value: unknown) => unpackMessage(pack(value), false);

const nullPrototype = Object.assign(Object.create(null), { a: 1 });
const ownProto = JSON.parse('{"__proto__":{"polluted":true}}');

/** Values, each as it arrives. */
const VALUES: readonly unknown[] = [
  ...[undefined, null, true, false],
  ...[0, -0, 1, -1, 63, 64, -64, -65, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 0.1],
  ...[NaN, Infinity, -Infinity, 2 ** 53, 5e-324],
  ...[0n, -1n, 10n ** 40n, -(16n ** 33n)],
  ...["", "a", "ça va", "\u{1f600}", "\ufeffmark", "\0", "\ud800", "a\udfffb"],
  ...["x".repeat(41), "x".repeat(42), "é".repeat(43), "x".repeat(1_000)],
  ...[[], [undefined, null], [[1], ["2"]], {}, { a: { b: [{}] } }, { "": 0 }],
  ...[new Date(0), new Date(NaN), new Map(), new Set()],
  new Map<unknown, unknown>([["a", 1], [{ k: 1 }, new Map([[1, 2]])]]),
  new Set<unknown>([1, "1", { a: 1 }]),
  Uint8Array.of(1, 2, 3).buffer,
  ...[Uint8Array.of(1, 2), Uint8ClampedArray.of(9), Int8Array.of(-1)],
  ...[Uint16Array.of(65_535), Int16Array.of(-2), Uint32Array.of(7)],
  ...[Int32Array.of(-7), Float16Array.of(0.5), Float32Array.of(1.5)],
  ...[Float64Array.of(NaN, -0), BigUint64Array.of(1n), BigInt64Array.of(-1n)],
  new Uint8Array(0),
];

for (const value of VALUES) {
  Deno.test(`a value arrives as it was sent: ${Deno.inspect(value).slice(0, 60)}`, () => {
    const arrived = travel({ value }) as { readonly value: unknown };
    deepStrictEqual(arrived, { value });
    ok(!(typeof value === "number") || Object.is(arrived.value, value));
  });
}

Deno.test("a view arrives without what else its buffer holds", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const arrived = travel(bytes.subarray(1, 3)) as Uint8Array;
  deepStrictEqual(arrived, Uint8Array.of(2, 3));
  strictEqual(arrived.buffer.byteLength, 2);
  const view = travel(new DataView(bytes.buffer, 2)) as DataView;
  ok(view instanceof DataView);
  deepStrictEqual([view.byteLength, view.getUint8(0)], [2, 3]);
  strictEqual(
    Object.getPrototypeOf(travel(new Uint8Array(2))),
    Uint8Array.prototype,
  );
});

Deno.test("what holds itself, and what is held twice, arrives so", () => {
  const circle: Record<string, unknown> = {};
  Object.assign(circle, {
    circle,
    list: [circle],
    map: new Map([[1, circle]]),
  });
  const error = new TypeError("t");
  error.cause = error;
  const shared = { a: 1 };
  const arrived = travel([circle, shared, shared, error]) as [
    typeof circle,
    object,
    object,
    Error,
  ];
  const [first] = arrived;
  strictEqual(first.circle, first);
  strictEqual((first.list as unknown[])[0], first);
  strictEqual((first.map as Map<number, unknown>).get(1), first);
  strictEqual(arrived[1], arrived[2]);
  strictEqual(arrived[3].cause, arrived[3]);
});

Deno.test("an error arrives as one of its class, with its stack and its cause", () => {
  class Own extends RangeError {
    override readonly name = "Own";
  }
  const error = new RangeError("too much", { cause: new Own("inner") });
  const arrived = travel(error) as Error;
  ok(arrived instanceof RangeError);
  strictEqual(arrived.message, "too much");
  strictEqual(arrived.stack, error.stack);
  ok(arrived.cause instanceof Error);
  strictEqual((arrived.cause as Error).message, "Own: inner");
  deepStrictEqual(Object.keys(arrived), []);
  strictEqual("cause" in (travel(new Error("none")) as Error), false);
});

Deno.test("an object without a prototype arrives as a plain one, and one of another realm does", () => {
  deepStrictEqual(travel(nullPrototype), { a: 1 });
  deepStrictEqual(travel(runInNewContext("({ a: { b: [1] } })")), {
    a: { b: [1] },
  });
});

Deno.test("a key named __proto__ is a key", () => {
  const arrived = travel(ownProto) as object;
  deepStrictEqual(Object.keys(arrived), ["__proto__"]);
  strictEqual(Object.getPrototypeOf(arrived), Object.prototype);
  strictEqual((arrived as { polluted?: unknown }).polluted, undefined);
});

class Store {}
const gaps = [1];
gaps[2] = 3;

/** What cannot travel, and how the error names it. */
const REFUSED: readonly (readonly [unknown, string])[] = [
  [() => {}, "message is a function"],
  [Symbol("s"), "message is a symbol"],
  [
    { user: { socket: new Store() } },
    "message.user.socket is an instance of Store",
  ],
  [{ list: [1, [() => {}]] }, "message.list[1][0] is a function"],
  [{ "odd key": Symbol() }, 'message["odd key"] is a symbol'],
  [new Map([["k", () => {}]]), 'message.get("k") is a function'],
  [new Map([[() => {}, 1]]), "message.keys() is a function"],
  [new Set([() => {}]), "message.values() is a function"],
  [
    Object.assign(new Error("e"), { cause: () => {} }),
    "message.cause is a function",
  ],
  [gaps, "message is an array with gaps"],
  [
    Object.assign([1], { more: 1 }),
    "message is an array with gaps, or with other keys",
  ],
  [{ at: new URL("http://a") }, "message.at is an instance of URL"],
  [/a/, "message is an instance of RegExp"],
  [Promise.resolve(), "message is an instance of Promise"],
  [new SharedArrayBuffer(1), "message is an instance of SharedArrayBuffer"],
  [new Number(1), "message is an instance of Number"],
  [new WeakMap(), "message is an instance of WeakMap"],
];

for (const [value, what] of REFUSED) {
  Deno.test(`what cannot travel is named: ${what}`, () => {
    throws(() => pack(value), (error: Error) => {
      ok(error instanceof TypeError);
      ok(
        error.message.startsWith(`Cannot post a message: ${what}`),
        error.message,
      );
      return true;
    });
    const { longest } = CONFIG_PACKING;
    strictEqual(longest, Infinity);
    throws(() => packValue({ value }, CONFIG_PACKING), {
      name: "TypeError",
      message: /^Cannot configure handlers: config\.value/,
    });
  });
}

Deno.test("a message has limits, and a configuration none", () => {
  const tooLong = "x".repeat(LONGEST_MESSAGE);
  throws(() => pack(tooLong), {
    name: "RangeError",
    message: /more than 131072 bytes/,
  });
  throws(() => pack([tooLong.slice(9), tooLong]), RangeError);
  throws(() => pack(new Uint8Array(LONGEST_MESSAGE)), RangeError);
  const longest = "x".repeat(LONGEST_MESSAGE - 4);
  strictEqual(pack(longest).length, LONGEST_MESSAGE);
  strictEqual(travel(longest), longest);
  const many = Array.from({ length: MOST_OBJECTS }, () => []);
  throws(() => pack(many), { message: /more than 16384 objects/ });
  strictEqual((travel(many.slice(1)) as unknown[]).length, MOST_OBJECTS - 1);
  const config = { tooLong, many };
  deepStrictEqual(unpackConfig(packValue(config, CONFIG_PACKING)), config);
});

Deno.test("a value is nested so deep and no deeper", () => {
  let deep: unknown[] = [];
  for (let level = 1; level < DEEPEST; level++) deep = [deep];
  deepStrictEqual(travel(deep), deep);
  throws(() => pack([deep]), {
    name: "RangeError",
    message: /deeper than 200/,
  });
  throws(() => packValue([deep], CONFIG_PACKING), RangeError);
});

Deno.test("what arrives frozen is frozen all through", () => {
  const value = { list: [{ a: 1 }], map: new Map([["k", { b: 2 }]]) };
  const frozen = unpackMessage(pack(value), true) as typeof value;
  for (
    const object of [frozen, frozen.list, frozen.list[0], frozen.map.get("k")]
  ) ok(Object.isFrozen(object));
  ok(!Object.isFrozen(travel(value)));
});

Deno.test("a getter that packs another value meanwhile harms nothing", () => {
  const value = {
    a: "before".repeat(300),
    get b() {
      return pack("inner".repeat(400)).length;
    },
    c: "after",
  };
  deepStrictEqual(travel(value), { ...value });
});

Deno.test("what a getter throws is thrown, and the next value is packed", () => {
  throws(() =>
    pack({
      get broken() {
        throw new SyntaxError("broken");
      },
    }), SyntaxError);
  deepStrictEqual(travel([1]), [1]);
});

/** Bytes that nothing packs. */
const FORGED: Readonly<Record<string, readonly number[]>> = {
  "nothing": [],
  "an unknown kind": [99],
  "a text that is cut": [Kind.Text, 5, 97],
  "a text that is not UTF-8": [Kind.Text, 1, 0xff],
  "units that are cut": [Kind.Units, 2, 97, 0, 97],
  "bytes behind it": [Kind.Null, Kind.Null],
  "more items than bytes": [Kind.Array, 0xff, 0xff, 0xff, 0xff, 0x0f],
  "more keys than bytes": [Kind.Object, 2, Kind.Text, 0, Kind.Null],
  "a key that is no text": [Kind.Object, 1, Kind.Null, Kind.Null],
  "a count of 33 bits": [Kind.Text, 0xff, 0xff, 0xff, 0xff, 0x1f],
  "a count without end": [Kind.Text, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
  "one again that never came": [Kind.Again, 0],
  "a class of bytes that is none": [Kind.Bytes, 14, 0],
  "half an element": [Kind.Bytes, 4, 1, 0],
  "digits that are none": [Kind.BigInt, Kind.Text, 1, 0x67],
  "a number that is cut": [Kind.Number, 0, 0],
  "an error without a message": [Kind.Error, Kind.Text, 0, Kind.Null],
  "a circle of depth": Array(LONGEST_MESSAGE / 2).fill([Kind.Array, 1]).flat(),
  "too many objects": [
    ...[Kind.Array, 0x81, 0x80, 0x01],
    ...Array(MOST_OBJECTS + 1).fill([Kind.Set, 0]).flat(),
  ],
};

for (const [what, bytes] of Object.entries(FORGED)) {
  Deno.test(`forged bytes are refused: ${what}`, () => {
    throws(() => unpackMessage(Uint8Array.from(bytes), false), {
      name: "ProtocolError",
      message: /^Cannot read a message: /,
    });
  });
}
