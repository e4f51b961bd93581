import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { IncompleteReadError } from "../../../mod.ts";
import { packError, unpackError } from "../../../server/_bridge/errors.ts";
import { MAX_CONTROL, ProtocolError } from "../../../server/_bridge/frames.ts";
import { Random } from "./_random.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** What arrives of what was thrown. */
// deno-lint-ignore no-explicit-any -- it may be anything.
const sent = (thrown: unknown): any => unpackError(packError(thrown, 7)).error;

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
  const values = [Symbol("s"), () => {}, new Map()];
  for (const thrown of [...values, proxy, hostile, symbolic, circular]) {
    ok(sent(thrown) instanceof Error);
  }
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
  strictEqual((unpackError(encode(odd)).error as Error).name, "Error");
  const inherited = '{"error":{"message":"m","name":"__proto__"}}';
  strictEqual((unpackError(encode(inherited)).error as Error).message, "m");
});

Deno.test("what is thrown and is no error arrives as it is", () => {
  const values = [
    ...[
      undefined,
      null,
      true,
      "text",
      "",
      0,
      1.5,
      -0,
      NaN,
      Infinity,
      -Infinity,
    ],
    ...[12n, {}, [], { status: 404, list: [1, "two", null, undefined] }],
    new Uint8Array([1, 2, 255]),
  ];
  for (const value of values) deepStrictEqual(sent(value), value);
});

Deno.test("both errors of a handler that fails twice arrive", () => {
  const first = new TypeError("first");
  const second = new Deno.errors.NotFound("second");
  const arrived = sent(new SuppressedError(second, first, "both"));
  ok(arrived instanceof SuppressedError);
  strictEqual(arrived.message, "both");
  ok(arrived.error instanceof Deno.errors.NotFound);
  ok(arrived.suppressed instanceof TypeError);
  deepStrictEqual(
    [arrived.error.message, arrived.suppressed.message],
    ["second", "first"],
  );
  deepStrictEqual(sent(new SuppressedError(undefined, 1)).suppressed, 1);
});

Deno.test("the errors of an AggregateError arrive, and theirs", () => {
  const inner = new AggregateError([new RangeError("deep")], "inner");
  const arrived = sent(new AggregateError([inner, "text", undefined], "all"));
  ok(arrived instanceof AggregateError);
  strictEqual(arrived.errors.length, 3);
  ok(arrived.errors[0].errors[0] instanceof RangeError);
  deepStrictEqual(arrived.errors.slice(1), ["text", undefined]);
  strictEqual(Object.keys(arrived).includes("errors"), false);
});

Deno.test("properties of an error's own arrive, whether they are enumerable or not", () => {
  const thrown = Object.assign(new Error("m"), { status: 503, retry: [1, 2] });
  Object.defineProperty(thrown, "hidden", { value: "h" });
  const arrived = sent(thrown);
  deepStrictEqual(
    [arrived.status, arrived.retry, arrived.hidden],
    [503, [1, 2], "h"],
  );
  deepStrictEqual(Object.keys(arrived), ["status", "retry"]);
});

Deno.test("an error of a subclass is one of the class that it extends", () => {
  class Refused extends Deno.errors.PermissionDenied {
    override name = "Refused";
  }
  const arrived = sent(new Refused("no"));
  ok(arrived instanceof Deno.errors.PermissionDenied);
  deepStrictEqual([arrived.name, arrived.message], ["Refused", "no"]);
});

Deno.test("an error of a stream arrives with what was read", () => {
  const thrown = new IncompleteReadError("end", new Uint8Array([7, 8]), 10);
  const arrived = sent(thrown);
  ok(arrived instanceof IncompleteReadError);
  deepStrictEqual([...arrived.partial], [7, 8]);
  strictEqual(arrived.expected, 10);
});

Deno.test("any DOMException arrives with its name, code and properties", () => {
  const thrown = Object.assign(new DOMException("full", "QuotaExceededError"), {
    quota: 5,
  });
  const arrived = sent(thrown);
  ok(arrived instanceof DOMException);
  deepStrictEqual(
    [arrived.name, arrived.code, (arrived as typeof thrown).quota],
    ["QuotaExceededError", 22, 5],
  );
});

Deno.test("a circle of errors arrives as a circle", () => {
  const outer = new Error("outer");
  const inner = new Error("inner", { cause: outer });
  outer.cause = inner;
  const arrived = sent(new AggregateError([outer, inner], "both"));
  strictEqual(arrived.errors[0].cause, arrived.errors[1]);
  strictEqual(arrived.errors[1].cause, arrived.errors[0]);
});

Deno.test("errors without end are cut to what fits", () => {
  const wide = () =>
    new AggregateError(Array.from({ length: 1_000 }, () => new Error("x")));
  let deep: unknown = "end";
  for (let i = 0; i < 1_000; i++) deep = new Error(`${i}`, { cause: deep });
  const tree = new AggregateError([wide(), wide(), deep], "tree");
  const packed = packError(tree);
  ok(packed.length <= MAX_CONTROL, `${packed.length} bytes`);
  ok(sent(tree).errors[0].errors.length > 10);
});

Deno.test("what is unpacked changes no class and calls no setter", () => {
  const payload = {
    message: "m",
    properties: [["__proto__", 1, { kind: "object", properties: [] }]],
  };
  const { error } = unpackError(encode(JSON.stringify({ error: payload })));
  ok(error instanceof Error);
  strictEqual(Object.getPrototypeOf(error), Error.prototype);
});

Deno.test("unpackError() refuses values that are none", () => {
  const bad: unknown[] = [
    { kind: "value", value: {} },
    { kind: "number" },
    { kind: "bigint", value: "x" },
    { kind: "bytes", value: "x" },
    { kind: "array" },
    { kind: "object", properties: [1] },
    { kind: "object", properties: [[1, 1, { kind: "undefined" }]] },
    { kind: "object", properties: [["a", 1]] },
    { kind: "unknown" },
    { message: "m", properties: "x" },
  ];
  for (const error of bad) {
    const payload = JSON.stringify({ error });
    throws(() => unpackError(encode(payload)), ProtocolError, payload);
  }
});
