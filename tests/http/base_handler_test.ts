import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
  HTTPError,
} from "../../server/http/mod.ts";
import type { StreamReader } from "../../handlers/streams/stream_reader.ts";
import type { RequestHandlerClass } from "../../server/server_options.ts";
import { TCPServer } from "../../server/tcp_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK, readAll } from "../_loopback.ts";
import { closing, exchange, readUntil } from "./_raw_client.ts";

type HandlerClass = RequestHandlerClass<Deno.TcpConn, Deno.NetAddr>;

/** A server of one handler class that notes what it is told of. */
class Server extends TCPServer {
  constructor(Handler: HandlerClass) {
    super(LOOPBACK, Handler, { onError() {} });
  }
}

/** A handler that logs nothing. */
class Quiet extends BaseHTTPRequestHandler {
  override logMessage(): void {}
}

/** A handler whose GET does what each test wants. */
function getting(
  doGET: (handler: BaseHTTPRequestHandler) => void | Promise<void>,
): HandlerClass {
  return class extends Quiet {
    doGET(): void | Promise<void> {
      return doGET(this);
    }
  };
}

const GET = closing("GET / HTTP/1.1");

Deno.test("a method answers with a status, headers and a body", async () => {
  class Echo extends Quiet {
    async doPOST(): Promise<void> {
      const body = await this.rfile.readAll();
      this.sendResponse(201, "Made");
      this.sendHeader("Content-Type", this.headers.get("content-type")!);
      this.sendHeader("Content-Length", String(body.length));
      this.endHeaders();
      await this.wfile.write(body);
    }
  }
  await using served = await serveForTest(new Server(Echo));
  const text = await exchange(
    served.addr,
    closing(
      "POST /there?a=b HTTP/1.1",
      "Content-Type: text/x",
      "Content-Length: 5",
    ),
    "hello",
  );
  ok(text.startsWith("HTTP/1.1 201 Made\r\nServer: socketserver"), text);
  ok(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/.test(text));
  ok(/\r\nContent-Type: text\/x\r\n/.test(text), text);
  ok(text.endsWith("\r\n\r\nhello"), text);
});

Deno.test("the request is described by command, path, requestVersion and requestLine", async () => {
  await using served = await serveForTest(
    new Server(getting((handler) => {
      handler.sendResponse(200);
      handler.endHeaders();
      handler.wfile.write(
        [
          handler.command,
          handler.path,
          handler.requestVersion,
          handler.requestLine,
          handler.headers.get("a"),
        ].join("|"),
      );
    })),
  );
  const text = await exchange(
    served.addr,
    "GET /x?y HTTP/1.0\r\nA: 1\r\nA: 2\r\n\r\n",
  );
  ok(
    text.endsWith("\r\n\r\nGET|/x?y|HTTP/1.0|GET /x?y HTTP/1.0|1, 2"),
    text,
  );
});

Deno.test("a method that is not defined is answered with 501", async () => {
  await using served = await serveForTest(new Server(Quiet));
  const text = await exchange(served.addr, closing("DELETE / HTTP/1.1"));
  ok(text.startsWith('HTTP/1.1 501 Unsupported method ("DELETE")'), text);
  deepStrictEqual(served.errors, []);
});

Deno.test("without a Content-Length the body goes in chunks, one for each write", async () => {
  await using served = await serveForTest(
    new Server(getting((handler) => {
      handler.sendResponse(200);
      handler.endHeaders();
      handler.wfile.write("one");
      handler.wfile.write("");
      handler.wfile.write("three");
    })),
  );
  const text = await exchange(served.addr, GET);
  ok(text.endsWith("\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"), text);
});

Deno.test("a response without headers' end or body is finished for the handler", async () => {
  await using served = await serveForTest(
    new Server(
      getting((handler) => handler.sendResponse(200)),
    ),
  );
  const text = await exchange(served.addr, GET);
  ok(/\r\nContent-Length: 0\r\n/.test(text), text);
});

Deno.test("a method that sends nothing is reported, and answered with 500", async () => {
  await using served = await serveForTest(new Server(getting(() => {})));
  const text = await exchange(served.addr, GET);
  ok(text.startsWith("HTTP/1.1 500 "), text);
  ok(/the handler sent none/.test(String(await served.untilErrors())));
});

