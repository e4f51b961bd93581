import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import {
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  type SimpleXMLRPCServerOptions,
  XMLRPCDouble,
  XMLRPCFault,
  type XMLRPCHandlerClass,
  type XMLRPCInstance,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";

const python = new Program("python3", "python3");

/** What every client starts with. It ends by itself if it hangs. */
const PRELUDE = `
import faulthandler, sys, xmlrpc.client
faulthandler.dump_traceback_later(50, exit=True)
args = sys.argv[1:]
Fault, MultiCall, ServerProxy = xmlrpc.client.Fault, xmlrpc.client.MultiCall, xmlrpc.client.ServerProxy

def fault(call, *params):
    try:
        call(*params)
    except Fault as error:
        return error.faultCode
    raise AssertionError("no fault")
`;

/** Runs a client against a server, at its URL. */
function client(server: SimpleXMLRPCServer, code: string): Promise<string> {
  const { hostname, port } = server.addr;
  return python.run([
    ...["-I", "-c", PRELUDE + code],
    `http://${hostname}:${port}`,
  ]);
}

class Fixture implements XMLRPCInstance {
  div(x: number, y: number) {
    return Math.floor(x / y);
  }
  _methodHelp(name: string) {
    return name === "div" ? "This is the div function" : undefined;
  }
  Fixture = { getData: () => "42" };
}

const MIB = 2 ** 20;

/** Takes and gives documents of 64 MiB. */
class Roomy extends SimpleXMLRPCRequestHandler<Deno.NetAddr> {
  static override readonly limits = { maxBodySize: 64 * MIB };
  static override readonly callLimits = { maxHeldBytes: 256 * MIB };
}

const roomy = () =>
  fixture(Roomy, {
    logRequests: false,
    allowNil: true,
    maxSize: 64 * MIB,
    maxValues: 10_000_000,
  });

/** The functions that CPython's own tests of its server have, and some more. */
function fixture(
  Handler: XMLRPCHandlerClass = SimpleXMLRPCRequestHandler,
  options: SimpleXMLRPCServerOptions = { logRequests: false, allowNil: true },
): SimpleXMLRPCServer {
  const server = new SimpleXMLRPCServer(LOOPBACK, Handler, options);
  server.registerIntrospectionFunctions();
  server.registerMulticallFunctions();
  server.registerFunction(Math.pow, { name: "pow" });
  server.registerFunction((x: XMLRPCValue) => x, { name: "têšt" });
  server.registerFunction((x: XMLRPCValue) => x, { name: "same" });
  server.registerFunction(() => true, {
    name: "my_function",
    help: "This is my function",
    signature: ["boolean"],
  });
  server.registerFunction((x: number, y: number) => x + y, {
    name: "add",
    signature: [
      ["int", "int", "int"],
      ["double", "double", "double"],
      ["string", "string", "string"],
    ],
  });
  server.registerFunction((text: string) => text.length, { name: "length" });
  server.registerFunction((code: number, text: string) => {
    throw new XMLRPCFault(code, text);
  }, { name: "fail" });
  server.registerFunction(() => {
    throw new RangeError("broken");
  }, { name: "broken" });
  server.registerInstance(new Fixture(), { allowDottedNames: true });
  return server;
}

testWith(
  [python],
  "CPython's client has every type back as it sent it",
  async () => {
    await using served = await serveForTest(fixture());
    await client(
      served.server,
      `
import datetime, math
proxy = ServerProxy(args[0], allow_none=True, use_builtin_types=True)
values = [
    0, 1, -1, 2**31 - 1, -2**31, True, False, None,
    0.5, -0.5, 7283.43, 1e300, -1e-300, 5e-324, 1.7976931348623157e308, 2.0**34,
    "", " ", "plain", "a&b<c>d]]>\\"'&amp;&#65;", "tab\\tand\\nline",
    "\\u4000\\u6000\\u8000", "Ελληνικά", "\\U0001d518\\U0001f600", "\\x7f\\x85\\u2028\\ufffd",
    datetime.datetime(2005, 2, 10, 11, 41, 23), datetime.datetime(1, 1, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59),
    b"", b"my dog has fleas", bytes(range(256)) * 10,
    [], [[]], [1, ["a", [True]]], {}, {"a": {"b": {}}, "": 1, "ukey\\u4000": 2, "<&>": 3},
    {"__proto__": 1, "constructor": 2, "toString": 3},
]
for value in values:
    again = proxy.same(value)
    assert again == value, (value, again)
    # A number that is an integer has only one type in JavaScript.
    if not (isinstance(value, float) and value == int(value)):
        assert type(again) is type(value), (value, again)
assert proxy.same(values) == values
assert math.copysign(1, proxy.same(-0.0)) == -1
assert type(proxy.add(1.0, 1.5)) is float
assert proxy.add("Pŷt", "hơn") == "Pŷthơn"
plain = ServerProxy(args[0])
assert plain.same(xmlrpc.client.DateTime("20050210T11:41:23")) == xmlrpc.client.DateTime("20050210T11:41:23")
assert plain.same(xmlrpc.client.Binary(b"x")) == xmlrpc.client.Binary(b"x")
`,
    );
  },
);

testWith(
  [python],
  "CPython's client sees control characters refused and line endings kept",
  async () => {
    await using served = await serveForTest(fixture());
    const { server } = served;
    server.registerFunction((code: number) => String.fromCharCode(code), {
      name: "chr",
    });
    await client(
      server,
      `
proxy = ServerProxy(args[0])
for code in [*range(9), 11, 12, *range(14, 32), 0xfffe, 0xffff]:
    # It sends them as they are, which is not XML.
    assert fault(proxy.same, chr(code)) == -32700
    assert fault(proxy.chr, code) == -32603
for code in (9, 10, 13, 32, 127, 0x85, 0x2028, 0xe000, 0xfffd):
    assert proxy.chr(code) == chr(code)
# It sends no reference in the place of CR, so that XML makes it LF.
assert proxy.same("a\\r\\nb\\rc") == "a\\nb\\nc"
`,
    );
  },
);

testWith(
  [python],
  "CPython's client has strings of 10 MB and arrays 1,000 deep both ways",
  async () => {
    await using served = await serveForTest(roomy());
    await client(
      served.server,
      `
sys.setrecursionlimit(20000)
proxy = ServerProxy(args[0])
for unit in ("x", "&", "\\U0001f600"):
    text = unit * (10_000_000 // len(unit.encode()))
    assert proxy.same(text) == text
    assert proxy.length(text) == len(text.encode("utf-16-le")) // 2
deep = []
for _ in range(999):
    deep = [deep]
again, depth = proxy.same(deep), 0
while True:
    depth += 1
    if again == []:
        break
    (again,) = again
assert depth == 1000, depth
`,
    );
  },
);

testWith(
  [python],
  "a call of CPython's with a million arrays in one another is a fault",
  async () => {
    await using served = await serveForTest(roomy());
    await client(
      served.server,
      `
import http.client
million = 1_000_000
body = ("<methodCall><methodName>same</methodName><params><param><value>"
        + "<array><data><value>" * million + "</value></data></array>" * million
        + "</value></param></params></methodCall>")
connection = http.client.HTTPConnection(args[0].removeprefix("http://"))
connection.request("POST", "/RPC2", body)
try:
    xmlrpc.client.loads(connection.getresponse().read())
    raise AssertionError("no fault")
except Fault as error:
    assert error.faultCode == -32700, error
assert ServerProxy(args[0]).add(2, 3) == 5
`,
    );
  },
);

testWith(
  [python],
  "CPython's client is told faults with their codes",
  async () => {
    await using served = await serveForTest(fixture());
    await client(
      served.server,
      `
proxy = ServerProxy(args[0])
try:
    proxy.fail(42, "<&> é \\U0001f600")
    raise AssertionError("no fault")
except Fault as error:
    assert error.faultCode == 42
    assert error.faultString == "<&> é \\U0001f600"
assert fault(proxy.missing) == -32601
assert fault(proxy.toString) == -32601
assert fault(proxy.Fixture.constructor) == -32601
assert fault(proxy.add, 1) == -32602
assert fault(proxy.add, 1, "a") == -32602
assert fault(proxy.broken) == -32500
assert fault(proxy.same) == -32602
# A bare Fault does not close the connection.
assert proxy.add(2, 3) == 5
`,
    );
  },
);

testWith([python], "CPython's client puts many calls into one", async () => {
  await using served = await serveForTest(fixture());
  await client(
    served.server,
    `
proxy = ServerProxy(args[0])
multicall = MultiCall(proxy)
multicall.add(2, 3)
multicall.pow(6, 8)
multicall.div(127, 42)
assert tuple(multicall()) == (5, 6**8, 3)
multicall = MultiCall(proxy)
multicall.this_is_not_exists()
multicall.add(2, 3)
result = multicall()
assert result.results[0]["faultCode"] == -32601
assert result[1] == 5
assert fault(lambda: result[0]) == -32601
assert fault(proxy.system.multicall, 1) == -32602
(nested,) = proxy.system.multicall([{"methodName": "system.multicall", "params": [[]]}])
assert nested["faultCode"] == -32600
`,
  );
});

testWith([python], "CPython's client asks what there is", async () => {
  await using served = await serveForTest(fixture());
  await client(
    served.server,
    `
proxy = ServerProxy(args[0])
assert proxy.system.listMethods() == sorted([
    "pow", "têšt", "same", "my_function", "add", "length", "fail", "broken", "div",
    "system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall"])
assert proxy.system.methodHelp("div") == "This is the div function"
assert proxy.system.methodHelp("my_function") == "This is my function"
assert proxy.system.methodSignature("my_function") == [["boolean"]]
assert proxy.system.methodSignature("div") == "signatures not supported"
assert proxy.Fixture.getData() == "42"
`,
  );
});

testWith([python], "CPython's client may declare other encodings", async () => {
  await using served = await serveForTest(fixture());
  await client(
    served.server,
    `
for encoding in (None, "iso-8859-15"):
    assert ServerProxy(args[0], encoding=encoding).add("\\u20ac", "\\xa4") == "\\u20ac\\xa4"
assert getattr(ServerProxy(args[0], encoding="ascii"), "têšt")(42) == 42
assert ServerProxy(args[0], encoding="utf-16").add("é", "\\U0001f600") == "é\\U0001f600"
`,
  );
});

testWith(
  [python],
  "CPython's client keeps its connection, and compresses both ways",
  async () => {
    const seen: string[] = [];
    const connections = new Set<Deno.Conn>();
    class Watching extends SimpleXMLRPCRequestHandler {
      override doPOST(): Promise<void> {
        connections.add(this.request);
        seen.push(this.headers.get("content-encoding") ?? "identity");
        return super.doPOST();
      }
    }
    await using served = await serveForTest(fixture(Watching));
    const output = await client(
      served.server,
      `
class Transport(xmlrpc.client.Transport):
    def parse_response(self, response):
        print(response.getheader("Content-Encoding", "identity"))
        return super().parse_response(response)
for threshold in (None, 0):
    transport = Transport()
    transport.encode_threshold = threshold
    with ServerProxy(args[0], transport=transport) as proxy:
        for size in (10, 1_000_000):
            assert proxy.same("x" * size) == "x" * size
            assert proxy.add(2, 3) == 5
# One that was closed calls on another connection.
proxy = ServerProxy(args[0])
for close in (proxy("close"), proxy("transport").close, proxy("close")):
    for _ in range(3):
        assert proxy.pow(6, 8) == 6**8
    close()
`,
    );
    strictEqual(connections.size, 2 + 3);
    deepStrictEqual(seen, [
      ...Array(4).fill("identity"),
      ...Array(4).fill("gzip"),
      ...Array(9).fill("identity"),
    ]);
    const answered = ["identity", "identity", "gzip", "identity"];
    deepStrictEqual(output.trim().split("\n"), [...answered, ...answered]);
  },
);

const CONTROLS = "a&b<c>\r\n\t";

/** CPython's server, with what it was called with in its answers. */
const SERVER = `
import faulthandler, sys
from xmlrpc.server import SimpleXMLRPCServer
import xmlrpc.client
sys.setrecursionlimit(20000)
faulthandler.dump_traceback_later(50, exit=True)
def fail(code, text):
    raise xmlrpc.client.Fault(code, text)
with SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False, allow_none=True,
                        use_builtin_types=True) as server:
    server.register_introspection_functions()
    server.register_multicall_functions()
    server.register_function(lambda x: x, "same")
    server.register_function(repr, "repr")
    server.register_function(lambda x: type(x).__name__, "type")
    server.register_function(fail)
    server.register_function(lambda a, b: a + b, "add")
    print(server.server_address[1], flush=True)
    server.serve_forever()
`;

testWith(
  [python],
  "CPython's server reads what is written here, and is read here",
  async () => {
    await using peer = python.start("-I", "-c", SERVER);
    const [port] = await peer.until(/^\d+\n/);
    const options = { allowNil: true, maxSize: 64 * MIB };
    const call = async (method: string, ...params: unknown[]) => {
      const response = await fetch(`http://127.0.0.1:${Number(port)}/RPC2`, {
        method: "POST",
        headers: { "content-type": "text/xml" },
        body: encodeXMLRPCCall(method, params, options),
      });
      return decodeXMLRPCResponse(await response.bytes(), options);
    };
    const date = new Temporal.PlainDateTime(2005, 2, 10, 11, 41, 23);
    const values: [unknown, string, string][] = [
      [1, "int", "1"],
      [-(2 ** 31), "int", "-2147483648"],
      [2 ** 31, "float", "2147483648.0"],
      [1e300, "float", "1e+300"],
      [-5e-324, "float", "-5e-324"],
      [-0, "float", "-0.0"],
      [new XMLRPCDouble(2), "float", "2.0"],
      [2n ** 63n - 1n, "int", "9223372036854775807"],
      [true, "bool", "True"],
      [null, "NoneType", "None"],
      [CONTROLS, "str", "'a&b<c>\\r\\n\\t'"],
      ["é€😀]]>", "str", "'é€😀]]>'"],
      [date, "datetime", "datetime.datetime(2005, 2, 10, 11, 41, 23)"],
      [new Date(0), "datetime", "datetime.datetime(1970, 1, 1, 0, 0)"],
      [new Uint8Array([0, 255]), "bytes", "b'\\x00\\xff'"],
      [[1, ["2"]], "list", "[1, ['2']]"],
      [{ a: { "<&>": [] } }, "dict", "{'a': {'<&>': []}}"],
    ];
    for (const [value, type, shown] of values) {
      strictEqual(await call("type", value), type);
      strictEqual(await call("repr", value), shown);
    }
    const same = values.map(([value]) => value)
      // These it sends back as something else, CR as it is.
      .filter((value) =>
        !(value === CONTROLS || value instanceof Date ||
          value instanceof XMLRPCDouble ||
          typeof value === "bigint")
      );
    deepStrictEqual(await call("same", same), same);
    strictEqual(`${await call("same", date)}`, `${date}`);
    const text = "é&".repeat(2_000_000);
    ok(await call("same", text) === text);
    let deep: unknown = [];
    for (let i = 1; i < 1000; i++) deep = [deep];
    strictEqual(JSON.stringify(await call("same", deep)), JSON.stringify(deep));
    deepStrictEqual(
      await call("system.multicall", [
        { methodName: "add", params: [2, 3] },
        { methodName: "fail", params: [7, "seven"] },
      ]),
      [[5], { faultCode: 7, faultString: "seven" }],
    );
    ok((await call("system.listMethods") as string[]).includes("add"));
    const failed = await call("fail", 42, "<Test & Fault>").catch((e) => e);
    throws(() => {
      throw failed;
    }, { name: "XMLRPCFault", faultCode: 42, faultString: "<Test & Fault>" });
    peer.kill("SIGTERM");
  },
);
