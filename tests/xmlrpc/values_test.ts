import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  decodeXMLRPCCall,
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  encodeXMLRPCResponse,
  XMLRPCDouble,
  XMLRPCFault,
  type XMLRPCOptions,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { Child } from "../_program.ts";

const there = (value: unknown, options?: XMLRPCOptions) =>
  decodeXMLRPCResponse(encodeXMLRPCResponse(value, options), options);

/** The value inside of `<value>`, as it is read. */
const read = (inner: string, options?: XMLRPCOptions) =>
  decodeXMLRPCCall(
    `<methodCall><methodName>m</methodName><params><param><value>${inner}</value></param></params></methodCall>`,
    options,
  ).params[0];

/** The value as it is written, without what is around it. */
const written = (value: unknown, options?: XMLRPCOptions) =>
  /<param>(.*)<\/param>/s.exec(encodeXMLRPCCall("m", [value], options))?.[1];

const SAME: Record<string, XMLRPCValue> = {
  zero: 0,
  "the largest int": 2 ** 31 - 1,
  "the smallest int": -(2 ** 31),
  "more than an int": 2 ** 31,
  "less than an int": -(2 ** 31) - 1,
  "a fraction": 7283.43,
  "minus zero": -0,
  "the largest double": Number.MAX_VALUE,
  "the smallest double": Number.MIN_VALUE,
  "a negative, small double": -1.25e-7,
  "a negative, large double": -1.2345e25,
  "the largest i8": 2n ** 63n - 1n,
  "the smallest i8": -(2n ** 63n),
  true: true,
  false: false,
  "an empty string": "",
  "white space": " \t\n ",
  "line endings": "\r\n\r\n\r",
  "what XML escapes": "a&b<c>d]]>\"'&amp;&#65;",
  "other scripts": "Ελληνικά 中文 العربية",
  "surrogate pairs": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧",
  "U+0085, U+2028 and the last of the plane": "\x85\u2028\ufffd\u{10ffff}",
  "a date and time": new Temporal.PlainDateTime(2005, 2, 10, 11, 41, 23),
  "the first year": new Temporal.PlainDateTime(0, 1, 1),
  "the last year": new Temporal.PlainDateTime(9999, 12, 31, 23, 59, 59),
  "a leap day": new Temporal.PlainDateTime(2024, 2, 29),
  bytes: new Uint8Array([0, 1, 2, 253, 254, 255]),
  "no bytes": new Uint8Array(0),
  "an empty array": [],
  "an array of everything": [1, 1.5, 5n, "x", true, [[]], {}],
  "an empty struct": {},
  "a struct": { a: 1, "": 2, "<&>": [3], "clé": { d: "4" } },
};

for (const [name, value] of Object.entries(SAME)) {
  Deno.test(`what is written is read again: ${name}`, () => {
    // deepStrictEqual does not look into a PlainDateTime.
    deepStrictEqual(shown(there(value)), shown(value));
    deepStrictEqual(
      decodeXMLRPCCall(encodeXMLRPCCall("a.b", [value, value])),
      { method: "a.b", params: [value, value] },
    );
  });
}

const shown = (value: XMLRPCValue) =>
  value instanceof Temporal.PlainDateTime ? value.toString() : value;

Deno.test("members named like those of Object.prototype are members", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const struct = Object.fromEntries(names.map((name) => [name, { x: 1 }]));
  const again = there(struct) as Record<string, unknown>;
  deepStrictEqual(Object.keys(again), names);
  strictEqual(Object.getPrototypeOf(again), Object.prototype);
  strictEqual(Object.hasOwn(Object.prototype, "x"), false);
  strictEqual((again as { x?: unknown }).x, undefined);
});

