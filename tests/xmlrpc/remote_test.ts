import {
  match,
  notStrictEqual,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  decodeXMLRPCResponse,
  DocXMLRPCServer,
  encodeXMLRPCCall,
  ForkingDocXMLRPCServer,
  ForkingSimpleXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  ThreadingDocXMLRPCServer,
  ThreadingSimpleXMLRPCServer,
} from "../../server/xmlrpc/mod.ts";
import {
  ForkingMixIn,
  ThreadingMixIn,
  TLSServer,
  UnixStreamServer,
} from "../../mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { Folder } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { call, post, urlOf } from "./_client.ts";
import { Everywhere, Nowhere } from "./_handlers.ts";

Deno.test("ThreadingSimpleXMLRPCServer calls functions in threads", async () => {
  await using served = await serveForTest(
    new ThreadingSimpleXMLRPCServer(LOOPBACK, Everywhere, { workers: 1 }),
  );
  const { server } = served;
  strictEqual(await call(server, "count"), 1);
  strictEqual(await call(server, "count"), 2);
  // Here it is another.
  strictEqual(await Everywhere.dispatcher.dispatch("count", []), 1);
  strictEqual(await call(server, "add", [2, 3]), 5);
  await rejects(call(server, "fail"), { faultCode: 42 });
  await rejects(call(server, "missing"), { faultCode: -32601 });
});

Deno.test("ForkingSimpleXMLRPCServer calls functions in processes", async () => {
  await using served = await serveForTest(
    new ForkingSimpleXMLRPCServer(LOOPBACK, Everywhere, { maxChildren: 1 }),
  );
  const { server } = served;
  notStrictEqual(await call(server, "pid"), Deno.pid);
  strictEqual(await call(server, "add", [2, 3]), 5);
  await rejects(call(server, "fail"), { faultCode: 42 });
});

Deno.test("long strings and deep arrays pass through threads and processes", async () => {
  const text = "é".repeat(2_000_000);
  let deep: unknown = [];
  for (let i = 1; i < 1000; i++) deep = [deep];
  for (
    const Server of [ThreadingSimpleXMLRPCServer, ForkingSimpleXMLRPCServer]
  ) {
    await using served = await serveForTest(Everywhere, { server: Server });
    const { server } = served;
    strictEqual(await call(server, "same", [text]), text);
    const again = await call(server, "same", [deep]);
    strictEqual(JSON.stringify(again), JSON.stringify(deep));
    strictEqual(await call(server, "same", [null], { allowNil: true }), null);
  }
});

Deno.test("the mixins make the same servers, and documentation comes from there", async () => {
  const servers = [
    new (ThreadingMixIn(SimpleXMLRPCServer))(LOOPBACK, Everywhere),
    new (ForkingMixIn(DocXMLRPCServer))(LOOPBACK, Everywhere),
    new ThreadingDocXMLRPCServer(LOOPBACK, Everywhere),
    new ForkingDocXMLRPCServer(LOOPBACK, Everywhere),
  ];
  for (const starting of servers) {
    await using served = await serveForTest(starting);
    const response = await fetch(urlOf(served.server), {
      headers: { connection: "close" },
    });
    match(await response.text(), /<h1>Everywhere<\/h1>/);
  }
});

Deno.test("nothing can be registered that threads would not see", async () => {
  await using server = new ThreadingSimpleXMLRPCServer(LOOPBACK, Everywhere);
  throws(() => server.registerFunction(Math.max), {
    name: "TypeError",
    message: /the handler class "Everywhere" has its own dispatcher/,
  });
});

Deno.test("a handler that does not say where it lives is refused", () => {
  throws(
    () => new ThreadingSimpleXMLRPCServer(LOOPBACK, SimpleXMLRPCRequestHandler),
    { name: "TypeError", message: /does not say where it lives/ },
  );
});

Deno.test("a handler without a dispatcher is 500 in a thread, and reported", async () => {
  await using served = await serveForTest(Nowhere, {
    server: ThreadingSimpleXMLRPCServer,
  });
  const response = await post(served.server, encodeXMLRPCCall("add", [1, 2]));
  await response.body?.cancel();
  strictEqual(response.status, 500);
  const [error] = await served.untilErrors();
  match(`${error}`, /add to the class Nowhere: static override readonly/);
});

/** Adds two numbers over whatever connection the client makes. */
async function add(url: string, client: Deno.HttpClient) {
  const body = encodeXMLRPCCall("add", [2, 3]);
  const response = await fetch(url, { method: "POST", body, client });
  return decodeXMLRPCResponse(await response.bytes());
}

Deno.test("XML-RPC is served on a Unix path", async () => {
  await using folder = new Folder();
  const path = folder.at("socket");
  await using _served = await serveForTest(
    new UnixStreamServer({ path }, Everywhere),
  );
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  strictEqual(await add("http://localhost/RPC2", client), 5);
});

Deno.test("XML-RPC is served over TLS", async () => {
  const { cert, key } = await selfSignedCertificate();
  await using served = await serveForTest(
    new TLSServer({ ...LOOPBACK, cert, key }, Everywhere),
  );
  using client = Deno.createHttpClient({ caCerts: [cert] });
  strictEqual(await add(`https://localhost:${served.addr.port}/`, client), 5);
});
