// Names that handlers and streams do not know are refused, and settings that are
// none, wherever somebody gives them.

import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert";
import { checkFewKeys } from "../../handlers/_known_keys.ts";
import {
  StreamReader,
  StreamRequestHandler,
  StreamWriter,
} from "../../handlers/mod.ts";
import {
  BaseHTTPRequestHandler,
  CGIHTTPRequestHandler,
  FetchRequestHandler,
  HTTPError,
  SimpleHTTPRequestHandler,
} from "../../server/http/mod.ts";
import {
  CGIXMLRPCRequestHandler,
  decodeXMLRPCCall,
  decodeXMLRPCResponse,
  DocCGIXMLRPCRequestHandler,
  DocXMLRPCRequestHandler,
  encodeXMLRPCCall,
  encodeXMLRPCResponse,
  generateHTMLDocumentation,
  SimpleXMLRPCRequestHandler,
  XMLRPCDispatcher,
  XMLRPCFault,
} from "../../server/xmlrpc/mod.ts";

/** As JavaScript, or what has been read from a file, would have it. */
// deno-lint-ignore no-explicit-any -- the compiler would refuse it first.
const untyped = (value: unknown) => value as any;

const source = { read: () => Promise.resolve(null) };
const sink = { write: (data: Uint8Array) => Promise.resolve(data.length) };
const newReader = () => new StreamReader(source);
const newDispatcher = () => new XMLRPCDispatcher();

const REFUSED: readonly (readonly [string, () => unknown, string])[] = [
  [
    "a StreamReader's option",
    () => new StreamReader(source, untyped({ limt: 5 })),
    'Cannot make a StreamReader: unknown option "limt"; did you mean "limit"?',
  ],
  [
    "a StreamReader's options",
    () => new StreamReader(source, untyped(5)),
    "Cannot make a StreamReader: the options must be an object, received 5",
  ],
  [
    "a StreamWriter's option",
    () => new StreamWriter(sink, untyped({ noDelays: true })),
    'Cannot make a StreamWriter: unknown option "noDelays"; did you mean "noDelay"?',
  ],
  [
    "an HTTPError's option",
    () => new HTTPError(400, "", untyped({ header: {} })),
    'Cannot make an HTTP error: unknown option "header"; did you mean "headers"?',
  ],
  [
    "an XMLRPCFault's option",
    () => new XMLRPCFault(1, "", untyped({ casue: 1 })),
    'Cannot create fault: unknown option "casue"; known are cause',
  ],
  [
    "a limit of a fetch handler",
    () =>
      FetchRequestHandler.from(
        () => new Response(),
        untyped({ maxBodySiz: 1 }),
      ),
    'Cannot limit HTTP requests: unknown limit "maxBodySiz"; did you mean "maxBodySize"?',
  ],
  [
    "a limit named like a member of every object",
    () =>
      FetchRequestHandler.from(() => new Response(), untyped({ toString: 1 })),
    'Cannot limit HTTP requests: unknown limit "toString"; known are maxHeaderSize,',
  ],
  [
    "a dispatcher's option",
    () => new XMLRPCDispatcher(untyped({ maxCall: 1 })),
    'Cannot create dispatcher: unknown option "maxCall"; did you mean "maxCalls"?',
  ],
  [
    "a dispatcher's option by the name that servers give theirs",
    () => new XMLRPCDispatcher(untyped({ onError() {} })),
    'Cannot create dispatcher: unknown option "onError"; what a dispatcher tells of faults is called "onFault"',
  ],
  [
    "a dispatcher's callback",
    () => new XMLRPCDispatcher(untyped({ onFault: 1 })),
    "Cannot create dispatcher: onFault must be a function, received 1",
  ],
  [
    "the option of a dispatcher behind CGI",
    () => new CGIXMLRPCRequestHandler(untyped({ maxSise: 1 })),
    'Cannot create dispatcher: unknown option "maxSise"; did you mean "maxSize"?',
  ],
  [
    "the option of a documented dispatcher behind CGI",
    () => new DocCGIXMLRPCRequestHandler(untyped({ documantation: {} })),
    'Cannot create dispatcher: unknown option "documantation"; known are',
  ],
  [
    "what documentation behind CGI says",
    () =>
      new DocCGIXMLRPCRequestHandler(untyped({ documentation: { titel: "" } })),
    'Cannot document methods: unknown key "titel"; known are title,',
  ],
  [
    "what documentation says",
    () => generateHTMLDocumentation(newDispatcher(), untyped({ names: "" })),
    'Cannot document methods: unknown key "names"; did you mean "name"?',
  ],
  [
    "a title of documentation",
    () => generateHTMLDocumentation(newDispatcher(), untyped({ title: 1 })),
    "Cannot document methods: title must be a text, received 1",
  ],
  [
    "the option of a function",
    () =>
      newDispatcher().registerFunction(
        () => {},
        untyped({ signatur: ["int"] }),
      ),
    'Cannot register a function: unknown option "signatur"; did you mean "signature"?',
  ],
  [
    "the option of an instance",
    () =>
      newDispatcher().registerInstance(
        {},
        untyped({ allowDottedName: true }),
      ),
    'Cannot register an instance: unknown option "allowDottedName"; did you mean "allowDottedNames"?',
  ],
  [
    "whether an instance has dotted names",
    () =>
      newDispatcher().registerInstance({}, untyped({ allowDottedNames: "no" })),
    'Cannot register an instance: allowDottedNames must be true or false, received "no"',
  ],
  ...[
    ["write", (o: unknown) => encodeXMLRPCCall("f", [], untyped(o))],
    ["write", (o: unknown) => encodeXMLRPCResponse(1, untyped(o))],
    ["read", (o: unknown) => decodeXMLRPCCall("", untyped(o))],
    ["read", (o: unknown) => decodeXMLRPCResponse("", untyped(o))],
  ].map(([verb, call]) =>
    [
      `an option of ${untyped(call)}`,
      () => untyped(call)({ allowNull: true }),
      `Cannot ${verb} XML-RPC: unknown option "allowNull"; did you mean "allowNil"?`,
    ] as const
  ),
];

