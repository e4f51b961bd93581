import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  MultiPathXMLRPCRequestHandler,
  MultiPathXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  XMLRPCDispatcher,
  XMLRPCFault,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask, LOOPBACK } from "../_loopback.ts";
import { call, post, urlOf } from "./_client.ts";

const quiet = { logRequests: false };
const add = (a: number, b: number) => a + b;

function adder(): SimpleXMLRPCServer {
  const server = new SimpleXMLRPCServer(LOOPBACK, quiet);
  server.registerFunction(add);
  return server;
}

Deno.test("SimpleXMLRPCServer answers calls", async () => {
  await using served = await serveForTest(adder());
  const { server } = served;
  strictEqual(await call(server, "add", [2, 3]), 5);
  strictEqual(await call(server, "add", ["Pŷt", "hơn"]), "Pŷthơn");
  await rejects(call(server, "sub", [2, 3]), { faultCode: -32601 });
  await rejects(call(server, "add", [2]), { faultCode: -32602 });
});

Deno.test("SimpleXMLRPCServer has the methods of its dispatcher", async () => {
  await using served = await serveForTest(adder());
  const { server } = served;
  server.registerIntrospectionFunctions();
  server.registerMulticallFunctions();
  server.registerInstance({ math: { max: Math.max } }, {
    allowDottedNames: true,
  });
  strictEqual(await call(server, "math.max", [1, 3, 2]), 3);
  ok((await call(server, "system.listMethods") as string[]).includes("add"));
  deepStrictEqual(
    await call(server, "system.multicall", [[
      { methodName: "add", params: [2, 3] },
    ]]),
    [[5]],
  );
});

Deno.test("an answer is 200, text/xml, of known length", async () => {
  await using served = await serveForTest(adder());
  for (const body of [encodeXMLRPCCall("add", [1, 2]), "not XML"]) {
    const response = await post(served.server, body);
    strictEqual(response.status, 200);
    strictEqual(response.headers.get("content-type"), "text/xml");
    const { length } = await response.bytes();
    strictEqual(response.headers.get("content-length"), String(length));
  }
});

Deno.test("calls are answered at / and /RPC2, others are 404", async () => {
  await using served = await serveForTest(adder());
  const { server } = served;
  const body = encodeXMLRPCCall("add", [1, 2]);
  for (const path of ["/", "/RPC2"]) {
    const response = await post(server, body, {}, path);
    strictEqual(decodeXMLRPCResponse(await response.bytes()), 3);
  }
  for (const path of ["/this-is-not-valid", "/RPC2/", "/rpc2", "/RPC2?a=b"]) {
    const response = await post(server, body, {}, path);
    strictEqual(response.status, 404);
    strictEqual(response.statusText, "Not Found");
    strictEqual(response.headers.get("content-type"), "text/plain");
    strictEqual(await response.text(), "No such page");
  }
});

Deno.test("a call may name the server in its path", async () => {
  await using served = await serveForTest(adder());
  const body = encodeXMLRPCCall("add", [1, 2]);
  const answer = await ask(
    served.addr,
    `POST http://x:80/RPC2 HTTP/1.1\r\nHost: x:80\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  match(answer, /^HTTP\/1.1 200 OK\r\n.*<int>3<\/int>/s);
});

Deno.test("rpcPaths are the handler class's own", async () => {
  class Elsewhere extends SimpleXMLRPCRequestHandler {
    static override readonly rpcPaths: readonly string[] = ["/api?v=1"];
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Elsewhere, quiet),
  );
  const { server } = served;
  server.registerFunction(add);
  const body = encodeXMLRPCCall("add", [1, 2]);
  const statuses = [];
  for (const path of ["/api?v=1", "/RPC2"]) {
    const response = await post(server, body, {}, path);
    statuses.push(response.status);
    await response.body?.cancel();
  }
  deepStrictEqual(statuses, [200, 404]);
});

Deno.test("GET is 501: calls are sent by POST", async () => {
  class Silent extends SimpleXMLRPCRequestHandler {
    override logMessage(): void {}
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Silent),
  );
  const response = await fetch(urlOf(served.server), {
    headers: { connection: "close" },
  });
  strictEqual(response.status, 501);
  await response.body?.cancel();
});

Deno.test("one connection carries many calls", async () => {
  const connections = new Set<Deno.Conn>();
  class Counting extends SimpleXMLRPCRequestHandler {
    override dispatch(method: string, params: XMLRPCValue[]) {
      connections.add(this.request);
      return super.dispatch(method, params);
    }
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Counting, quiet),
  );
  served.server.registerFunction(add);
  const body = encodeXMLRPCCall("add", [1, 2]);
  const request =
    `POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const answer = await ask(served.addr, request.repeat(5));
  strictEqual(answer.match(/<int>3<\/int>/g)?.length, 5);
  strictEqual(connections.size, 1);
});

Deno.test("a handler sees the request of a call", async () => {
  class Polite extends SimpleXMLRPCRequestHandler {
    override async dispatch(method: string, params: XMLRPCValue[]) {
      if (method !== "who") return await super.dispatch(method, params);
      return [this.headers.get("x-name"), this.clientAddress.transport];
    }
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Polite, quiet),
  );
  const { server } = served;
  server.registerFunction(add);
  const response = await post(server, encodeXMLRPCCall("who", []), {
    "x-name": "Ada",
  });
  deepStrictEqual(decodeXMLRPCResponse(await response.bytes()), ["Ada", "tcp"]);
  strictEqual(await call(server, "add", [1, 2]), 3);
});

