import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  decodeXMLRPCCall,
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  encodeXMLRPCResponse,
  MultiPathXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  XMLRPCDispatcher,
  type XMLRPCDispatcherOptions,
  type XMLRPCOptions,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { LOOPBACK } from "../_loopback.ts";

const valueCall = (value: string) =>
  `<methodCall><methodName>same</methodName><params><param><value>${value}</value></param></params></methodCall>`;
const arrayOf = (items: string) => `<array><data>${items}</data></array>`;
const calls = (count: number, methodName: string, params: unknown[] = []) =>
  Array<unknown>(count).fill({ methodName, params }) as XMLRPCValue[];

function dispatcherOf(options?: XMLRPCDispatcherOptions) {
  const dispatcher = new XMLRPCDispatcher(options);
  let called = 0;
  dispatcher.registerMulticallFunctions();
  dispatcher.registerFunction((x: unknown) => {
    called++;
    return x;
  }, { name: "same" });
  return { dispatcher, called: () => called };
}

/** What a document is answered with: a value, or the code of a fault. */
async function answer(
  dispatcher: XMLRPCDispatcher,
  xml: string,
): Promise<unknown> {
  const answered = await dispatcher.marshaledDispatch(xml);
  try {
    return decodeXMLRPCResponse(answered, { maxSize: Infinity });
  } catch (error) {
    return (error as { faultCode?: number }).faultCode ?? error;
  }
}

Deno.test("a call of more values than maxValues is a fault, and calls nothing", async () => {
  const { dispatcher, called } = dispatcherOf({ maxValues: 100 });
  const empty = "<value/>";
  // The array is one itself.
  const most = await answer(dispatcher, valueCall(arrayOf(empty.repeat(99))));
  strictEqual((most as unknown[]).length, 99);
  strictEqual(called(), 1);
  const tooMany = [
    valueCall(arrayOf(empty.repeat(100))),
    valueCall(
      `<struct>${
        Array.from(
          { length: 100 },
          (_, i) => `<member><name>${i}</name>${empty}</member>`,
        ).join("")
      }</struct>`,
    ),
    `<methodCall><methodName>same</methodName><params>${
      `<param>${empty}</param>`.repeat(101)
    }</params></methodCall>`,
    valueCall(`${arrayOf("<value>").slice(0, -14)}`.repeat(101)),
  ];
  for (const xml of tooMany) {
    strictEqual(await answer(dispatcher, xml), -32700, xml.slice(0, 200));
  }
  strictEqual(called(), 1);
});

Deno.test("100,000 values are read by default, and not one more", () => {
  const xml = (count: number) => valueCall(arrayOf("<value/>".repeat(count)));
  strictEqual(
    (decodeXMLRPCCall(xml(99_999)).params[0] as unknown[]).length,
    99_999,
  );
  throws(() => decodeXMLRPCCall(xml(100_000)), {
    faultCode: -32700,
    message:
      "Cannot read XML-RPC: it has more than 100000 values; raise maxValues to read it",
  });
});

Deno.test("what means nothing is bounded too: elements, attributes, comments", () => {
  const many = 500_000;
  const documents = {
    comments: valueCall("<!---->".repeat(many)),
    instructions: valueCall("<?a?>".repeat(many)),
    sections: valueCall("<![CDATA[]]>".repeat(many)),
    elements: `<a>${"<b/>".repeat(many)}</a>`,
    attributes: valueCall(
      `<int ${Array.from({ length: 101 }, (_, i) => `a${i}=""`).join(" ")}/>`,
    ),
  };
  for (const [name, xml] of Object.entries(documents)) {
    throws(() => decodeXMLRPCCall(xml), { faultCode: -32700 }, name);
  }
});

Deno.test("a document that is longer than maxSize is a fault, as text and as bytes", () => {
  const maxSize = 1_000;
  const xml = valueCall("x".repeat(1_000 - valueCall("").length));
  strictEqual(xml.length, maxSize);
  const options: XMLRPCOptions = { maxSize };
  const bytes = new TextEncoder().encode(xml);
  deepStrictEqual(
    decodeXMLRPCCall(bytes, options),
    decodeXMLRPCCall(xml, options),
  );
  const expected = { faultCode: -32700, message: /longer than maxSize, 1000$/ };
  throws(() => decodeXMLRPCCall(`${xml} `, options), expected);
  const longer = new TextEncoder().encode(`${xml} `);
  throws(() => decodeXMLRPCCall(longer, options), expected);
});