for (const [what, call, message] of REFUSED) {
  Deno.test(`handlers refuse ${what}, where it is wrong`, () => {
    throws(call, (error) => {
      strictEqual((error as Error).name, "TypeError");
      const { message: received } = error as Error;
      strictEqual(received.startsWith(message), true, received);
      return true;
    });
  });
}

const READS: Record<
  string,
  (reader: StreamReader, options: unknown) => Promise<unknown>
> = {
  read: (reader, options) => reader.read(5, untyped(options)),
  readInto: (reader, options) =>
    reader.readInto(new Uint8Array(5), untyped(options)),
  readAll: (reader, options) => reader.readAll(untyped(options)),
  readLine: (reader, options) => reader.readLine(untyped(options)),
  readExactly: (reader, options) => reader.readExactly(5, untyped(options)),
  readUntil: (reader, options) => reader.readUntil("x", untyped(options)),
  peek: (reader, options) => reader.peek(1, untyped(options)),
  lines: (reader, options) => reader.lines(untyped(options)).next(),
};

for (const [name, read] of Object.entries(READS)) {
  Deno.test(`${name} refuses options that it does not have, and reads on`, async () => {
    const isPiece = name === "readExactly" || name === "readUntil";
    for (
      const [options, message] of [
        [{ timout: 5 }, 'unknown option "timout"; did you mean "timeout"?'],
        [{ timeout: 5, sginals: 1 }, 'unknown option "sginals"; known are '],
        [{ nullAtEndd: true }, 'unknown option "nullAtEndd"; '],
        ...isPiece ? [] : [
          [{ nullAtEnd: true }, 'unknown option "nullAtEnd"; known are '],
        ] as const,
        [5, "the options must be an object, received 5"],
        [null, "the options must be an object, received null"],
      ] as const
    ) {
      const reader = newReader();
      await rejects(read(reader, options), (error) => {
        strictEqual((error as Error).name, "TypeError");
        const { message: received } = error as Error;
        strictEqual(
          received.startsWith(`Cannot read: ${message}`),
          true,
          received,
        );
        return true;
      });
      strictEqual(await reader.readLine(), null);
    }
  });
}

Deno.test("nullAtEnd must be true or false", async () => {
  await rejects(newReader().readExactly(1, untyped({ nullAtEnd: 1 })), {
    name: "TypeError",
    message: "Cannot read with nullAtEnd 1: it must be true or false",
  });
  strictEqual(await newReader().readExactly(1, { nullAtEnd: true }), null);
});

Deno.test("options may inherit what they have, and have what is nobody's", async () => {
  const options = Object.create({ timeout: 1_000, other: 1 });
  options[Symbol()] = 1;
  strictEqual(await newReader().readLine(options), null);
  checkFewKeys({ a: 1 }, ["a", "b"], "try");
});

Deno.test("what a CGI handler has its call from is checked by name", async () => {
  await rejects(
    new CGIXMLRPCRequestHandler().handleRequest(untyped({ stdinn: source })),
    {
      name: "TypeError",
      message: /unknown key "stdinn"; did you mean "stdin"/,
    },
  );
});

