import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert";
import {
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  XMLRPCDispatcher,
  type XMLRPCDispatcherOptions,
  XMLRPCFault,
  type XMLRPCInstance,
  type XMLRPCSignature,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";

const add = (a: number, b: number) => a + b;

/** Calls a method as a client does: all in XML. */
async function call(
  dispatcher: XMLRPCDispatcher,
  method: string,
  ...params: unknown[]
): Promise<XMLRPCValue> {
  const options = { allowNil: true };
  const xml = encodeXMLRPCCall(method, params, options);
  return decodeXMLRPCResponse(
    await dispatcher.marshaledDispatch(xml),
    options,
  );
}

Deno.test("registerFunction() lets a function be called by its name", async () => {
  const dispatcher = new XMLRPCDispatcher();
  strictEqual(dispatcher.registerFunction(add), add);
  dispatcher.registerFunction((x: XMLRPCValue) => x, { name: "têšt" });
  strictEqual(await call(dispatcher, "add", 2, 3), 5);
  strictEqual(await call(dispatcher, "têšt", "é"), "é");
  dispatcher.registerFunction((a: number, b: number) => a * b, { name: "add" });
  strictEqual(await call(dispatcher, "add", 2, 3), 6);
});

Deno.test("registerFunction() refuses what cannot be called", () => {
  const dispatcher = new XMLRPCDispatcher();
  throws(() => dispatcher.registerFunction(null as unknown as () => void), {
    name: "TypeError",
    message: "Cannot register null: it is not a function",
  });
  throws(() => dispatcher.registerFunction(() => 1), {
    name: "TypeError",
    message: "Cannot register a function without a name: give one, { name: … }",
  });
  throws(
    () =>
      dispatcher.registerFunction(add, {
        signature: ["int", "integer"] as unknown as XMLRPCSignature,
      }),
    {
      name: "TypeError",
      message: /^Cannot register "add": "integer" is no type of XML-RPC; use/,
    },
  );
  throws(() => dispatcher.registerFunction(add, { signature: [[]] }), {
    name: "TypeError",
    message:
      'Cannot register "add": a signature is empty; it starts with the type of the result',
  });
});

Deno.test("an unknown method is fault -32601", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add);
  for (const name of ["sub", "constructor", "__proto__", "toString", "Add"]) {
    await rejects(call(dispatcher, name), {
      name: "XMLRPCFault",
      faultCode: -32601,
      faultString: `Cannot call "${name}": there is no such method`,
    });
  }
});

Deno.test("parameters that do not fit are fault -32602", async () => {
  const dispatcher = new XMLRPCDispatcher();
  const calls: XMLRPCValue[][] = [];
  const keep = (...params: XMLRPCValue[]) => calls.push(params);
  dispatcher.registerFunction(keep, {
    name: "one",
    signature: ["int", "int", "string"],
  });
  dispatcher.registerFunction(keep, {
    name: "several",
    signature: [["int"], ["int", "double"], ["int", "boolean", "array"]],
  });
  dispatcher.registerFunction((_a: number, _b: number, _c = 3) => 0, {
    name: "counted",
  });
  const fits: [string, ...unknown[]][] = [
    ["one", 1, ""],
    ["several"],
    ["several", 1.5],
    ["several", 1],
    ["several", true, []],
    ["counted", 1, 2],
    ["counted", 1, 2, 3],
  ];
  for (const [name, ...params] of fits) await call(dispatcher, name, ...params);
  const misfits: [string, ...unknown[]][] = [
    ["one"],
    ["one", 1],
    ["one", 1, "", ""],
    ["one", "1", ""],
    ["one", 1.5, ""],
    ["several", "1"],
    ["several", true],
    ["counted"],
    ["counted", 1],
  ];
  for (const [name, ...params] of misfits) {
    await rejects(call(dispatcher, name, ...params), { faultCode: -32602 });
  }
  strictEqual(calls.length, 5);
  await rejects(call(dispatcher, "several", ""), {
    faultString:
      'Cannot call "several": it takes () or (double) or (boolean, array)',
  });
});