Deno.test("a client reads no answer that would cost too much", () => {
  const xml = encodeXMLRPCResponse(Array(1_000).fill(""));
  for (const limits of [{ maxValues: 1_000 }, { maxSize: 20_000 }]) {
    throws(() => decodeXMLRPCResponse(xml, limits), { name: "SyntaxError" });
  }
  const enough = { maxValues: 1_001, maxSize: xml.length };
  strictEqual((decodeXMLRPCResponse(xml, enough) as unknown[]).length, 1_000);
});

Deno.test("what is written stops at maxSize, whatever it is made of", () => {
  const values: Record<string, unknown> = {
    text: "x".repeat(10_000),
    "characters that are escaped": "&".repeat(2_500),
    "carriage returns": "\r".repeat(2_500),
    bytes: new Uint8Array(8_000),
    items: Array(1_000).fill(""),
    "empty structs": Array(1_000).fill({}),
    members: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [i, 1])),
    "the name of a member": { ["x".repeat(10_000)]: 1 },
    "holes without end": new Array(2 ** 32 - 1),
  };
  const options = { maxSize: 10_000, allowNil: true };
  const expected = {
    name: "RangeError",
    message: /the document would be longer than maxSize, 10000 characters$/,
  };
  for (const [name, value] of Object.entries(values)) {
    throws(() => encodeXMLRPCResponse(value, options), expected, name);
    throws(() => encodeXMLRPCCall("m", [1, value], options), expected, name);
  }
  const halves = ["x".repeat(6_000), "x".repeat(6_000)];
  throws(() => encodeXMLRPCCall("m", halves, options), expected);
});

Deno.test("an answer that would be longer than maxSize is fault -32603", async () => {
  const { dispatcher } = dispatcherOf({ maxSize: 10_000 });
  dispatcher.registerFunction(() => "x".repeat(10_000), { name: "long" });
  // Five times as long as they came.
  const escaped = valueCall("&#38;".repeat(1_900));
  strictEqual(
    await answer(dispatcher, encodeXMLRPCCall("long", [])),
    -32603,
  );
  strictEqual(
    (await answer(dispatcher, escaped) as string).length,
    1_900,
  );
  strictEqual(
    await answer(dispatcher, valueCall(">".repeat(9_000))),
    -32603,
  );
});

Deno.test("a fault that is too long to be told is told as another", async () => {
  const { dispatcher } = dispatcherOf({ maxSize: 10_000 });
  dispatcher.registerFunction(() => {
    throw new Error("x".repeat(100_000));
  }, { name: "long" });
  strictEqual(await answer(dispatcher, encodeXMLRPCCall("long", [])), -32603);
});

Deno.test("a fault repeats no more than a little of a method's name", async () => {
  const { dispatcher } = dispatcherOf();
  const xml = encodeXMLRPCCall(">".repeat(1_000_000), []);
  const answered = await dispatcher.marshaledDispatch(xml);
  match(answered, /there is no such method/);
  ok(answered.length < 2_000);
});

Deno.test("a multicall of more calls than maxCalls is a fault, and calls nothing", async () => {
  const { dispatcher, called } = dispatcherOf();
  const made = await dispatcher.dispatch("system.multicall", [
    calls(1_000, "same", [1]),
  ]) as unknown[];
  strictEqual(made.length, 1_000);
  strictEqual(called(), 1_000);
  const xml = encodeXMLRPCCall("system.multicall", [calls(1_001, "same", [1])]);
  strictEqual(await answer(dispatcher, xml), -32602);
  strictEqual(called(), 1_000);
  const few = dispatcherOf({ maxCalls: 2 });
  const three = encodeXMLRPCCall("system.multicall", [calls(3, "same", [1])]);
  match(
    await few.dispatcher.marshaledDispatch(three),
    /it has 3 calls, and at most 2 are made at once; make more calls of fewer, or raise maxCalls/,
  );
});

Deno.test("the results of a multicall are longer than maxSize by none, and each call is told", async () => {
  const maxSize = 100_000;
  const { dispatcher, called } = dispatcherOf({ maxSize });
  const text = "x".repeat(10_000);
  dispatcher.registerFunction(() => text, { name: "text" });
  const xml = encodeXMLRPCCall("system.multicall", [
    [...calls(20, "text"), ...calls(5, "same", [1])],
  ]);
  const answered = await dispatcher.marshaledDispatch(xml);
  ok(answered.length < maxSize + 200, `${answered.length}`);
  const results = decodeXMLRPCResponse(answered) as XMLRPCValue[];
  strictEqual(results.length, 25);
  deepStrictEqual(results.slice(0, 8), Array(8).fill([text]));
  const refused = results[12] as Record<string, unknown>;
  strictEqual(refused.faultCode, -32603);
  match(
    refused.faultString as string,
    /longer than maxSize, 100000 characters/,
  );
  // What still has room is called.
  deepStrictEqual(results.slice(20), Array(5).fill([1]));
  strictEqual(called(), 5);
});