Deno.test("no member becomes a prototype, where Deno lets that be assigned", async () => {
  const call = encodeXMLRPCCall("m", [
    JSON.parse('{"__proto__":{"admin":true}}'),
  ]);
  await using child = new Child(Deno.execPath(), [
    ...["eval", "--unstable-unsafe-proto"],
    `import { decodeXMLRPCCall } from ${JSON.stringify(MODULE)};
    const { params: [struct] } = decodeXMLRPCCall(${JSON.stringify(call)});
    console.log(struct.admin, Object.keys(struct).join());`,
  ]);
  const { stdout, stderr } = await child.output();
  strictEqual(stderr, "");
  strictEqual(new TextDecoder().decode(stdout), "undefined __proto__\n");
});

const MODULE = import.meta.resolve("../../handlers/xmlrpc/xmlrpc_messages.ts");

Deno.test("values are written in the forms of the specification", () => {
  const forms: [unknown, string][] = [
    [42, "<int>42</int>"],
    [2 ** 31, "<double>2147483648.0</double>"],
    [new XMLRPCDouble(2), "<double>2.0</double>"],
    [-0, "<double>-0.0</double>"],
    [1e-7, "<double>0.0000001</double>"],
    [-1.5e21, "<double>-1500000000000000000000.0</double>"],
    [true, "<boolean>1</boolean>"],
    ["<&>\r", "<string>&lt;&amp;&gt;&#13;</string>"],
    [new Uint8Array([255]), "<base64>/w==</base64>"],
    [new Uint8Array([255]).buffer, "<base64>/w==</base64>"],
    [7n, "<i8>7</i8>"],
    [
      new Date(Date.UTC(1998, 6, 17, 14, 8, 55, 999)),
      "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
    ],
    [
      { a: undefined, b: [false] },
      "<struct><member><name>b</name><value><array><data><value><boolean>0</boolean></value></data></array></value></member></struct>",
    ],
    [
      Object.assign(Object.create(null), { a: 1 }),
      "<struct><member><name>a</name><value><int>1</int></value></member></struct>",
    ],
  ];
  for (const [value, form] of forms) {
    strictEqual(written(value), `<value>${form}</value>`);
  }
});

Deno.test("nil is read and written where it is allowed, and nowhere else", () => {
  const allowNil = { allowNil: true };
  deepStrictEqual(there([null, { a: null }], allowNil), [null, { a: null }]);
  strictEqual(there(undefined, allowNil), null);
  strictEqual(read("<ex:nil/>", allowNil), null);
  throws(() => written(null), {
    name: "TypeError",
    message:
      "Cannot write value: XML-RPC itself has no null; return something, or set allowNil",
  });
  throws(() => read("<nil/>"), { faultCode: -32600 });
  throws(() => read("<nil>0</nil>", allowNil), { faultCode: -32600 });
});

Deno.test("other ways to write a value are read", () => {
  const forms: [string, XMLRPCValue][] = [
    ["string", "string"],
    ["", ""],
    [" ", " "],
    ["<string/>", ""],
    ["\n <int>1</int>\n ", 1],
    ["<i4>+007</i4>", 7],
    ["<int>-0</int>", 0],
    ["<i1>-128</i1>", -128],
    ["<i2>20561</i2>", 20561],
    ["<ex:i8>9876543210</ex:i8>", 9876543210n],
    ["<biginteger>98765432100123456789</biginteger>", 98765432100123456789n],
    ["<float>93.78125</float>", 93.78125],
    ["<double>+.5</double>", 0.5],
    ["<double>5.</double>", 5],
    ["<double>-1E-3</double>", -0.001],
    ["<base64>AGJ5dGU\n gc3Rya\tW5n/w==</base64>", SAMPLE],
    ["<base64></base64>", new Uint8Array(0)],
    ["a<!-- b --><![CDATA[<c>&d;]]><?e f?>g", "a<c>&d;g"],
    ["<string>&#x1F600;&#128512;&quot;&apos;&#0065;</string>", "😀😀\"'A"],
    ["<array>\n<data>\n<value>1</value>\n</data>\n</array>", ["1"]],
    [
      "<struct>\n<member>\n<name> a </name>\n<value/>\n</member>\n</struct>",
      { " a ": "" },
    ],
    ['<int a="1" b=\'&lt;"\'>1</int >', 1],
    ["a\r\nb\rc", "a\nb\nc"],
  ];
  for (const [inner, value] of forms) deepStrictEqual(read(inner), value);
  strictEqual(
    `${read("<dateTime.iso8601>1998-07-17T14:08:55</dateTime.iso8601>")}`,
    "1998-07-17T14:08:55",
  );
});