Deno.test("what is written for HEAD, 204 and 304 is left out", async () => {
  class Answer extends Quiet {
    doGET(): Promise<void> {
      return this.doHEAD();
    }
    async doHEAD(): Promise<void> {
      this.sendResponse(Number(this.path.slice(1)));
      this.sendHeader("X-End", "yes");
      this.endHeaders();
      await this.wfile.write("left out");
    }
  }
  await using served = await serveForTest(new Server(Answer));
  for (const line of ["HEAD /200", "GET /204", "GET /304"]) {
    const text = await exchange(served.addr, closing(`${line} HTTP/1.1`));
    ok(text.endsWith("X-End: yes\r\nConnection: close\r\n\r\n"), text);
  }
});

Deno.test("a body of another length than was announced is an error", async () => {
  await using served = await serveForTest(
    new Server(getting(async (handler) => {
      handler.sendResponse(200);
      handler.sendHeader("Content-Length", "4");
      handler.endHeaders();
      await handler.wfile.write(handler.path.slice(1));
    })),
  );
  const short = await exchange(served.addr, closing("GET /abc HTTP/1.1"));
  ok(short.endsWith("\r\n\r\nabc"), short);
  ok(/after 3 bytes/.test(String(await served.untilErrors())));
  const long = await exchange(served.addr, closing("GET /abcde HTTP/1.1"));
  ok(!long.includes("abcde"), long);
  ok((await served.untilErrors())[0] instanceof RangeError);
});

Deno.test("each response has the headers it was given, whatever was sent before", async () => {
  const sent = [
    ...[["X-A", "1"], ["X-A", "2"], ["x-a", "2"], ["X-A", "2"]],
    ...[["X-A", ""], ["X-A", "2"]],
    // Lines of long values are not kept.
    ...[["X-A", "b".repeat(300)], ["X-A", "c".repeat(300)], ["X-A", "2"]],
    // No more than some dozens of names are.
    ...Array.from({ length: 200 }, (_, i) => [`X-${i % 100}`, `${i}`]),
  ];
  let next = sent.values();
  await using served = await serveForTest(
    new Server(getting((handler) => {
      const [name, value] = next.next().value!;
      handler.sendResponse(200);
      handler.sendHeader(name!, value!);
      handler.sendHeader("Content-Length", "0");
      handler.endHeaders();
    })),
  );
  for (let round = 0; round < 2; round++) {
    next = sent.values();
    const text = await exchange(
      served.addr,
      `${"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(sent.length - 1)}${
        closing("GET / HTTP/1.1")
      }`,
    );
    const lines = text.split("\r\n").filter((line) => /^x-/i.test(line));
    deepStrictEqual(lines, sent.map(([name, value]) => `${name}: ${value}`));
  }
});

Deno.test("no header and no reason phrase can end its line", async () => {
  const attempts: ((handler: BaseHTTPRequestHandler) => void)[] = [
    (handler) => handler.sendHeader("X-A", "a\r\nSet-Cookie: b"),
    (handler) => handler.sendHeader("X-A", "a\nSet-Cookie: b"),
    (handler) => handler.sendHeader("X-A", "a\0"),
    (handler) => handler.sendHeader("X-A", "\u{2028}"),
    (handler) => handler.sendHeader("X-A: b\r\nX-C", "d"),
    (handler) => handler.sendHeader("", "d"),
    (handler) => handler.sendHeader("Content-Length", "1, 2"),
    (handler) => handler.sendHeader("Transfer-Encoding", "gzip"),
  ];
  for (const attempt of attempts) {
    await using served = await serveForTest(
      new Server(getting((handler) => {
        handler.sendResponse(200);
        attempt(handler);
      })),
    );
    const text = await exchange(served.addr, GET);
    ok(text.startsWith("HTTP/1.1 500 "), text);
    ok(!text.includes("Set-Cookie"), text);
    ok((await served.untilErrors())[0] instanceof TypeError);
  }
  await using served = await serveForTest(
    new Server(
      getting((handler) => handler.sendResponse(200, "OK\r\nX-A: b")),
    ),
  );
  ok(!(await exchange(served.addr, GET)).includes("X-A"));
  ok((await served.untilErrors())[0] instanceof TypeError);
});