Deno.test("a signature knows each type from all others", async () => {
  const dispatcher = new XMLRPCDispatcher({ allowNil: true });
  const values: [string, ...unknown[]][] = [
    ["int", 1, -1],
    ["i8", 1n],
    ["double", 1.5],
    ["boolean", true],
    ["string", "1", ""],
    ["dateTime.iso8601", new Temporal.PlainDateTime(2000, 1, 1)],
    ["base64", new Uint8Array(1)],
    ["array", []],
    ["struct", {}],
    ["nil", null],
  ];
  for (const [type] of values) {
    dispatcher.registerFunction((_x: XMLRPCValue) => true, {
      name: type,
      signature: ["boolean", type] as XMLRPCSignature,
    });
  }
  dispatcher.registerFunction((_x: XMLRPCValue) => true, {
    name: "any",
    signature: ["boolean", "any"],
  });
  for (const [type] of values) {
    for (const [other, ...examples] of values) {
      // As values are read, an int is also an i8, and a double.
      const fits = type === other ||
        other === "int" && ["i8", "double"].includes(type);
      for (const example of examples) {
        strictEqual(await call(dispatcher, "any", example), true);
        const called = call(dispatcher, type, example);
        if (fits) strictEqual(await called, true);
        else await rejects(called, { faultCode: -32602 }, `${type} ${other}`);
      }
    }
  }
});

Deno.test("a number is sent as the type that the signature promises", async () => {
  const dispatcher = new XMLRPCDispatcher();
  const two = () => 2;
  for (const type of ["int", "double", "i8"] as const) {
    dispatcher.registerFunction(two, { name: type, signature: [type] });
  }
  const answer = (name: string) =>
    dispatcher.marshaledDispatch(encodeXMLRPCCall(name, []));
  strictEqual((await answer("int")).includes("<int>2</int>"), true);
  strictEqual((await answer("double")).includes("<double>2.0</double>"), true);
  strictEqual((await answer("i8")).includes("<i8>2</i8>"), true);
});

Deno.test("what a function throws is the fault, and what it rejects with", async () => {
  const told: [unknown, string][] = [];
  const dispatcher = new XMLRPCDispatcher({
    onFault: (error, method) => told.push([error, method]),
  });
  const thrown: Record<string, unknown> = {
    fault: new XMLRPCFault(42, "a <fault>"),
    error: new RangeError("out of range\0"),
    text: "text",
    symbol: Symbol("s"),
    nothing: undefined,
    object: Object.create(null),
  };
  for (const [name, error] of Object.entries(thrown)) {
    dispatcher.registerFunction(() => {
      throw error;
    }, { name });
    dispatcher.registerFunction(() => Promise.reject(error), {
      name: `${name}Later`,
    });
  }
  for (const late of ["", "Later"]) {
    await rejects(call(dispatcher, `fault${late}`), {
      faultCode: 42,
      faultString: "a <fault>",
    });
    await rejects(call(dispatcher, `error${late}`), {
      faultCode: -32500,
      faultString: "RangeError: out of range\ufffd",
    });
    for (const name of ["text", "symbol", "nothing", "object"]) {
      await rejects(call(dispatcher, name + late), { faultCode: -32500 });
    }
  }
  // A fault is no error of the function's: it meant it.
  strictEqual(told.some(([error]) => error === thrown.fault), false);
  deepStrictEqual(told[0], [thrown.error, "error"]);
  strictEqual(told.length, 10);
});

Deno.test("a result that has no form in XML-RPC is fault -32603", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(() => {}, { name: "nothing" });
  dispatcher.registerFunction(() => [new Map()], { name: "map" });
  await rejects(call(dispatcher, "nothing"), {
    faultCode: -32603,
    faultString:
      'Cannot answer "nothing": Cannot write value: XML-RPC itself has no undefined; return something, or set allowNil',
  });
  await rejects(call(dispatcher, "map"), { faultCode: -32603 });
  await rejects(call(dispatcher, "nothing", null), { faultCode: -32600 });
  const allowing = new XMLRPCDispatcher({ allowNil: true });
  allowing.registerFunction((x: null) => x, { name: "same" });
  strictEqual(await call(allowing, "same", null), null);
});

class Base {
  static make() {
    return 0;
  }
  inherited() {
    return "inherited";
  }
}