Deno.test("a handler that refuses calls refuses them in a multicall too", async () => {
  class Guarded extends SimpleXMLRPCRequestHandler {
    override async dispatch(method: string, params: XMLRPCValue[]) {
      if (method === "secret") throw new XMLRPCFault(403, "Not for you");
      return await super.dispatch(method, params);
    }
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Guarded, quiet),
  );
  const { server } = served;
  server.registerFunction(() => "secret", { name: "secret" });
  server.registerFunction(add);
  server.registerMulticallFunctions();
  await rejects(call(server, "secret"), { faultCode: 403 });
  deepStrictEqual(
    await call(server, "system.multicall", [[
      { methodName: "secret", params: [] },
      { methodName: "add", params: [1, 2] },
    ]]),
    [{ faultCode: 403, faultString: "Not for you" }, [3]],
  );
});

Deno.test("a body in chunks is read", async () => {
  await using served = await serveForTest(adder());
  const bytes = new TextEncoder().encode(encodeXMLRPCCall("add", [1, 2]));
  const response = await fetch(urlOf(served.server), {
    method: "POST",
    headers: { connection: "close" },
    body: ReadableStream.from([bytes.subarray(0, 30), bytes.subarray(30)]),
  });
  strictEqual(decodeXMLRPCResponse(await response.bytes()), 3);
});

Deno.test("a body that ends too soon calls nothing", async () => {
  let called = false;
  class Silent extends SimpleXMLRPCRequestHandler {
    override logMessage(): void {}
  }
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Silent),
  );
  const { server } = served;
  server.registerFunction(() => called = true, { name: "call" });
  const body = encodeXMLRPCCall("call", []);
  await ask(
    server.addr,
    `POST /RPC2 HTTP/1.0\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`,
  );
  strictEqual(called, false);
  strictEqual(await call(server, "call"), true);
});

const gzip = (data: string | Uint8Array) => new Uint8Array(gzipSync(data));

Deno.test("a body that is compressed with gzip is read", async () => {
  await using served = await serveForTest(adder());
  const body = gzip(encodeXMLRPCCall("add", ["x".repeat(1000), "y"]));
  for (const encoding of ["gzip", "GZIP", "x-gzip"]) {
    const response = await post(served.server, body, {
      "content-encoding": encoding,
    });
    strictEqual(
      (decodeXMLRPCResponse(await response.bytes()) as string).length,
      1001,
    );
  }
});

class Small extends SimpleXMLRPCRequestHandler {
  static override readonly limits = { maxBodySize: 100_000 };
  override logMessage(): void {}
}

Deno.test("a body that cannot be decompressed is 400, 413 or 501", async () => {
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Small),
  );
  const { server } = served;
  server.registerFunction((text: string) => text.length, { name: "length" });
  const sized = (size: number) => {
    const text = "x".repeat(size - encodeXMLRPCCall("length", [""]).length);
    return encodeXMLRPCCall("length", [text]);
  };
  const whole = gzip(sized(100_000));
  const bodies: [Uint8Array<ArrayBuffer> | string, string, number][] = [
    [whole, "gzip", 200],
    [whole.subarray(0, -9), "gzip", 400],
    [new Uint8Array([31, 139, 8]), "gzip", 400],
    ["not gzip", "gzip", 400],
    [gzip(sized(100_001)), "gzip", 413],
    [gzip(new Uint8Array(100_000_000)), "gzip", 413],
    [sized(100_000), "identity", 200],
    [sized(100_001), "identity", 413],
    [sized(1_000), "br", 501],
    [whole, "gzip, gzip", 501],
  ];
  for (const [body, encoding, status] of bodies) {
    const response = await post(server, body, { "content-encoding": encoding });
    await response.body?.cancel();
    strictEqual(response.status, status, `${body.length} ${encoding}`);
  }
  strictEqual(await call(server, "length", ["123"]), 3);
});

