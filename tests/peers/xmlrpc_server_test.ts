import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import {
  MultiCall,
  ServerProxy,
  XMLRPCClient,
  type XMLRPCClientOptions,
  XMLRPCProtocolError,
  type XMLRPCSystemMethods,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { makeCertificate } from "../_certificate.ts";
import { type Child, Folder, Program, testWith } from "../_program.ts";

const python = new Program("python3", "python3");

/** CPython's servers, with what tells how they were called. */
const SERVER = `
import base64, faulthandler, os, socketserver, ssl, sys
from xmlrpc.server import (DocXMLRPCServer, SimpleXMLRPCDispatcher,
                           SimpleXMLRPCRequestHandler, SimpleXMLRPCServer)
import xmlrpc.client
sys.setrecursionlimit(20000)
faulthandler.dump_traceback_later(50, exit=True)
kind, *args = sys.argv[1:]
seen = {"connections": 0}

class Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)
    # A Unix socket has no such option.
    disable_nagle_algorithm = kind != "unix"
    protocol_version = "HTTP/1.1" if kind == "keep" else "HTTP/1.0"
    def setup(self):
        seen["connections"] += 1
        super().setup()
    def address_string(self):
        return "a client"
    def do_POST(self):
        seen["headers"] = dict(self.headers.items())
        if kind == "auth" and self.headers["Authorization"] != "Basic " + base64.b64encode("usér:pass".encode()).decode():
            return self.send_error(401)
        super().do_POST()

class Math:
    class inner:
        @staticmethod
        def half(a):
            return a / 2

def fail(code, text):
    raise xmlrpc.client.Fault(code, text)

def broken():
    raise RuntimeError("broken")

class UnixServer(socketserver.UnixStreamServer, SimpleXMLRPCDispatcher):
    def __init__(self, path):
        self.logRequests = False
        SimpleXMLRPCDispatcher.__init__(self, True, None, True)
        socketserver.UnixStreamServer.__init__(self, path, Handler)

if kind == "unix":
    server = UnixServer(args[0])
else:
    Server = DocXMLRPCServer if kind == "doc" else SimpleXMLRPCServer
    options = {} if kind == "doc" else {"requestHandler": Handler}
    server = Server(("127.0.0.1", 0), logRequests=False, allow_none=True,
                    use_builtin_types=True, **options)
    if kind == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args)
        server.socket = context.wrap_socket(server.socket, server_side=True)
with server:
    server.register_introspection_functions()
    server.register_multicall_functions()
    server.register_function(lambda x: x, "same")
    server.register_function(lambda x: repr(x), "repr")
    server.register_function(lambda a, b: a + b, "add")
    server.register_function(lambda: seen, "seen")
    server.register_function(fail)
    server.register_function(broken)
    server.register_instance(Math(), allow_dotted_names=True)
    print("/" if kind == "unix" else server.server_address[1], flush=True)
    server.serve_forever()
`;

interface Methods extends XMLRPCSystemMethods {
  add<T extends number | string>(a: T, b: T): T;
  same(value: unknown): XMLRPCValue;
  repr(value: unknown): string;
  seen(): { connections: number; headers: Record<string, string> };
  fail(code: number, text: string): never;
  broken(): never;
  inner: { half(a: number): number };
}

/** Starts one of CPython's servers, and waits until it listens. */
async function start(
  kind: string,
  ...args: string[]
): Promise<{ peer: Child; port: number }> {
  const peer = python.start("-I", "-c", SERVER, kind, ...args);
  const [printed] = await peer.until(/^\S+\n/);
  return { peer, port: Number(printed) };
}

/** Both ways to a port. */
const waysTo = (port: number): XMLRPCClientOptions[] => [
  {},
  { connect: () => Deno.connect({ port }) },
];

/** Calls whatever a server of CPython's has. */
async function exercise(
  url: string,
  options: XMLRPCClientOptions,
): Promise<void> {
  using server = new ServerProxy<Methods>(url, { ...options, allowNil: true });
  strictEqual(await server.add(2, 3), 5);
  strictEqual(await server.add("Pŷt", "hơn"), "Pŷthơn");
  strictEqual(await server.inner.half(3), 1.5);
  const values = [
    ...[1, -1, 2 ** 31, 0.1, true, null, "é€😀]]>&<"],
    ...[new Uint8Array([0, 255]), [[], [1]], { a: { "<&>": [] } }],
  ];
  deepStrictEqual(await server.same(values), values);
  const date = new Temporal.PlainDateTime(2005, 2, 10, 11, 41, 23);
  strictEqual(`${await server.same(date)}`, `${date}`);
  strictEqual(await server.repr([2n ** 40n, -0]), "[1099511627776, -0.0]");
  // It is compressed where that is asked for.
  const text = "é&\n".repeat(300_000);
  ok(await server.same(text) === text);
  await rejects(server.fail(42, "<Test & Fault>"), {
    name: "XMLRPCFault",
    faultCode: 42,
    faultString: "<Test & Fault>",
  });
  await rejects(server.broken(), {
    faultCode: 1,
    faultString: "<class 'RuntimeError'>:broken",
  });
  const names = await server.system.listMethods();
  ok(names.includes("add") && names.includes("system.multicall"));
  strictEqual(
    await server.system.methodSignature("add"),
    "signatures not supported",
  );
  const calls = new MultiCall(server);
  const sum = calls.add(2, 3);
  calls.fail(7, "seven");
  const half = calls.inner.half(5);
  const results = await calls();
  strictEqual(results.get(sum), 5);
  await rejects(async () => await results.get(1), { faultCode: 7 });
  strictEqual(results.get(half), 2.5);
}

for (const kind of ["simple", "keep", "doc"]) {
  testWith([python], `CPython's server is called: ${kind}`, async () => {
    const { peer, port } = await start(kind);
    await using _ = peer;
    // It serves one connection at a time, and fetch keeps those of before.
    const ways = waysTo(port).slice(kind === "keep" ? 1 : 0);
    for (const options of ways) {
      await exercise(`http://127.0.0.1:${port}/RPC2`, options);
    }
  });
}

testWith(
  [python],
  "CPython's server is called over a Unix socket",
  async () => {
    await using folder = new Folder();
    const path = folder.at("socket");
    const { peer } = await start("unix", path);
    await using _ = peer;
    await exercise("http://localhost", {
      connect: () => Deno.connect({ transport: "unix", path }),
    });
  },
);

testWith([python], "CPython's server is called over TLS", async () => {
  await using folder = new Folder();
  const { cert } = await makeCertificate(folder);
  const { peer, port } = await start(
    "tls",
    folder.at("cert.pem"),
    folder.at("cert.key"),
  );
  await using _ = peer;
  const url = `https://localhost:${port}`;
  using client = Deno.createHttpClient({ caCerts: [cert] });
  await exercise(url, {
    fetch: (url, init) => fetch(url, { ...init, client }),
  });
  await exercise(url, {
    connect: () =>
      Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] }),
  });
});