class Service extends Base {
  greeting = "hello";
  Class = Base;
  _internal = { method: () => 0 };
  nested = { deep: { answer: () => 42, _hidden: () => 0 }, list: [1], add };
  #secret() {
    return this.greeting;
  }
  _private() {
    return this.#secret();
  }
  greet(name: string) {
    return `${this.greeting} ${name}`;
  }
  get computed() {
    throw new Error("an accessor was run");
  }
  static create() {
    return new Service();
  }
}

Deno.test("registerInstance() lets the public methods be called", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerInstance(new Service());
  strictEqual(await call(dispatcher, "greet", "world"), "hello world");
  strictEqual(await call(dispatcher, "inherited"), "inherited");
  await rejects(call(dispatcher, "greet"), { faultCode: -32602 });
  deepStrictEqual(dispatcher.listMethods(), ["greet", "inherited"]);
  dispatcher.registerFunction(() => "mine", { name: "greet" });
  strictEqual(await call(dispatcher, "greet", "world"), "mine");
});

Deno.test("what a method of an instance or a _dispatch throws is the fault", async () => {
  const told: unknown[] = [];
  const thrown: Error[] = [];
  const fail = (...params: unknown[]): never => {
    thrown.push(new RangeError(JSON.stringify(params)));
    throw thrown.at(-1);
  };
  const dispatcher = new XMLRPCDispatcher({
    onFault: (error) => told.push(error),
  });
  dispatcher.registerInstance({ method: fail });
  await rejects(call(dispatcher, "method", 1, 2, 3), {
    faultCode: -32500,
    faultString: "RangeError: [1,2,3]",
  });
  dispatcher.registerInstance({ _dispatch: fail });
  await rejects(call(dispatcher, "any", 1, 2, 3), {
    faultCode: -32500,
    faultString: 'RangeError: ["any",[1,2,3]]',
  });
  deepStrictEqual(told, thrown);
  strictEqual(thrown.every(({ cause }) => cause === undefined), true);
});

const NOT_PUBLIC = [
  ...["_private", "#secret", "constructor", "greeting", "computed", "create"],
  ...["toString", "valueOf", "hasOwnProperty", "isPrototypeOf", "__proto__"],
  ...["__defineGetter__", "__lookupGetter__", "prototype", "missing"],
];

const NOT_PUBLIC_BY_DOTS = [
  ...[
    "nested.deep._hidden",
    "nested.deep.constructor",
    "nested",
    "nested.deep",
  ],
  ...["nested.list.push", "nested.list.map", "greet.call", "greet.bind"],
  ...["nested.add.apply", "nested.add.constructor", "constructor.create"],
  ...["__proto__.greet", "nested.__proto__.toString", "nested..add", ".greet"],
  ...[
    "_internal.method",
    "Class.make",
    "Class",
    "greet.",
    "greeting.toUpperCase",
    "computed.x",
    "nested.missing.x",
  ],
];

Deno.test("registerInstance() hides all that is not public", async () => {
  for (const allowDottedNames of [false, true]) {
    const dispatcher = new XMLRPCDispatcher();
    dispatcher.registerInstance(new Service(), { allowDottedNames });
    for (const name of [...NOT_PUBLIC, ...NOT_PUBLIC_BY_DOTS]) {
      await rejects(call(dispatcher, name), { faultCode: -32601 }, name);
      throws(() => dispatcher.methodInfo(name), { faultCode: -32601 });
    }
  }
});

Deno.test("dots lead to members where they are allowed, and only there", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerInstance(new Service());
  await rejects(call(dispatcher, "nested.add", 1, 2), { faultCode: -32601 });
  dispatcher.registerInstance(new Service(), { allowDottedNames: true });
  strictEqual(await call(dispatcher, "nested.add", 1, 2), 3);
  strictEqual(await call(dispatcher, "nested.deep.answer"), 42);
  strictEqual(await call(dispatcher, "greet", "dots"), "hello dots");
});

Deno.test("registerInstance() hides what JavaScript's own classes have", async () => {
  const dispatcher = new XMLRPCDispatcher();
  class Table extends Map<string, number> {
    count() {
      return this.size;
    }
  }
  dispatcher.registerInstance(new Table([["a", 1]]));
  deepStrictEqual(dispatcher.listMethods(), ["count"]);
  await rejects(call(dispatcher, "clear"), { faultCode: -32601 });
  strictEqual(await call(dispatcher, "count"), 1);
  // It makes objects, in whatever way it was written.
  dispatcher.registerInstance({ constructor: () => 0, other: () => 0 });
  deepStrictEqual(dispatcher.listMethods(), ["other"]);
  // What is the object's own was put there.
  dispatcher.registerInstance(Math);
  strictEqual(await call(dispatcher, "max", 1, 3, 2), 3);
});

