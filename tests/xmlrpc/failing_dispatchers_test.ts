import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import {
  CGIXMLRPCRequestHandler,
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  MultiPathXMLRPCRequestHandler,
  MultiPathXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  type XMLRPCDispatch,
  XMLRPCDispatcher,
  XMLRPCFault,
} from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { call } from "./_client.ts";

const hostile = () => {
  throw new Error("nobody may look at this");
};
const indescribable = new Proxy({}, { get: hostile, getPrototypeOf: hostile });
const nameless = new Error();
Object.defineProperty(nameless, "name", { get: hostile });

/** What somebody's own dispatcher may do, and the fault that its caller gets. */
const FAILURES: Record<string, readonly [() => unknown, number, RegExp]> = {
  "throws an error": [
    () => {
      throw new TypeError("broken");
    },
    -32500,
    /^TypeError: broken$/,
  ],
  "rejects": [
    () => Promise.reject(new RangeError("broken")),
    -32500,
    /^RangeError: broken$/,
  ],
  "throws a fault": [
    () => {
      throw new XMLRPCFault(7, "its own");
    },
    7,
    /^its own$/,
  ],
  "throws a string": [
    () => {
      throw "broken\0";
    },
    -32500,
    /broken/,
  ],
  "throws nothing": [
    () => {
      throw undefined;
    },
    -32500,
    /^undefined$/,
  ],
  "throws what cannot be described": [
    () => {
      throw indescribable;
    },
    -32500,
    /./,
  ],
  "throws an error without a name": [
    () => {
      throw nameless;
    },
    -32500,
    /./,
  ],
  "answers nothing": [
    () => undefined,
    -32500,
    /^TypeError: marshaledDispatch\(\) must return a string, received undefined$/,
  ],
};

class Failing extends XMLRPCDispatcher {
  readonly #fail: () => unknown;
  constructor(fail: () => unknown) {
    super();
    this.#fail = fail;
  }
  override marshaledDispatch(
    _data: string | Uint8Array,
    _dispatch?: XMLRPCDispatch,
  ): Promise<string> {
    return this.#fail() as Promise<string>;
  }
}

for (const [name, [fail, faultCode, faultString]] of Object.entries(FAILURES)) {
  Deno.test(`a dispatcher that ${name} is a fault, and is logged`, async () => {
    const logged: string[] = [];
    class Handler extends MultiPathXMLRPCRequestHandler<Deno.NetAddr> {
      override logMessage(message: string): void {
        logged.push(message);
      }
    }
    await using served = await serveForTest(Handler, {
      server: MultiPathXMLRPCServer,
      options: { logRequests: false },
    });
    const { server } = served;
    server.addDispatcher("/RPC2", new Failing(fail));
    server.addDispatcher("/", new XMLRPCDispatcher())
      .registerFunction(() => 1, { name: "one" });
    await rejects(call(server, "any"), { faultCode, faultString });
    strictEqual(logged.length, 1);
    match(logged[0]!, /^The dispatcher failed: /);
    deepStrictEqual(served.errors, []);
  });

  Deno.test(`a function that ${name} is a fault`, async () => {
    await using served = await serveForTest(
      new SimpleXMLRPCServer(LOOPBACK, { logRequests: false }),
    );
    const { server } = served;
    server.registerFunction(fail as () => unknown, { name: "fail" });
    server.registerMulticallFunctions();
    // Nothing has no form in XML-RPC.
    const code = name === "answers nothing" ? -32603 : faultCode;
    await rejects(call(server, "fail"), { faultCode: code });
    const [result] = await call(server, "system.multicall", [
      [{ methodName: "fail", params: [] }],
    ]) as [{ faultCode: number }];
    strictEqual(result.faultCode, code);
  });
}

Deno.test("a CGI script whose dispatcher throws answers with a fault", async () => {
  class Script extends CGIXMLRPCRequestHandler {
    override marshaledDispatch(): Promise<string> {
      throw new TypeError("broken");
    }
  }
  const written: Uint8Array[] = [];
  const errors: unknown[] = [];
  const { error } = console;
  console.error = (message: unknown) => errors.push(message);
  try {
    await new Script().handleRequest({
      env: new Map([["REQUEST_METHOD", "POST"]]),
      stdin: { read: () => Promise.resolve(null) },
      stdout: {
        write: (bytes) => {
          written.push(bytes.slice());
          return Promise.resolve(bytes.length);
        },
      },
    });
  } finally {
    console.error = error;
  }
  const text = await new Blob(written as Uint8Array<ArrayBuffer>[]).text();
  match(text, /^Status: 200 OK\n.*<int>-32500<\/int>.*TypeError: broken/s);
  deepStrictEqual(errors, ["The dispatcher failed: TypeError: broken"]);
});

Deno.test("an instance whose _listMethods, _methodHelp or _dispatch fails is a fault", async () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerIntrospectionFunctions();
  dispatcher.registerInstance({
    _listMethods: hostile,
    _methodHelp: hostile,
    _methodSignature: hostile,
    _dispatch: hostile,
  });
  const asked: [method: string, params: unknown[]][] = [
    ["system.listMethods", []],
    ["system.methodHelp", ["a"]],
    ["system.methodSignature", ["a"]],
    ["other", []],
  ];
  for (const [method, params] of asked) {
    const answer = await dispatcher.marshaledDispatch(
      encodeXMLRPCCall(method, params),
    );
    await rejects(async () => await decodeXMLRPCResponse(answer), {
      faultCode: -32500,
    });
  }
});

Deno.test("an onFault that throws keeps no caller from its fault", async () => {
  const told: unknown[][] = [];
  const { error } = console;
  console.error = (...message: unknown[]) => told.push(message);
  try {
    const dispatcher = new XMLRPCDispatcher({ onFault: hostile });
    dispatcher.registerFunction(() => {
      throw new Error("broken");
    }, { name: "fail" });
    const answer = await dispatcher.marshaledDispatch(
      encodeXMLRPCCall("fail", []),
    );
    await rejects(async () => await decodeXMLRPCResponse(answer), {
      faultString: "Error: broken",
    });
  } finally {
    console.error = error;
  }
  strictEqual(told.length, 1);
});

Deno.test("a handler whose dispatch() throws is a fault", async () => {
  class Refusing extends SimpleXMLRPCRequestHandler<Deno.NetAddr> {
    override dispatch(): Promise<unknown> {
      throw new XMLRPCFault(3, "not you");
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Refusing),
  );
  await rejects(call(served.server, "any"), { faultCode: 3 });
});

Deno.test("a fault whose code or text is none of a fault's is told as another", async () => {
  const dispatcher = new XMLRPCDispatcher();
  class Odd extends XMLRPCFault {
    override readonly faultString = Symbol("odd") as unknown as string;
    constructor() {
      super(1, "");
    }
  }
  dispatcher.registerFunction(() => {
    throw new Odd();
  }, { name: "odd" });
  const answer = await dispatcher.marshaledDispatch(
    encodeXMLRPCCall("odd", []),
  );
  await rejects(async () => await decodeXMLRPCResponse(answer), {
    faultCode: -32603,
  });
});