const SAMPLE = new Uint8Array([
  ...[0, 0x62, 0x79, 0x74, 0x65, 0x20],
  ...[0x73, 0x74, 0x72, 0x69, 0x6e, 0x67, 0xff],
]);

Deno.test("what has no value of its type is refused", () => {
  const wrong: Record<string, string[]> = {
    int: ["", " 1", "1 ", "1.0", "0x1", "1e3", "2147483648", "-2147483649"],
    i1: ["128", "-129"],
    i2: ["32768"],
    i8: ["9223372036854775808", "1.0", ""],
    biginteger: ["1".repeat(5000), "--1"],
    boolean: ["", "2", "true", " 1"],
    double: [
      "",
      ".",
      "1,5",
      "NaN",
      "nan",
      "Infinity",
      "inf",
      "1e999",
      "1e",
      "1".repeat(100_000) + "x",
    ],
    "dateTime.iso8601": [
      ...["", "now", "19980717", "19980717T14:08", "19980717T14:08:55Z"],
      ...["19980717T14:08:55+02:00", "19981317T14:08:55", "19980231T00:00:00"],
      ...["19980717T24:00:00", "19980717T14:60:00", "19980717T14:08:60"],
      " 19980717T14:08:55 ",
      ...["1998-0717T14:08:55", "19980717 14:08:55"],
    ],
    base64: ["A", "AA", "AA=", "AB==", "A-_=", "AAAA=", "ü==="],
    spam: [""],
    bigdecimal: ["1.5"],
    Int: ["1"],
  };
  for (const [type, texts] of Object.entries(wrong)) {
    for (const text of texts) {
      throws(
        () => read(`<${type}>${text}</${type}>`),
        { name: "XMLRPCFault", faultCode: -32600 },
        `${type} ${text}`,
      );
    }
  }
});

Deno.test("what has no form in XML-RPC is refused, with its place", () => {
  const refused: [unknown, string, RegExp][] = [
    [{ a: [1, undefined] }, "TypeError", /at \["a"\]\[1\]: XML-RPC itself/],
    [[() => 1], "TypeError", /at \[0\]: XML-RPC has no function$/],
    [Symbol("x"), "TypeError", /: XML-RPC has no symbol$/],
    [new Map(), "TypeError", /has no Map; make a plain object of it$/],
    [
      new class Point {
        x = 100;
      }(),
      "TypeError",
      /has no Point; make a plain object of it$/,
    ],
    [new XMLRPCFault(42, "x"), "TypeError", /has no XMLRPCFault; make/],
    [new Date(NaN), "RangeError", /invalid Date$/],
    [new Date(Date.UTC(10000, 0)), "RangeError", /year 10000/],
    [NaN, "RangeError", /no infinity and no NaN$/],
    [[-Infinity], "RangeError", /at \[0\]: /],
    [2n ** 63n, "RangeError", /9223372036854775808 does not have 64 bits$/],
    ["\0", "TypeError", /XML has no character U\+0000; send a Uint8Array/],
    ["a\x1b", "TypeError", /U\+001B/],
    ["\uffff", "TypeError", /U\+FFFF/],
    ["\ud800", "TypeError", /lone surrogate$/],
    [{ "\b": 1 }, "TypeError", /at \["\\b"\]: XML has no character U\+0008/],
  ];
  for (const [value, name, message] of refused) {
    throws(() => written(value), { name, message });
  }
});