Deno.test("registerInstance() hides what was added to Object.prototype", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerInstance(new Base());
  Object.defineProperty(Object.prototype, "added", {
    value: () => 0,
    configurable: true,
  });
  try {
    await rejects(call(dispatcher, "added"), { faultCode: -32601 });
    deepStrictEqual(dispatcher.listMethods(), ["inherited"]);
  } finally {
    Reflect.deleteProperty(Object.prototype, "added");
  }
});

Deno.test("registerInstance() refuses what is no object", () => {
  const dispatcher = new XMLRPCDispatcher();
  for (const value of [null, undefined, "x", 1, Service]) {
    throws(() => dispatcher.registerInstance(value as unknown as object), {
      name: "TypeError",
      message: /^Cannot register .*: it is not an object$/s,
    });
  }
});

Deno.test("an instance with _dispatch answers all by itself", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add);
  const instance: XMLRPCInstance = {
    _dispatch(method, params) {
      if (method === "refused") throw new XMLRPCFault(-32601, "no");
      return [method, ...params];
    },
    _listMethods: () => ["x.y"],
    _methodHelp: (method) => method === "x.y" ? "helps" : undefined,
  };
  dispatcher.registerInstance(instance);
  deepStrictEqual(await call(dispatcher, "x.y", 1), ["x.y", 1]);
  strictEqual(await call(dispatcher, "add", 1, 2), 3);
  await rejects(call(dispatcher, "refused"), { faultCode: -32601 });
  deepStrictEqual(dispatcher.listMethods(), ["add", "x.y"]);
  strictEqual(dispatcher.methodInfo("x.y").help, "helps");
  throws(() => dispatcher.methodInfo("z"), { faultCode: -32601 });
  dispatcher.registerInstance({ _dispatch: () => 0, uncalled: () => 0 });
  deepStrictEqual(dispatcher.listMethods(), ["add"]);
});

Deno.test("registerIntrospectionFunctions() tells what there is", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerIntrospectionFunctions();
  dispatcher.registerMulticallFunctions();
  dispatcher.registerFunction(add, {
    signature: ["int", "int", "int"],
    help: "Adds two integers.",
  });
  dispatcher.registerFunction(() => 0, {
    name: "two",
    signature: [["int"], ["int", "string"]],
  });
  dispatcher.registerInstance(
    new class {
      div(x: number, y: number) {
        return Math.floor(x / y);
      }
      _methodHelp(name: string) {
        return name === "div" ? "Divides." : undefined;
      }
      _methodSignature(name: string): XMLRPCSignature[] | undefined {
        return name === "div" ? [["int", "int", "int"]] : undefined;
      }
      mod() {
        return 0;
      }
    }(),
  );
  const ask = (method: string, ...params: unknown[]) =>
    call(dispatcher, `system.${method}`, ...params);
  deepStrictEqual(await ask("listMethods"), [
    ...["add", "div", "mod", "system.listMethods", "system.methodHelp"],
    ...["system.methodSignature", "system.multicall", "two"],
  ]);
  deepStrictEqual(await ask("methodSignature", "add"), [["int", "int", "int"]]);
  deepStrictEqual(await ask("methodSignature", "two"), [
    ["int"],
    ["int", "string"],
  ]);
  deepStrictEqual(await ask("methodSignature", "div"), [["int", "int", "int"]]);
  strictEqual(await ask("methodSignature", "mod"), "signatures not supported");
  deepStrictEqual(await ask("methodSignature", "system.methodHelp"), [
    ["string", "string"],
  ]);
  strictEqual(await ask("methodHelp", "add"), "Adds two integers.");
  strictEqual(await ask("methodHelp", "div"), "Divides.");
  strictEqual(await ask("methodHelp", "two"), "");
  strictEqual(await call(dispatcher, "div", 127, 42), 3);
  // A signature counts, whoever tells it.
  await rejects(call(dispatcher, "div", 1.5, 1), { faultCode: -32602 });
  for (const method of ["methodSignature", "methodHelp"]) {
    await rejects(ask(method, "missing"), { faultCode: -32601 });
    await rejects(ask(method, 1), { faultCode: -32602 });
    await rejects(ask(method), { faultCode: -32602 });
  }
});