Deno.test("steps that come too early or too late are refused", async () => {
  const errors: unknown[] = [];
  const attempt = (step: () => unknown) => {
    try {
      step();
    } catch (error) {
      errors.push((error as Error).message.replace(/:.*/, ""));
    }
  };
  await using served = await serveForTest(
    new Server(getting(async (handler) => {
      attempt(() => handler.sendHeader("X-A", "b"));
      attempt(() => handler.endHeaders());
      handler.sendResponse(200);
      attempt(() => handler.sendResponse(200));
      attempt(() => handler.sendResponse(100));
      handler.endHeaders();
      attempt(() => handler.sendHeader("X-A", "b"));
      attempt(() => handler.endHeaders());
      await handler.wfile.write("done");
    })),
  );
  ok((await exchange(served.addr, GET)).includes("done"));
  deepStrictEqual(errors, [
    'Cannot send the header "X-A"',
    "Cannot end the headers",
    "Cannot send a response of status 200",
    "Cannot send a response of status 100",
    'Cannot send the header "X-A"',
    "Cannot end the headers",
  ]);
});

Deno.test("a connection carries requests until it is told not to", async () => {
  await using served = await serveForTest(
    new Server(getting((handler) => {
      handler.closeConnection = handler.path === "/last";
      handler.sendResponse(200);
      handler.sendHeader("Content-Length", "1");
      handler.endHeaders();
      handler.wfile.write("x");
    })),
  );
  using connection = await Deno.connect(served.addr);
  const send = (path: string) =>
    connection.write(
      new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`),
    );
  for (let i = 0; i < 3; i++) {
    await send("/");
    ok(!(await readUntil(connection, "\r\n\r\nx")).includes("Connection"));
  }
  await send("/last");
  ok(
    (await readUntil(connection, "\r\n\r\nx")).includes("Connection: close"),
  );
  strictEqual(await connection.read(new Uint8Array(1)), null);
});

Deno.test("a client is told that its connection ends, whatever else the handler says of it", async () => {
  await using served = await serveForTest(
    new Server(getting((handler) => {
      handler.sendResponse(200);
      handler.sendHeader("Connection", handler.path.slice(1));
      handler.sendHeader("Content-Length", "0");
    })),
  );
  const connectionOf = async (path: string, line: string) =>
    (await exchange(served.addr, `GET /${path} ${line}\r\n\r\n`))
      .match(/^Connection: .*$/gm);
  const last = "HTTP/1.1\r\nHost: a\r\nConnection: close";
  const told = ["Connection: keep-alive", "Connection: close"];
  deepStrictEqual(await connectionOf("keep-alive", last), told);
  deepStrictEqual(await connectionOf("keep-alive", "HTTP/1.0"), told);
  for (const said of ["close", "x,Close"]) {
    const expected = [`Connection: ${said}`];
    deepStrictEqual(await connectionOf(said, last), expected);
    deepStrictEqual(
      await connectionOf(said, "HTTP/1.1\r\nHost: a"),
      expected,
    );
  }
});

Deno.test("a body that was not read is not the next request", async () => {
  await using served = await serveForTest(
    new Server(
      class extends Quiet {
        doPOST(): void {
          this.doGET();
        }
        doGET(): void {
          this.sendResponse(200);
          this.sendHeader("Content-Length", String(this.path.length));
          this.endHeaders();
          this.wfile.write(this.path);
        }
      },
    ),
  );
  const body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const text = await exchange(
    served.addr,
    `POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`,
    body + closing("GET /second HTTP/1.1"),
  );
  ok(text.includes("/first") && text.includes("/second"), text);
  ok(!text.includes("smuggled"), text);
});

Deno.test("an rfile that was kept is not given the next request's body", async () => {
  let kept: StreamReader | undefined;
  const errors: unknown[] = [];
  await using served = await serveForTest(
    new Server(
      class extends Quiet {
        async doPOST(): Promise<void> {
          if (kept === undefined) {
            kept = this.rfile;
            await kept.readExactly(2);
          } else {
            await kept.readAll().catch((error) => errors.push(error));
          }
          const left = this.path === "/second"
            ? await this.rfile.readAll()
            : "";
          this.sendResponse(200);
          this.endHeaders();
          await this.wfile.write(left);
        }
      },
    ),
  );
  const connection = await Deno.connect(served.addr);
  const write = (text: string) =>
    connection.write(new TextEncoder().encode(text));
  await write(
    "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12",
  );
  await readUntil(connection, "\r\n\r\n0\r\n\r\n");
  await write("345" + closing("POST /second HTTP/1.1", "Content-Length: 6"));
  await write("secret");
  ok((await readAll(connection)).includes("\r\nsecret\r\n"));
  ok(errors.pop() instanceof Deno.errors.BadResource);
});

Deno.test("Expect: 100-continue is answered when the body is first read", async () => {
  class Upload extends Quiet {
    async doPUT(): Promise<void> {
      if (this.path === "/refused") throw new HTTPError(403);
      const body = await this.rfile.readAll();
      this.sendResponse(200);
      this.endHeaders();
      await this.wfile.write(body);
    }
  }
  await using served = await serveForTest(new Server(Upload));
  const head = (path: string, expect: string) =>
    `PUT ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: ${expect}\r\n\r\n`;
  using connection = await Deno.connect(served.addr);
  const send = (text: string) =>
    connection.write(new TextEncoder().encode(text));
  await send(head("/", "100-Continue"));
  await readUntil(connection, "HTTP/1.1 100 Continue\r\n\r\n");
  await send("body");
  await readUntil(connection, "4\r\nbody\r\n0\r\n\r\n");
  const refused = await exchange(served.addr, head("/refused", "100-continue"));
  ok(/^HTTP\/1.1 403 [^]*\r\nConnection: close\r\n/.test(refused), refused);
  const unknown = await exchange(
    served.addr,
    head("/", "the-unexpected").replace("Host", "Connection: close\r\nHost") +
      "body",
  );
  ok(unknown.startsWith("HTTP/1.1 417 "), unknown);
});

Deno.test("a large body that was not read ends the connection, and the client is told", async () => {
  await using served = await serveForTest(
    new Server(
      class extends Quiet {
        doPOST(): void {
          this.sendResponse(200);
          this.sendHeader("Content-Length", "0");
          this.endHeaders();
        }
      },
    ),
  );
  for (const [size, told] of [[200_000, false], [300_000, true]] as const) {
    using connection = await Deno.connect(served.addr);
    await connection.write(
      new TextEncoder().encode(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`,
      ),
    );
    const head = await readUntil(connection, "\r\n\r\n");
    strictEqual(head.includes("Connection: close"), told, head);
  }
});