/** The body as it came, and how it is encoded. */
async function raw(
  server: SimpleXMLRPCServer,
  size: number,
  accept: string | undefined,
): Promise<[encoding: string | undefined, body: Uint8Array]> {
  const body = encodeXMLRPCCall("text", [size]);
  const accepts = accept === undefined ? "" : `Accept-Encoding: ${accept}\r\n`;
  using conn = await Deno.connect(server.addr);
  await conn.write(
    new TextEncoder().encode(
      `POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${accepts}Content-Length: ${body.length}\r\n\r\n${body}`,
    ),
  );
  const all = new Uint8Array(
    await new Response(
      ReadableStream.from(chunks(conn)) as ReadableStream<
        Uint8Array<ArrayBuffer>
      >,
    ).arrayBuffer(),
  );
  const text = new TextDecoder("latin1").decode(all);
  const end = text.indexOf("\r\n\r\n");
  const encoding = /^content-encoding: (.*)\r$/im.exec(text.slice(0, end + 2));
  return [encoding?.[1], all.subarray(end + 4)];
}

async function* chunks(conn: Deno.Conn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  for (let n; (n = await conn.read(buffer)) !== null;) yield buffer.slice(0, n);
}

Deno.test("an answer is compressed if it is long and the client accepts gzip", async () => {
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, quiet),
  );
  const { server } = served;
  server.registerFunction((size: number) => "x".repeat(size), { name: "text" });
  const accepted = ["gzip", "deflate, GZip;q=0.5", "x-gzip", "br, gzip; q=1"];
  for (const accept of accepted) {
    const [encoding, body] = await raw(server, 5000, accept);
    strictEqual(encoding, "gzip");
    ok(body.length < 500);
    strictEqual(
      decodeXMLRPCResponse(new Uint8Array(gunzipSync(body))),
      "x".repeat(5000),
    );
    strictEqual((await raw(server, 100, accept))[0], undefined);
  }
  for (const accept of [undefined, "", "br", "gzip;q=0", "gzip;q=0.0, br"]) {
    const [encoding, body] = await raw(server, 5000, accept);
    strictEqual(encoding, undefined);
    strictEqual(decodeXMLRPCResponse(body), "x".repeat(5000));
  }
});

Deno.test("encodeThreshold is the handler class's own", async () => {
  for (const [threshold, expected] of [[0, "gzip"], [Infinity, undefined]]) {
    class Threshold extends SimpleXMLRPCRequestHandler {
      static override readonly encodeThreshold = threshold as number;
    }
    await using served = await serveForTest(
      new SimpleXMLRPCServer(LOOPBACK, Threshold, quiet),
    );
    const { server } = served;
    server.registerFunction((size: number) => "x".repeat(size), {
      name: "text",
    });
    for (const size of [1, 10_000]) {
      strictEqual((await raw(server, size, "gzip"))[0], expected);
    }
  }
});

Deno.test("logRequests: false logs nothing, and by default each is logged", async () => {
  const logged: string[] = [];
  class Logging extends SimpleXMLRPCRequestHandler {
    override logMessage(message: string): void {
      logged.push(message);
    }
  }
  for (const logRequests of [undefined, true, false]) {
    await using served = await serveForTest(
      new SimpleXMLRPCServer(
        LOOPBACK,
        Logging,
        logRequests === undefined ? {} : { logRequests },
      ),
    );
    const { server } = served;
    server.registerFunction(add);
    await call(server, "add", [1, 2]);
  }
  deepStrictEqual(logged, Array(2).fill('"POST /RPC2 HTTP/1.1" 200 -'));
});