Deno.test("introspection and multicall are there only where registered", async () => {
  const dispatcher = new XMLRPCDispatcher();
  for (const name of ["listMethods", "methodHelp", "multicall"]) {
    await rejects(call(dispatcher, `system.${name}`, []), {
      faultCode: -32601,
    });
  }
});

Deno.test("system.multicall answers each call by itself", async () => {
  const dispatcher = new XMLRPCDispatcher({ maxDepth: 10 });
  dispatcher.registerMulticallFunctions();
  dispatcher.registerFunction(add);
  dispatcher.registerFunction(() => new Map(), { name: "map" });
  dispatcher.registerFunction(() => {
    throw new TypeError("broken\0");
  }, { name: "broken" });
  const nested = (depth: number): unknown =>
    depth === 0 ? [] : [nested(depth - 1)];
  // Ten deep with the array of results and the one around this.
  dispatcher.registerFunction((n: number) => nested(n), { name: "nested" });
  const results = await call(dispatcher, "system.multicall", [
    { methodName: "add", params: [2, 3] },
    { methodName: "missing", params: [] },
    { methodName: "add", params: [2] },
    { methodName: "map", params: [] },
    { methodName: "broken", params: [] },
    { methodName: "nested", params: [7] },
    { methodName: "nested", params: [8] },
    { methodName: "system.multicall", params: [[]] },
    { methodName: "add" },
    { params: [] },
    "add",
    { methodName: "add", params: [20, 30], more: 1 },
  ]) as Record<string, unknown>[];
  deepStrictEqual(
    results.map((result) => Array.isArray(result) ? "ok" : result.faultCode),
    [
      ...["ok", -32601, -32602, -32603, -32500, "ok", -32603],
      ...[-32600, -32602, -32602, -32602, "ok"],
    ],
  );
  deepStrictEqual(results[0], [5]);
  deepStrictEqual(results[11], [50]);
  deepStrictEqual(results[4], {
    faultCode: -32500,
    faultString: "TypeError: broken\ufffd",
  });
  deepStrictEqual(await call(dispatcher, "system.multicall", []), []);
  await rejects(call(dispatcher, "system.multicall", "x"), {
    faultCode: -32602,
  });
});

Deno.test("system.multicall calls one after the other", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerMulticallFunctions();
  const events: string[] = [];
  dispatcher.registerFunction(async (name: string) => {
    events.push(`${name} starts`);
    await Promise.resolve();
    events.push(`${name} ends`);
    return true;
  }, { name: "slow" });
  await call(dispatcher, "system.multicall", [
    { methodName: "slow", params: ["a"] },
    { methodName: "slow", params: ["b"] },
  ]);
  deepStrictEqual(events, ["a starts", "a ends", "b starts", "b ends"]);
});

Deno.test("dispatch() can be overridden, for the calls in a multicall too", async () => {
  class Exported extends XMLRPCDispatcher {
    constructor(options?: XMLRPCDispatcherOptions) {
      super(options);
      this.registerFunction(add, { name: "export_add" });
      this.registerMulticallFunctions();
    }
    override dispatch(method: string, params: XMLRPCValue[]) {
      const prefix = method.startsWith("system.") ? "" : "export_";
      return super.dispatch(prefix + method, params);
    }
  }
  const exported = new Exported();
  strictEqual(await call(exported, "add", 1, 2), 3);
  deepStrictEqual(
    await call(exported, "system.multicall", [
      { methodName: "add", params: [3, 4] },
    ]),
    [[7]],
  );
});

Deno.test("marshaledDispatch() answers what cannot be read with its fault", async () => {
  const dispatcher = new XMLRPCDispatcher();
  const documents: [string | Uint8Array, number][] = [
    ["", -32700],
    ["<a/>", -32600],
    [new Uint8Array([0xff]), -32702],
    [new TextEncoder().encode('<?xml version="1.0" encoding="x"?>'), -32701],
  ];
  for (const [document, faultCode] of documents) {
    const answer = await dispatcher.marshaledDispatch(document);
    throws(() => decodeXMLRPCResponse(answer), { faultCode });
  }
});
