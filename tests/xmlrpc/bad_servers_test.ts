import { match, ok, rejects, strictEqual } from "node:assert";
import { gzipSync } from "node:zlib";
import {
  XMLRPCClient,
  type XMLRPCClientOptions,
  XMLRPCProtocolError,
} from "../../server/xmlrpc/mod.ts";
import { patiently } from "../_patience.ts";
import { type Carrier, testCarriers } from "./_carriers.ts";
import { answer, http, type RawClient, RawServer } from "./_raw_server.ts";

const MIB = 2 ** 20;

/** What a call of a server rejects with. */
async function errorOf(
  carrier: Carrier,
  serve: (client: RawClient) => Promise<void>,
  options: XMLRPCClientOptions = {},
): Promise<unknown> {
  await using server = new RawServer(serve);
  using client = new XMLRPCClient(server.url, {
    ...carrier.optionsFor(server.addr),
    ...options,
  });
  try {
    await patiently(client.call("spam"), () => "the end of the call");
  } catch (error) {
    return error;
  }
  throw new Error("The call has succeeded");
}

/** Fails unless it is such an error, of an answer with that status. */
function isProtocolError(
  error: unknown,
  message: RegExp,
  status = 200,
): asserts error is XMLRPCProtocolError {
  ok(error instanceof XMLRPCProtocolError, Deno.inspect(error));
  match(error.message, message);
  match(error.message, /^Cannot call "spam": http:\/\/127\.0\.0\.1:\d+\/RPC2 /);
  strictEqual(error.status, status);
}

/** Answers one call with that. */
const answering = (data: string | Uint8Array) => async (client: RawClient) => {
  if (await client.next()) await client.send(data);
};

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const CHUNKED =
  "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
const fault = (value: string) =>
  `<methodResponse><fault><value>${value}</value></fault></methodResponse>`;
const faultStruct = (code: string, text: string) =>
  fault(
    `<struct><member><name>faultCode</name><value>${code}</value></member><member><name>faultString</name><value>${text}</value></member></struct>`,
  );

/** Answers with status 200 that are none, and what is said about each. */
const NO_ANSWERS: readonly [string, string | Uint8Array, RegExp][] = [
  [
    "HTML",
    http(
      "<!DOCTYPE html><title>Welcome</title>",
      "Content-Type: text/html\r\n",
    ),
    /answered no XML-RPC \(its type is "text\/html"\): /,
  ],
  ["nothing", http(""), /answered no XML-RPC/],
  ["a call", http("<methodCall></methodCall>"), /<methodCall> stands where/],
  [
    "XML that ends too soon",
    `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${answer("x").slice(0, -20)}`,
    /answered no XML-RPC/,
  ],
  [
    "a type that is not known",
    http(answer("<complex>1+i</complex>")),
    /the type "complex" is not known/,
  ],
  [
    "a value that is none of its type",
    http(answer("<int>many</int>")),
    /"many" is no value of the type "int"/,
  ],
  ["nil", http(answer("<nil/>")), /allowNil would allow/],
  [
    "bytes that are not UTF-8",
    http(new Uint8Array([0x3c, 0xff])),
    /not valid utf-8/,
  ],
  [
    "3,000 arrays in one another",
    http(answer(
      "<array><data><value>".repeat(3000) +
        "</value></data></array>".repeat(3000),
    )),
    /elements are inside one another/,
  ],
  [
    "100,001 values",
    http(answer(`<array><data>${"<value/>".repeat(100_000)}</data></array>`)),
    /more than 100000 values/,
  ],
  ["a fault that is a text", http(fault("gone")), /no faultCode/],
  ["a fault without members", http(fault("<struct/>")), /no faultCode/],
  [
    "a fault whose code is a text",
    http(faultStruct("4", "four")),
    /no faultCode/,
  ],
  [
    "a fault whose code is too large",
    http(faultStruct("<double>4294967296</double>", "large")),
    /no faultCode/,
  ],
  [
    "a fault whose text is a number",
    http(faultStruct("<int>4</int>", "<int>4</int>")),
    /no faultCode/,
  ],
  [
    "half of what was announced",
    "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<?xml",
    /has not sent all of its answer/,
  ],
  [
    "chunks without an end",
    CHUNKED + chunk("<?xml"),
    /has not sent all of its answer/,
  ],
  [
    "a length beyond maxSize",
    `HTTP/1.1 200 OK\r\nContent-Length: ${4 * MIB + 1}\r\n\r\n<?xml`,
    /more than maxSize, 4194304 bytes/,
  ],
  [
    "little that inflates to much",
    http(gzipSync(new Uint8Array(64 * MIB)), "Content-Encoding: gzip\r\n"),
    /more than maxSize, 4194304 bytes/,
  ],
];