Deno.test("a handler class with a dispatcher needs no server of XML-RPC", async () => {
  class Own extends SimpleXMLRPCRequestHandler {
    static override readonly dispatcher: XMLRPCDispatcher =
      new XMLRPCDispatcher();
    static {
      this.dispatcher.registerFunction(add);
    }
    override logMessage(): void {}
  }
  await using plain = await serveForTest(Own);
  strictEqual(await call(plain.server, "add", [1, 2]), 3);
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, Own),
  );
  const { server } = served;
  strictEqual(await call(server, "add", [1, 2]), 3);
  strictEqual(server.dispatcher, Own.dispatcher);
  const message =
    'Cannot register with the server: the handler class "Own" has its own dispatcher; register there, in its module';
  throws(() => server.registerFunction(add), { name: "TypeError", message });
  throws(() => server.registerInstance({}), { name: "TypeError", message });
  throws(() => server.registerIntrospectionFunctions(), { message });
  throws(() => server.registerMulticallFunctions(), { message });
});

Deno.test("a handler without any dispatcher is 500, and told to handleError", async () => {
  class None extends SimpleXMLRPCRequestHandler {
    override logMessage(): void {}
  }
  await using served = await serveForTest(None);
  const response = await post(served.server, encodeXMLRPCCall("add", [1, 2]));
  strictEqual(response.status, 500);
  doesNotMatch(JSON.stringify([...response.headers]), /exception|traceback/i);
  doesNotMatch(await response.text(), /Cannot find/);
  const [error] = await served.untilErrors();
  match(`${error}`, /^Error: Cannot find the functions to call: .*class None:/);
});

Deno.test("SimpleXMLRPCServer refuses options that are out of range", () => {
  throws(() => new SimpleXMLRPCServer(LOOPBACK, { maxDepth: 0 }), {
    name: "RangeError",
  });
  throws(() => new SimpleXMLRPCServer({ ...LOOPBACK, port: -1 }), {
    name: "RangeError",
  });
});

Deno.test("MultiPathXMLRPCServer has a dispatcher for each path", async () => {
  await using served = await serveForTest(
    new MultiPathXMLRPCServer(LOOPBACK, quiet),
  );
  const { server } = served;
  for (const path of ["/foo", "/foo/bar", "/foo?k=v", "/"]) {
    const dispatcher = server.addDispatcher(path, new XMLRPCDispatcher());
    strictEqual(server.getDispatcher(path), dispatcher);
    dispatcher.registerFunction(() => path, { name: "test" });
  }
  const body = encodeXMLRPCCall("test", []);
  for (const path of ["/foo", "/foo/bar", "/foo?k=v", "/"]) {
    const response = await post(server, body, {}, path);
    strictEqual(decodeXMLRPCResponse(await response.bytes()), path);
  }
  for (const path of ["/invalid", "/RPC2", "/foo/"]) {
    const response = await post(server, body, {}, path);
    await response.body?.cancel();
    strictEqual(response.status, 404);
  }
});

Deno.test("a method of one path is unknown at another", async () => {
  await using served = await serveForTest(
    new MultiPathXMLRPCServer(LOOPBACK, quiet),
  );
  const { server } = served;
  server.addDispatcher("/foo", new XMLRPCDispatcher())
    .registerFunction(Math.pow, { name: "pow" });
  server.addDispatcher("/foo/bar", new XMLRPCDispatcher())
    .registerFunction(add);
  const answer = async (path: string, method: string) => {
    const body = encodeXMLRPCCall(method, [6, 8]);
    const response = await post(server, body, {}, path);
    return decodeXMLRPCResponse(await response.bytes());
  };
  strictEqual(await answer("/foo", "pow"), 6 ** 8);
  strictEqual(await answer("/foo/bar", "add"), 14);
  await rejects(answer("/foo", "add"), { faultCode: -32601 });
  await rejects(answer("/foo/bar", "pow"), { faultCode: -32601 });
});

Deno.test("a target with a fragment or without a path is 400, whatever has its name", async () => {
  class Silent extends MultiPathXMLRPCRequestHandler {
    override logMessage(): void {}
  }
  await using served = await serveForTest(
    new MultiPathXMLRPCServer(LOOPBACK, Silent),
  );
  const body = encodeXMLRPCCall("test", []);
  for (const target of ["/foo#frag", "/foo?k=v#frag", "?k=v", "#frag"]) {
    served.server.addDispatcher(target, new XMLRPCDispatcher())
      .registerFunction(() => target, { name: "test" });
    const answer = await ask(
      served.addr,
      `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    match(answer, /^HTTP\/1\.1 400 /, target);
  }
});