for (
  const [how, Handler] of [
    [
      "wfile",
      class extends Quiet {
        async doPOST(): Promise<void> {
          this.sendResponse(200);
          this.endHeaders();
          for await (const chunk of this.rfile.readable) {
            await this.wfile.write(chunk);
          }
        }
      },
    ],
    [
      "fetch",
      FetchRequestHandler.from((request) => new Response(request.body)),
    ],
  ] as const
) {
  Deno.test(`100 Continue comes before the head of an echo, and never within it, with ${how}`, async () => {
    await using served = await serveForTest(
      new Server(Handler as HandlerClass),
    );
    using connection = await Deno.connect(served.addr);
    const send = (text: string) =>
      connection.write(new TextEncoder().encode(text));
    await send(
      closing(
        "POST / HTTP/1.1",
        "Content-Length: 4",
        "Expect: 100-continue",
      ),
    );
    // How much of the answer comes before the body is the handler's choice.
    const first = new Uint8Array(1000);
    const n = await connection.read(first);
    ok(
      new TextDecoder().decode(first.subarray(0, n!))
        .startsWith("HTTP/1.1 100 Continue\r\n\r\n"),
    );
    await send("body");
    const rest = await readUntil(connection, "4\r\nbody\r\n0\r\n\r\n");
    ok(!rest.includes("100 Continue"), rest);
  });
}

Deno.test("the log has a line for each response, with control characters escaped", async () => {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    await using served = await serveForTest(
      new Server(
        class extends BaseHTTPRequestHandler {
          async doGET(): Promise<void> {
            this.logMessage('"GET /\x1b[31mred\\b\0\x7f"');
            await this.sendError(404, "Gone\x07");
          }
        },
      ),
    );
    ok((await exchange(served.addr, GET)).startsWith("HTTP/1.1 404 Gone "));
  } finally {
    console.error = error;
  }
  deepStrictEqual(
    lines.map((line) => line.replace(/\[\d{4}-.*?Z\]/, "[time]")),
    [
      '127.0.0.1 - - [time] "GET /\\x1b[31mred\\\\b\\x00\\x7f"',
      "127.0.0.1 - - [time] code 404, message Gone\\x07",
      '127.0.0.1 - - [time] "GET / HTTP/1.1" 404 -',
    ],
  );
});