for (const [what, data, message] of NO_ANSWERS) {
  testCarriers(`${what} is no answer`, async (carrier) => {
    isProtocolError(await errorOf(carrier, answering(data)), message);
  });
}

testCarriers(
  "what is not gzip, though it says so, is no answer",
  async (carrier) => {
    const data = http(answer("x"), "Content-Encoding: gzip\r\n");
    isProtocolError(
      await errorOf(carrier, answering(data)),
      // fetch inflates by itself, and says no more than that it fails.
      /answered with what is no gzip|has not sent all of its answer/,
    );
  },
);

Deno.test("an encoding that was not asked for is no answer", async () => {
  await using server = new RawServer(
    answering(http(answer("x"), "Content-Encoding: compress\r\n")),
  );
  using client = new XMLRPCClient(server.url, {
    connect: () => Deno.connect({ port: server.addr.port }),
  });
  await rejects(client.call("spam"), {
    name: "XMLRPCProtocolError",
    message: /in the encoding "compress", which was not asked for/,
  });
});

testCarriers(
  "an answer without end is left, and its connection closed",
  async (carrier) => {
    const sent = Promise.withResolvers<number>();
    const error = await errorOf(carrier, async (client) => {
      await client.next();
      await client.send(CHUNKED);
      const part = new TextEncoder().encode(chunk("x".repeat(64 * 1024)));
      sent.resolve(await client.sendForever(part));
    });
    isProtocolError(error, /more than maxSize, 4194304 bytes/);
    // What the kernel and the streams held has been sent too.
    ok(await sent.promise < 32 * MIB);
  },
);

testCarriers(
  "headers without end are left, and their connection closed",
  async (carrier) => {
    const sent = Promise.withResolvers<number>();
    const error = await errorOf(carrier, async (client) => {
      await client.next();
      await client.send("HTTP/1.1 200 OK\r\n");
      const line = new TextEncoder().encode(`X-Spam: ${"x".repeat(1000)}\r\n`);
      sent.resolve(await client.sendForever(line));
    });
    ok(
      error instanceof Deno.errors.InvalidData || error instanceof TypeError,
      Deno.inspect(error),
    );
    ok(await sent.promise < 32 * MIB);
  },
);