Deno.test("what contains itself is refused, what is there twice is not", () => {
  const array: unknown[] = [1];
  array.push({ a: array });
  throws(() => written(array), {
    name: "TypeError",
    message: 'Cannot write value at [1]["a"]: it contains itself',
  });
  const twice = [1];
  deepStrictEqual(there([twice, twice]), [[1], [1]]);
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { v: value };
  return value;
}

Deno.test("2,048 arrays and structs may be inside one another, and no more", () => {
  const deepest = there(nested(2048));
  let depth = 0;
  for (let value = deepest; typeof value === "object"; depth++) {
    value = Object.values(value as object)[0];
  }
  strictEqual(depth, 2048);
  throws(() => written(nested(2049)), {
    name: "RangeError",
    message: /more than 2048 arrays and structs are inside one another$/,
  });
  const deeper = encodeXMLRPCResponse(nested(2050), { maxDepth: 3000 });
  throws(() => decodeXMLRPCResponse(deeper), {
    name: "SyntaxError",
    message: /elements are inside one another$/,
  });
});

Deno.test("a million arrays inside one another are a fault and an error", () => {
  const million = 1_000_000;
  throws(
    () =>
      read(
        "<array><data><value>".repeat(million) +
          "</value></data></array>".repeat(million),
      ),
    { name: "XMLRPCFault", faultCode: -32700 },
  );
  throws(() => read("<a>".repeat(million)), { faultCode: -32700 });
  throws(() => written(nested(million)), { name: "RangeError" });
});

Deno.test("strings of 10 MB and 100,000 values take linear time", () => {
  for (const unit of ["&", "\r", "𝔘"]) {
    const text = unit.repeat(10_000_000 / unit.length);
    requireLinear(text.slice(0, 100_000), text);
  }
  const values = Array.from({ length: 100_000 }, (_, i) => ({ i, s: `n${i}` }));
  requireLinear(values.slice(0, 1000), values);
});

const UNLIMITED = { maxSize: Infinity, maxValues: Infinity };

/** What grows with the square takes 10,000 times as long for 100 times as much. */
function requireLinear(little: XMLRPCValue, much: XMLRPCValue): void {
  const fast = Math.max(
    1,
    time(() => there(little, UNLIMITED)),
    time(() => there(little, UNLIMITED)),
  );
  const slow = time(() => there(much, UNLIMITED));
  ok(slow < 1000 * fast, `${slow} ms after ${fast} ms`);
}

function time(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

Deno.test("decodeXMLRPCResponse() throws the server's fault", () => {
  const xml = encodeXMLRPCResponse(new XMLRPCFault(42, "Test <Fault>\0"));
  throws(() => decodeXMLRPCResponse(xml), {
    name: "XMLRPCFault",
    faultCode: 42,
    faultString: "Test <Fault>\ufffd",
    message: "Test <Fault>\ufffd",
  });
});

Deno.test("decodeXMLRPCResponse() throws SyntaxError for what is no response", () => {
  const value = "<value><int>1</int></value>";
  for (
    const xml of [
      "",
      "<html></html>",
      "<methodResponse/>",
      "<methodResponse><params/></methodResponse>",
      `<methodResponse><params><param>${value}</param><param>${value}</param></params></methodResponse>`,
      `<methodResponse><fault>${value}</fault></methodResponse>`,
      `<methodResponse><fault><value/></fault><params/></methodResponse>`,
      encodeXMLRPCCall("m", []),
    ]
  ) {
    throws(() => decodeXMLRPCResponse(xml), { name: "SyntaxError" }, xml);
  }
});

Deno.test("XMLRPCFault takes no code that XML-RPC could not carry", () => {
  for (const code of [1.5, NaN, 2 ** 31]) {
    throws(() => new XMLRPCFault(code, ""), { name: "RangeError" });
  }
});

Deno.test("maxDepth must be a positive integer", () => {
  for (const maxDepth of [0, -1, 1.5, NaN, Infinity]) {
    throws(() => encodeXMLRPCCall("m", [], { maxDepth }), {
      name: "RangeError",
    });
  }
});