testWith(
  [python],
  "CPython's server sees whom it asked for, and refuses others",
  async () => {
    const { peer, port } = await start("auth");
    await using _ = peer;
    for (const options of waysTo(port)) {
      const origin = `127.0.0.1:${port}`;
      using known = new ServerProxy<Methods>(`http://usér:pass@${origin}`, {
        ...options,
        headers: { "X-Spam": "eggs" },
      });
      const { headers } = await known.seen();
      const lower = new Headers(headers);
      strictEqual(lower.get("host"), origin);
      strictEqual(lower.get("x-spam"), "eggs");
      strictEqual(lower.get("content-type"), "text/xml");
      using other = new XMLRPCClient(`http://usér:wrong@${origin}`, options);
      await rejects(other.call("seen"), (error) => {
        ok(error instanceof XMLRPCProtocolError);
        strictEqual(error.status, 401);
        strictEqual(error.statusText, "Unauthorized");
        strictEqual(error.url, `http://${origin}/RPC2`);
        return true;
      });
      using elsewhere = new XMLRPCClient(
        `http://usér:pass@${origin}/spam`,
        options,
      );
      await rejects(elsewhere.call("seen"), { status: 404 });
    }
  },
);

testWith(
  [python],
  "a connection to CPython's server carries many calls",
  async () => {
    const { peer, port } = await start("keep");
    await using _ = peer;
    using server = new ServerProxy<Methods>("http://127.0.0.1", {
      connect: () => Deno.connect({ port }),
    });
    for (let n = 0; n < 10; n++) strictEqual(await server.add(n, 1), n + 1);
    strictEqual((await server.seen()).connections, 1);
  },
);