Deno.test("faults count towards the limit of a multicall's answer", async () => {
  const maxSize = 100_000;
  const { dispatcher } = dispatcherOf({ maxSize });
  dispatcher.registerFunction(() => {
    throw new Error("x".repeat(5_000));
  }, { name: "broken" });
  for (const method of ["broken", "missing".repeat(1_000), ""]) {
    const batch = calls(200, "m");
    for (const call of batch) {
      (call as Record<string, unknown>).methodName = method;
    }
    const answered = await dispatcher.marshaledDispatch(
      encodeXMLRPCCall("system.multicall", [batch], { maxSize: Infinity }),
    );
    ok(answered.length < maxSize + 200, `${answered.length}`);
  }
});

Deno.test("2,000,000 empty values for a multicall cost a fault", async () => {
  const { dispatcher, called } = dispatcherOf({ maxSize: Infinity });
  const xml =
    `<methodCall><methodName>system.multicall</methodName><params><param><value>${
      arrayOf("<value/>".repeat(2_000_000))
    }</value></param></params></methodCall>`;
  strictEqual(await answer(dispatcher, xml), -32700);
  const within = xml.replace(
    "<value/>".repeat(2_000_000),
    "<value/>".repeat(90_000),
  );
  strictEqual(await answer(dispatcher, within), -32602);
  strictEqual(called(), 0);
});

Deno.test("line endings are read as LF, however they are sent", () => {
  const texts = [
    "a\r\nb\rc\nd\r\r\n\re\r",
    "\r",
    "\r\n",
    "\r\r",
    "x".repeat(9_000),
  ];
  for (const text of texts) {
    // Long enough to be joined of parts.
    for (const repeated of [text, text.repeat(5_000)]) {
      const [read] =
        decodeXMLRPCCall(valueCall(repeated), { maxSize: Infinity })
          .params;
      strictEqual(read, repeated.replace(/\r\n?/g, "\n"));
    }
  }
});

Deno.test("references are read as characters, in texts of any length", () => {
  const text = `&lt;&#65;&amp;&#x1F600;&#0000013;${
    "y".repeat(100)
  }&quot;&#x41;&apos;&gt;z`;
  const meant = `<A&😀\r${"y".repeat(100)}"A'>z`;
  for (const times of [1, 3_000]) {
    const [read] = decodeXMLRPCCall(valueCall(text.repeat(times))).params;
    strictEqual(read, meant.repeat(times));
  }
});

Deno.test("limits must be positive integers or Infinity", () => {
  for (const limit of [0, -1, 1.5, NaN, "1" as unknown as number]) {
    for (const name of ["maxSize", "maxValues", "maxCalls"]) {
      throws(() => new XMLRPCDispatcher({ [name]: limit }), {
        name: "RangeError",
        message:
          `Cannot use ${name}: it must be a positive integer or Infinity, received ${
            Deno.inspect(limit)
          }`,
      });
    }
    throws(() => decodeXMLRPCResponse("", { maxSize: limit }), {
      name: "RangeError",
    });
  }
  new XMLRPCDispatcher({
    ...{ maxSize: Infinity, maxValues: Infinity, maxCalls: Infinity },
  });
});

Deno.test("servers of XML-RPC refuse limits of their handler class that are none", () => {
  const withLimits = (callLimits: Record<string, unknown>) =>
    class extends SimpleXMLRPCRequestHandler<Deno.NetAddr> {
      static override readonly callLimits = callLimits;
    };
  for (const Server of [SimpleXMLRPCServer, MultiPathXMLRPCServer]) {
    throws(() => new Server(LOOPBACK, withLimits({ maxWait: 0 })), {
      name: "RangeError",
      message: /^Cannot use maxWait:/,
    });
    throws(() => new Server(LOOPBACK, withLimits({ maxInflate: 1 })), {
      name: "TypeError",
      message:
        'Cannot limit calls: unknown limit "maxInflate"; known are maxInflation, maxHeldBytes, maxWait',
    });
  }
});
