import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  CGIXMLRPCRequestHandler,
  decodeXMLRPCResponse,
  DocCGIXMLRPCRequestHandler,
  encodeXMLRPCCall,
} from "../../server/xmlrpc/mod.ts";
import { Child } from "../_program.ts";

const encoder = new TextEncoder();

/** Has a request answered, and gives the answer's header and body. */
async function answer(
  handler: CGIXMLRPCRequestHandler,
  env: Record<string, string>,
  body: string,
): Promise<{ header: string[]; body: string }> {
  let rest = encoder.encode(body);
  let output = "";
  const decoder = new TextDecoder();
  await handler.handleRequest({
    env: { get: (name) => env[name] },
    stdin: {
      read(buffer) {
        if (rest.length === 0) return Promise.resolve(null);
        const part = rest.subarray(0, buffer.length);
        buffer.set(part);
        rest = rest.subarray(part.length);
        return Promise.resolve(part.length);
      },
    },
    stdout: {
      write(data) {
        output += decoder.decode(data, { stream: true });
        return Promise.resolve(data.length);
      },
    },
  });
  const end = output.indexOf("\n\n");
  return {
    header: output.slice(0, end).split("\n"),
    body: output.slice(end + 2),
  };
}

function handler(): CGIXMLRPCRequestHandler {
  const handler = new CGIXMLRPCRequestHandler();
  handler.registerFunction((a: number, b: number) => a + b, { name: "add" });
  handler.registerFunction((text: string) => text.length, { name: "length" });
  handler.registerFunction(() => "é€", { name: "text" });
  return handler;
}

const length = (text: string) => String(encoder.encode(text).length);

Deno.test("CGIXMLRPCRequestHandler answers a call", async () => {
  const call = encodeXMLRPCCall("add", [2, 3]);
  const { header, body } = await answer(
    handler(),
    { REQUEST_METHOD: "POST", CONTENT_LENGTH: length(call) },
    call,
  );
  deepStrictEqual(header, [
    "Status: 200 OK",
    "Content-Type: text/xml",
    `Content-Length: ${length(body)}`,
  ]);
  strictEqual(decodeXMLRPCResponse(body), 5);
});

Deno.test("CGIXMLRPCRequestHandler counts its answer in bytes", async () => {
  const call = encodeXMLRPCCall("text", []);
  const { header, body } = await answer(handler(), {}, call);
  strictEqual(decodeXMLRPCResponse(body), "é€");
  strictEqual(header[2], `Content-Length: ${body.length + 3}`);
});

Deno.test("CGIXMLRPCRequestHandler reads as much as CONTENT_LENGTH says", async () => {
  const call = encodeXMLRPCCall("length", ["é".repeat(100_000)]);
  const ask = async (CONTENT_LENGTH: string, sent = call) => {
    const { body } = await answer(handler(), { CONTENT_LENGTH }, sent);
    return body;
  };
  const whole = length(call);
  strictEqual(decodeXMLRPCResponse(await ask(whole)), 100_000);
  strictEqual(decodeXMLRPCResponse(await ask(whole, `${call}rest`)), 100_000);
  // Not told, or told something else, it reads to the end.
  for (const unknown of ["", "-1", "many"]) {
    strictEqual(decodeXMLRPCResponse(await ask(unknown)), 100_000);
  }
  for (
    const body of [
      await ask(whole, call.slice(0, -20)),
      await ask(String(Number(whole) - 20)),
      await ask("0"),
    ]
  ) {
    throws(() => decodeXMLRPCResponse(body), { faultCode: -32700 });
  }
});

Deno.test("CGIXMLRPCRequestHandler answers faults with status 200", async () => {
  const { header, body } = await answer(
    handler(),
    { REQUEST_METHOD: "POST" },
    encodeXMLRPCCall("test_method", ["foo", "bar"]),
  );
  strictEqual(header[0], "Status: 200 OK");
  throws(() => decodeXMLRPCResponse(body), { faultCode: -32601 });
});

Deno.test("CGIXMLRPCRequestHandler answers GET and HEAD with 400", async () => {
  for (const REQUEST_METHOD of ["GET", "HEAD"]) {
    const { header, body } = await answer(handler(), { REQUEST_METHOD }, "");
    deepStrictEqual(header, [
      "Status: 400 Bad Request",
      "Content-Type: text/plain",
      `Content-Length: ${length(body)}`,
    ]);
  }
});

Deno.test("CGIXMLRPCRequestHandler answers a call of more than 64 MiB with 413", async () => {
  const { header } = await answer(
    handler(),
    { REQUEST_METHOD: "POST", CONTENT_LENGTH: String(2 ** 26 + 1) },
    "",
  );
  strictEqual(header[0], "Status: 413 Content Too Large");
});

Deno.test("DocCGIXMLRPCRequestHandler answers GET with the documentation", async () => {
  const handler = new DocCGIXMLRPCRequestHandler({
    documentation: { title: "Adder" },
  });
  handler.registerFunction((a: number, b: number) => a + b, { name: "add" });
  const page = await answer(handler, { REQUEST_METHOD: "GET" }, "");
  deepStrictEqual(page.header, [
    "Status: 200 OK",
    "Content-Type: text/html; charset=UTF-8",
    `Content-Length: ${length(page.body)}`,
  ]);
  match(page.body, /<h1>Adder<\/h1>/);
  handler.setServerTitle("Calculator");
  handler.setServerName("Its methods");
  handler.setServerDocumentation("See self.add");
  const changed = await answer(handler, { REQUEST_METHOD: "GET" }, "");
  match(changed.body, /<title>Calculator<\/title>/);
  match(changed.body, /<h1>Its methods<\/h1>\n<p>See self\.<a href/);
  throws(() => handler.setServerTitle(1 as unknown as string), TypeError);
  const { body } = await answer(handler, {}, encodeXMLRPCCall("add", [1, 2]));
  strictEqual(decodeXMLRPCResponse(body), 3);
});

Deno.test("a CGI script needs two variables, stdin and stdout", async () => {
  const call = encodeXMLRPCCall("add", [2, 3]);
  await using script = new Child(
    Deno.execPath(),
    [
      ...["run", "--quiet", "--no-prompt"],
      "--allow-env=REQUEST_METHOD,CONTENT_LENGTH",
      `${import.meta.dirname}/_cgi_script.ts`,
    ],
    { REQUEST_METHOD: "POST", CONTENT_LENGTH: length(call) },
  );
  // Nobody ends its input: CONTENT_LENGTH says where the request does.
  await script.send(call);
  await script.until("<int>5</int>");
  const { code, stderr } = await script.output();
  strictEqual(stderr, "");
  strictEqual(code, 0);
});
