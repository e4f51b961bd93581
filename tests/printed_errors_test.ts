// What is printed for want of anybody to tell may hold bytes that peers have sent.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { inspectBounded, nameBounded } from "../handlers/_inspect_bounded.ts";
import { printThrown } from "../handlers/_print_thrown.ts";
import { StreamRequestHandler, TCPServer } from "../mod.ts";
import { packError, unpackError } from "../server/_bridge/errors.ts";
import { printError } from "../server/_core/reporter.ts";
import { Dispatcher, Socket } from "../poll/mod.ts";
import { XMLRPCDispatcher } from "../server/xmlrpc/mod.ts";
import { serveForTest } from "../server/testing/mod.ts";
import "./poll/_open_libc.ts";
import { ask } from "./_loopback.ts";

const LOOPBACK_ADDRESS: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};

/** Throws an error, and then, as it ends, what is no error. */
class FailingTwice extends StreamRequestHandler {
  override handle() {
    throw new Error("handle");
  }
  override finish() {
    throw list();
  }
}

const HOSTILE = "\x1b]0;title\x07 \u202e";

/** Escapes of the same characters, as either part of the module writes them. */
const ESCAPED = /\\(x|u\{)1b\}?\]0;title\\(x0|u\{)7\}? \\u\{202e\}/;

/** What is printed to stderr meanwhile. */
async function printedBy(run: () => unknown): Promise<string[]> {
  const printed: string[] = [];
  const { error } = console;
  console.error = (...args) => void printed.push(args.join(" "));
  try {
    await run();
  } finally {
    console.error = error;
  }
  return printed;
}

/** For each text, whether it has the characters escaped, and none raw. */
const areEscaped = (texts: readonly string[]) =>
  texts.map((text) => ESCAPED.test(text) && !/[^\P{C}\n\t]/u.test(text));

Deno.test("control characters are escaped in what a handleError that fails leaves", async () => {
  class Careless extends TCPServer {
    override handleError(error: unknown) {
      throw new Error("again", { cause: error });
    }
  }
  const printed = await printedBy(async () => {
    await using served = await serveForTest(
      () => {
        throw new Error(HOSTILE);
      },
      { server: Careless },
    );
    await ask(served.addr);
    await served.untilErrors();
  });
  deepStrictEqual(areEscaped(printed), [true]);
});

Deno.test("control characters are escaped in what an onFault that fails leaves", async () => {
  const dispatcher = new XMLRPCDispatcher({
    onFault: (error) => {
      throw error;
    },
  });
  dispatcher.registerFunction(() => {
    throw new Error(HOSTILE);
  }, { name: "fail" });
  const printed = await printedBy(() =>
    dispatcher.marshaledDispatch(
      "<methodCall><methodName>fail</methodName></methodCall>",
    )
  );
  deepStrictEqual(areEscaped(printed), [true]);
});

Deno.test({
  name: "control characters are escaped in what a Dispatcher prints",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using socket = new Socket();
    const printed = await printedBy(() => {
      const dispatcher = new Dispatcher(socket, new Map());
      dispatcher.handleError(new Error(HOSTILE));
    });
    deepStrictEqual(areEscaped(printed), [true]);
  },
});

Deno.test("what cannot be printed is told without it", async () => {
  const unprintable = {
    [Symbol.for("nodejs.util.inspect.custom")]() {
      throw new Error("cannot be looked at");
    },
  };
  deepStrictEqual(
    await printedBy(() => {
      printThrown(["hook failed", unprintable]);
      printThrown(["hook failed", `text ${"\x07"}`]);
    }),
    [
      "hook failed: something that cannot be printed",
      "hook failed: text \\x07",
    ],
  );
});

/** More than this, in characters, is printed of nothing that was thrown. */
const MOST_PRINTED = 70_000;

/** What holds the same value 12 times, and so on: printed whole it is 250,000 texts. */
function nested<Value>(inner: Value, around: (inner: Value) => Value): Value {
  for (let depth = 0; depth < 14; depth++) inner = around(inner);
  return inner;
}

const TWELVE = Array.from({ length: 12 }, (_, index) => `of it ${index}`);

const list = () =>
  nested<unknown>("a text", (inner) => TWELVE.map(() => inner));

const SHARED: Readonly<Record<string, () => unknown>> = {
  "a list in the same list": () =>
    Object.assign(new Error("held"), { list: list() }),
  "an object in the same object": () =>
    nested<unknown>(
      {},
      (inner) => Object.fromEntries(TWELVE.map((key) => [key, inner])),
    ),
  "a Map in the same Map": () =>
    nested<unknown>(1, (inner) => new Map(TWELVE.map((key) => [key, inner]))),
  "a Set in the same list": () =>
    nested<unknown>(1, (inner) => TWELVE.map(() => new Set([inner]))),
  "an error that is the cause and each property of the same": () =>
    nested(new Error("held"), (cause) =>
      Object.assign(
        new Error("held", { cause }),
        Object.fromEntries(TWELVE.map((key) => [key, cause])),
      )),
  "an AggregateError of the same": () =>
    nested(
      new Error("held"),
      (inner) => new AggregateError(TWELVE.map(() => inner), "held"),
    ),
};