for (const status of [301, 302, 303, 307, 308]) {
  testCarriers(`status ${status} leads nowhere`, async (carrier) => {
    await using elsewhere = new RawServer(answering(http(answer("stolen"))));
    const error = await errorOf(
      carrier,
      answering(http(
        "Moved",
        `Location: ${elsewhere.url}\r\n`,
        `${status} Moved`,
      )),
    );
    isProtocolError(error, /and leads to "http:\/\/127/, status);
    strictEqual(error.headers.get("location"), elsewhere.url);
    strictEqual(elsewhere.accepted, 0);
  });
}

for (const status of [201, 204, 400, 401, 403, 404, 500, 503]) {
  testCarriers(
    `status ${status} is an error, whatever comes with it`,
    async (carrier) => {
      const body = status === 204 ? "" : answer("x");
      const error = await errorOf(
        carrier,
        answering(
          http(
            body,
            "X-Why: because\r\nConnection: close\r\n",
            `${status} Whatever`,
          ),
        ),
      );
      isProtocolError(error, new RegExp(`with status ${status} "`), status);
      strictEqual(error.headers.get("x-why"), "because");
    },
  );
}

testCarriers(
  "a server that says nothing is left after the timeout",
  async (carrier) => {
    const error = await errorOf(carrier, async (client) => {
      await client.next();
      await client.untilGone();
    }, { timeout: 50 });
    ok(error instanceof DOMException);
    strictEqual(error.name, "TimeoutError");
    match(error.message, /^Cannot call "spam": .* within 50 ms$/);
  },
);

testCarriers(
  "a server that says little is left after the timeout",
  async (carrier) => {
    const error = await errorOf(carrier, async (client) => {
      await client.next();
      await client.send(CHUNKED);
      for (let sent = 0; sent < 2000; sent++) {
        await client.send(chunk("<"));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }, { timeout: 100 });
    strictEqual((error as Error).name, "TimeoutError");
  },
);

testCarriers(
  "chunks of one byte without end are left after the timeout",
  async (carrier) => {
    const sent = Promise.withResolvers<number>();
    const error = await errorOf(carrier, async (client) => {
      await client.next();
      await client.send(CHUNKED);
      const part = new TextEncoder().encode(chunk("x").repeat(1000));
      sent.resolve(await client.sendForever(part));
    }, { timeout: 1000, maxSize: Infinity });
    strictEqual((error as Error).name, "TimeoutError");
    // It is told, as its connection is closed.
    await patiently(sent.promise, () => "the end of the connection");
  },
);

for (
  const [what, head, part] of [
    ["interim responses", "", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["extensions of a chunk", `${CHUNKED}5`, `;a=${"x".repeat(1000)}`],
  ] as const
) {
  Deno.test(`${what} without end are left, and their connection closed`, async () => {
    const sent = Promise.withResolvers<number>();
    await using server = new RawServer(async (client) => {
      await client.next();
      await client.send(head);
      const many = new TextEncoder().encode(part.repeat(100));
      sent.resolve(await client.sendForever(many));
    });
    using client = new XMLRPCClient(server.url, {
      connect: () => Deno.connect({ port: server.addr.port }),
      maxSize: 1000,
    });
    const error = await client.call("spam").catch((error) => error);
    const told = error instanceof XMLRPCProtocolError ? error.cause : error;
    ok(told instanceof Deno.errors.InvalidData, Deno.inspect(error));
    match(told.message, /more than 1056576 bytes for one answer/);
    ok(await sent.promise < 16 * MIB);
  });
}

testCarriers("what a server says is safe to print", async (carrier) => {
  const error = await errorOf(
    carrier,
    answering(
      http("", "Location: /\u202e\x85\r\n", "302 \x80\x9b31m"),
    ),
  );
  isProtocolError(error, /with status 302/, 302);
  // deno-lint-ignore no-control-regex -- these are what it looks for.
  strictEqual(/[\x00-\x1f\x7f-\x9f\u202e]/.test(error.message), false);
});

testCarriers("a server that speaks no HTTP is an error", async (carrier) => {
  const error = await errorOf(
    carrier,
    async (client) => await client.send("SSH-2.0-OpenSSH_9.2\r\n"),
  );
  ok(
    error instanceof Deno.errors.InvalidData || error instanceof TypeError,
    Deno.inspect(error),
  );
});

testCarriers("a server that hangs up is an error", async (carrier) => {
  const error = await errorOf(carrier, async (client) => {
    await client.next();
  });
  ok(
    error instanceof Deno.errors.ConnectionReset || error instanceof TypeError,
    Deno.inspect(error),
  );
});

testCarriers(
  "a server that changes the protocol is an error",
  async (carrier) => {
    const error = await errorOf(
      carrier,
      answering(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: spam\r\n\r\n",
      ),
    );
    ok(error instanceof Error, Deno.inspect(error));
  },
);

testCarriers("early hints and a wrong type do no harm", async (carrier) => {
  await using server = new RawServer(
    answering(
      `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n${
        answer("spam")
      }`,
    ),
  );
  using client = new XMLRPCClient(
    server.url,
    carrier.optionsFor(server.addr),
  );
  strictEqual(await client.call("spam"), "spam");
});

Deno.test("no name and no password is in an error", async () => {
  await using server = new RawServer(
    answering(http("no", "", "401 Unauthorized")),
  );
  const url = server.url.replace("//", "//user:secret@");
  using client = new XMLRPCClient(url);
  const error = await client.call("spam").catch((error) => error);
  isProtocolError(error, /with status 401 "Unauthorized"/, 401);
  strictEqual(Deno.inspect(error).includes("secret"), false);
});