/** Runs something, and gives what it logged, without the time. */
async function logOf(run: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return lines.map((line) => line.replace(/\[\d{4}-.*?Z\]/, "[time]"));
}

Deno.test("the log escapes whatever a terminal or a reader would act on, in a client's address too", async () => {
  const lines = await logOf(async () => {
    await using served = await serveForTest(
      new Server(
        class extends BaseHTTPRequestHandler {
          doGET(): void {
            this.sendResponse(200);
            this.logMessage("a\x9b31m\u2028b\u202ec\u{e0041}d\ue000");
          }
          override logRequest(): void {}
          override addressString(): string {
            return "/tmp/\x1b[2J";
          }
        },
      ),
    );
    await exchange(served.addr, GET);
  });
  deepStrictEqual(lines, [
    "/tmp/\\x1b[2J - - [time] a\\x9b31m\\u{2028}b\\u{202e}c\\u{e0041}d\ue000",
  ]);
});

Deno.test("a request that is refused is logged with its first line, where it has one", async () => {
  class Limited extends BaseHTTPRequestHandler {
    static override readonly limits = { maxBodySize: 4, maxHeaderCount: 4 };
  }
  const post = (...headers: string[]) =>
    ["POST /a HTTP/1.1", ...headers, "", ""].join("\r\n");
  const logged = async (request: string) => {
    const lines = await logOf(async () => {
      await using served = await serveForTest(new Server(Limited));
      await exchange(served.addr, request);
    });
    return lines.at(-1)!.slice("127.0.0.1 - - [time] ".length);
  };
  const cases = {
    [post("Host: a", "Content-Length: 5")]: '"POST /a HTTP/1.1" 413 -',
    [post("Host: a", "X: y", "X: y", "X: y", "X: y")]:
      '"POST /a HTTP/1.1" 431 -',
    [post("X: y")]: '"POST /a HTTP/1.1" 400 -',
    ["GET http://u@a/ HTTP/1.0\r\n\r\n"]: '"GET http://u@a/ HTTP/1.0" 400 -',
    [post("Host: a", "Transfer-Encoding: gzip, chunked")]:
      '"POST /a HTTP/1.1" 501 -',
    ["G@T / HTTP/1.1\r\n\r\n"]: '"-" 501 -',
    ["BREW /pot HTTP/1.1\r\n\r\n"]: '"BREW /pot HTTP/1.1" 501 -',
    // So much is told of what is too long.
    [`GET /${"x".repeat(20_000)}`]: `"GET /${"x".repeat(251)} HTTP/1.1" 414 -`,
  };
  for (const [request, line] of Object.entries(cases)) {
    strictEqual(await logged(request), line);
  }
});

Deno.test("a refusal has no headers of the request before, and no body for HEAD", async () => {
  const seen: (string | null)[] = [];
  await using served = await serveForTest(
    new Server(
      class extends Quiet {
        doGET(): void {
          this.sendResponse(200);
        }
        override logRequest(): void {
          seen.push(this.headers.get("x"));
        }
      },
    ),
  );
  const text = await exchange(
    served.addr,
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nHEAD / HTTP/1.1\r\n\r\n",
  );
  ok(/\r\n\r\nHTTP\/1\.1 400 [^]*\r\n\r\n$/.test(text), text);
  await exchange(served.addr, "HEAD / HTTP/1.1\r\n\r\n");
  deepStrictEqual(seen, ["y", null, null]);
  deepStrictEqual(served.errors, []);
});

Deno.test("an error page escapes what it tells", async () => {
  await using served = await serveForTest(
    new Server(
      getting((handler) => handler.sendError(400, "<b>", "<i>&")),
    ),
  );
  const text = await exchange(served.addr, GET);
  ok(text.includes("<h1>400 &lt;b&gt;</h1>\n<p>&lt;i&gt;&amp;</p>"), text);
});