for (const [what, make] of Object.entries(SHARED)) {
  Deno.test(`${what} is printed in part, however often it is held`, async () => {
    const thrown = make();
    const arrived = unpackError(packError(thrown)).error;
    const printed = await printedBy(() => {
      printThrown(["hook failed", thrown]);
      printError(thrown, LOOPBACK_ADDRESS, undefined);
      printError(arrived, LOOPBACK_ADDRESS, undefined);
    });
    strictEqual(printed.length, 3);
    for (const text of printed) {
      ok(text.length < MOST_PRINTED, `${text.length} characters`);
      if (thrown instanceof Error) match(text, /Error(: held)?\n +at /);
    }
  });
}

Deno.test("what would be looked into without an end is printed without it", () => {
  const named = (name: string) =>
    Object.defineProperty(new Error("held"), name, { value: list() });
  const thrown: readonly [unknown, RegExp][] = [
    [named("stack"), /^Error: held\n.*too large/],
    [named("name"), /held\n.*too large/],
    [named("message"), /^Error: .*\n.*too large/],
    [new Error("held", { cause: named("name") }), /^Error: held\n/],
    [
      Object.assign(new Error("held"), { inner: new Proxy([list()], {}) }),
      /held/,
    ],
    [
      Object.assign(new Error("held"), { inner: Promise.resolve(list()) }),
      /held/,
    ],
    [new Proxy([list()], {}), /a Proxy/],
    [Array.from({ length: 1 }, list), /\[Array\]/],
    [Object.assign([], { 1_000_000: list() }), /\[Array\]/],
  ];
  for (const [each, expected] of thrown) {
    const text = inspectBounded(each);
    ok(text.length < MOST_PRINTED, `${text.length} characters`);
    match(text, expected);
  }
});

Deno.test("a text of any length is printed to a length, and what it had is said", async () => {
  const error = new Error("m".repeat(1_000_000));
  const printed = await printedBy(() => {
    printThrown(["failed", error], ["text", "t".repeat(1_000_000)]);
    printError(error, LOOPBACK_ADDRESS, undefined);
    printError(new DOMException(error.message), LOOPBACK_ADDRESS, undefined);
  });
  for (const text of printed) {
    ok(text.length < 3 * MOST_PRINTED, `${text.length} characters`);
    match(text, /\(cut, it had 1000\d\d\d characters\)/);
  }
  ok(nameBounded(error).length < MOST_PRINTED);
});

Deno.test("a client that went before it was accepted takes no line, and one that went later takes one", async () => {
  const gone = new Deno.errors.NotConnected(
    "Transport endpoint (os error 107)",
  );
  const printed = await printedBy(() => {
    printError(gone, LOOPBACK_ADDRESS, undefined);
    printError(gone, LOOPBACK_ADDRESS, LOOPBACK_ADDRESS);
    printError(new Error("accept"), LOOPBACK_ADDRESS, undefined);
  });
  strictEqual(printed.length, 2);
  match(printed[0]!, /^Error while serving 127\.0\.0\.1:1: NotConnected: .*$/);
  match(printed[1]!, /^Error on 127\.0\.0\.1:1: Error: accept\n/);
});

Deno.test("what is usually thrown is printed as Deno prints it", () => {
  class OwnError extends Error {
    override readonly name = "OwnError";
    readonly code = 5;
  }
  const circular: Error & { self?: Error } = new Error("circular");
  circular.self = circular;
  circular.cause = circular;
  const held = {
    list: [1, "two", { three: [4, [5, [6, [7]]]] }],
    map: new Map([[{ key: 1 }, new Set("abc")]]),
    bytes: new Uint8Array(100_000),
    many: Array(10_000).fill(0),
    sparse: Object.assign([], { 9_000: 1 }),
    when: new Date(0),
    pattern: /x/,
    method() {},
    url: new URL("http://localhost/"),
    request: new Request("http://localhost/"),
    [Symbol("symbol")]: 1n,
    get getter(): never {
      throw new Error("run");
    },
  };
  const values = [
    new Error("plain"),
    new TypeError("with", { cause: new Error("causes", { cause: "text" }) }),
    new AggregateError([new Error("one"), new OwnError("two")], "many"),
    new SuppressedError(new Error("later"), new Error("earlier"), "both"),
    new DOMException("late", "TimeoutError"),
    Object.defineProperties(
      new Deno.errors.NotFound("no file"),
      Object.getOwnPropertyDescriptors(held),
    ),
    new OwnError("own"),
    circular,
    Array.from({ length: 100 }, (_, id) => ({ id, tags: ["a", "b"] })),
    "ab".match(/b/),
    Object.create(null),
    Object.setPrototypeOf(new Error("of no class"), null),
    ...[undefined, null, "text", 1, -0, 1n, Symbol("s"), () => {}],
  ];
  for (const value of values) {
    strictEqual(inspectBounded(value), Deno.inspect(value));
  }
});

Deno.test("an error of a cleanup that is a list of lists is told with the handler's", async () => {
  await using served = await serveForTest(FailingTwice);
  await ask(served.addr);
  const [error] = await served.untilErrors();
  ok(error instanceof SuppressedError);
  match(error.message, /failed after its handler did: \[\n/);
  ok(error.message.length < MOST_PRINTED);
});

Deno.test("poll/ prints what was thrown as handlers/ do", async () => {
  const [one, other] = await Promise.all(
    ["handlers", "poll"].map((folder) =>
      Deno.readTextFile(
        new URL(`../${folder}/_inspect_bounded.ts`, import.meta.url),
      )
    ),
  );
  strictEqual(one, other);
});