/** Settings that are wrong, by the handler class that has them. */
const SETTINGS: readonly (readonly [
  { checkSettings(): void },
  Record<string, readonly unknown[]>,
])[] = [
  [StreamRequestHandler, { disableNagleAlgorithm: [0, "no", undefined] }],
  [
    BaseHTTPRequestHandler,
    {
      allowHalfOpen: [1, "no"],
      limits: [{ maxBodySiz: 1 }, { maxBodySize: NaN }, null],
    },
  ],
  [
    SimpleHTTPRequestHandler,
    {
      directory: [undefined, 5],
      followSymlinks: ["outside", true],
      indexPages: ["index.html", [5]],
      listsDirectories: [0],
      maxListedEntries: [NaN, 0, "5"],
      extensionsMap: [[".log"], { ".log": 5 }, null],
    },
  ],
  [
    CGIHTTPRequestHandler,
    {
      cgiDirectories: ["/cgi-bin", [5], undefined],
      cgiTimeout: [NaN, -1, "5"],
      cgiEnvironment: [{ A: 5 }, ["A=5"]],
      passesAuthorization: ["yes"],
      maxSpooledBody: [NaN, -1],
      maxScripts: [NaN, 0],
      cgiQueueTimeout: [NaN, -1],
      cgiUser: ["root", { uid: 1 }, { uid: 1, gid: 1, groups: [] }],
    },
  ],
  [
    SimpleXMLRPCRequestHandler,
    {
      rpcPaths: ["/RPC2", [1]],
      encodeThreshold: [NaN, -1],
      callLimits: [{ maxHeld: 1 }, { maxWait: NaN }],
      dispatcher: [{}, null],
      limits: [{ maxBodySiz: 1 }],
    },
  ],
  [DocXMLRPCRequestHandler, { documentation: [{ titel: "" }, { name: 5 }] }],
];

for (const [Handler, settings] of SETTINGS) {
  const { name } = Handler as unknown as { name: string };
  for (const [setting, values] of Object.entries(settings)) {
    Deno.test(`${name}.${setting} is checked before anybody is served`, () => {
      Handler.checkSettings();
      for (const value of values) {
        const Set = class extends untyped(Handler) {};
        Object.defineProperty(Set, setting, { value });
        let error: Error | undefined;
        try {
          untyped(Set).checkSettings();
        } catch (thrown) {
          error = thrown as Error;
        }
        const isNumber = typeof untyped(Handler)[setting] === "number";
        strictEqual(
          error instanceof (isNumber ? RangeError : Error) &&
            ["TypeError", "RangeError"].includes(error.name),
          true,
          `${Deno.inspect(value)}: ${error}`,
        );
      }
    });
  }
}

Deno.test("a method that is called for a request must not be a generator function", () => {
  for (
    const [Handler, method] of [
      [class extends StreamRequestHandler {}, "handle"],
      [class extends StreamRequestHandler {}, "finish"],
      [class extends SimpleHTTPRequestHandler {}, "doGET"],
      [class extends BaseHTTPRequestHandler {}, "doM-SEARCH"],
      [class extends FetchRequestHandler {}, "fetch"],
    ] as const
  ) {
    for (const generator of [function* () {}, async function* () {}]) {
      class Wrong extends untyped(Handler) {}
      Object.defineProperty(Handler.prototype, method, {
        value: generator,
        configurable: true,
      });
      throws(() => untyped(Wrong).checkSettings(), {
        name: "TypeError",
        message:
          `Cannot create server: ${method}() of the class "Wrong" is a generator function, which does not run when it is called; make it a function or an async function`,
      });
      // What is overridden is not called.
      Object.defineProperty(Wrong.prototype, method, { value: () => {} });
      untyped(Wrong).checkSettings();
    }
  }
});

Deno.test("generators may be among what else a handler class has", () => {
  class Lines extends BaseHTTPRequestHandler {
    *lines() {
      yield "";
    }
    async *doubles() {
      yield await Promise.resolve("");
    }
  }
  Lines.checkSettings();
  deepStrictEqual([...Lines.prototype.lines()], [""]);
});

Deno.test("a fetch handler is made of a function that runs", () => {
  for (const [answer, told] of [[function* () {}, "a generator"], [5, "5"]]) {
    throws(() => FetchRequestHandler.from(untyped(answer)), {
      name: "TypeError",
      message: new RegExp(`^Cannot answer requests: .*${told}`),
    });
  }
});
