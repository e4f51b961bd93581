// The names that users of CPython's http.server look for, and what they do.
import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  strictEqual,
  throws,
} from "node:assert";
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
  HTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { LOOPBACK } from "../_loopback.ts";
import { readBytes, repliesIn, writeBytes } from "./_replies.ts";

type Handler = typeof BaseHTTPRequestHandler<Deno.NetAddr>;

class Quiet extends BaseHTTPRequestHandler<Deno.NetAddr> {
  override logMessage(): void {}
}

async function exchange(addr: Deno.NetAddr, bytes: string): Promise<string> {
  using connection = await Deno.connect({ ...addr, transport: "tcp" });
  const answer = readBytes(connection);
  await writeBytes(connection, bytes);
  return await patiently(answer, () => "the end of the connection");
}

/** Sends bytes to a handler's server and reads to the end of the connection. */
async function textOf(
  Handler: Handler,
  bytes: string,
  errors: readonly RegExp[] = [],
): Promise<string> {
  await using served = await serveForTest(Handler, { server: HTTPServer });
  const { server } = served;
  const text = await exchange(server.addr, bytes);
  await server.shutdown();
  const reported = served.takeErrors();
  strictEqual(reported.length, errors.length, String(reported));
  errors.forEach((error, at) => match(String(reported[at]), error));
  return text;
}

function get(path: string, ...headers: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n");
}

const LAST = get("/", "Connection: close");

Deno.test("protocolVersion HTTP/1.0 ends each connection with its response, and sends no chunks", async () => {
  class Old extends Quiet {
    static override readonly protocolVersion = "HTTP/1.0";
    async doGET(): Promise<void> {
      this.sendResponse(200);
      this.endHeaders();
      await this.wfile.write("one");
      await this.wfile.write("two");
    }
  }
  const text = await textOf(Old, get("/") + get("/never"));
  match(text, /^HTTP\/1\.0 200 OK\r\n[^]*\r\n\r\nonetwo$/);
  match(text, /\r\nConnection: close\r\n/);
  doesNotMatch(text, /^(transfer-encoding|content-length)/im);
  match(
    await textOf(Old, get("/", "Connection: keep-alive").replace("GET", "PUT")),
    /^HTTP\/1\.0 501 /,
  );
  // HTTP/1.0 has no interim responses, and its clients are sent none.
  class Hinting extends Old {
    override async doGET(): Promise<void> {
      this.sendResponseOnly(103);
      this.endHeaders();
      await super.doGET();
    }
  }
  match(
    await textOf(Hinting, LAST),
    /^HTTP\/1\.1 103 Early Hints\r\n\r\nHTTP\/1\.0 200 /,
  );
});

Deno.test("sendResponseOnly() sends a status line and logs nothing", async () => {
  const logged: unknown[] = [];
  class Bare extends Quiet {
    doGET(): void {
      this.sendResponseOnly(200, "Fine");
      this.sendHeader("Content-Length", "0");
      this.endHeaders();
    }
    override logRequest(code: number): void {
      logged.push(code);
    }
  }
  strictEqual(
    await textOf(Bare, LAST),
    "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
  );
  deepStrictEqual(logged, []);
});

Deno.test("sendResponseOnly() sends interim responses before the last one", async () => {
  class Hinting extends Quiet {
    doGET(): void {
      this.sendResponseOnly(103);
      this.sendHeader("Link", "</a.css>; rel=preload");
      this.endHeaders();
      this.sendResponseOnly(102);
      this.endHeaders();
      this.sendResponse(204);
    }
    override versionString(): string {
      return "";
    }
    override dateTimeString(): string {
      return "today";
    }
  }
  const last = "HTTP/1.1 204 No Content\r\nDate: today\r\n";
  strictEqual(
    await textOf(Hinting, LAST),
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" +
      "HTTP/1.1 102 Processing\r\n\r\n" +
      `${last}Connection: close\r\n\r\n`,
  );
  // RFC 9110, section 15.2: a client of HTTP/1.0 would take it for the last.
  strictEqual(
    await textOf(Hinting, "GET / HTTP/1.0\r\n\r\n"),
    `${last}Connection: close\r\n\r\n`,
  );
});

Deno.test("a function that answers requests may send interim responses before", async () => {
  for (const status of [200, 204]) {
    await using served = await serveForTest(
      (_, handler) => {
        handler.sendResponseOnly(103);
        handler.sendHeader("Link", "</a.css>; rel=preload");
        handler.endHeaders();
        return new Response(status === 204 ? null : "body", { status });
      },
      { server: HTTPServer },
    );
    match(
      await exchange(served.addr, LAST),
      new RegExp(
        `^HTTP/1\\.1 103 Early Hints\r\nLink: [^\r]+\r\n\r\nHTTP/1\\.1 ${status} `,
      ),
    );
    deepStrictEqual(served.errors, []);
  }
});

Deno.test("a handler that begins an interim response and no other is an error", async () => {
  class Forgetful extends Quiet {
    doGET(): void {
      this.sendResponseOnly(103);
      if (this.path === "/ended") this.endHeaders();
    }
  }
  match(
    await textOf(Forgetful, get("/ended"), [/the handler sent none/]),
    /^HTTP\/1\.1 103 Early Hints\r\n\r\nHTTP\/1\.1 500 /,
  );
  match(
    await textOf(Forgetful, get("/"), [/the handler sent none/]),
    /^HTTP\/1\.1 500 [^]*<h1>500 /,
  );
});

Deno.test("sendResponseOnly() refuses 101 where the request asks for no upgrade", async () => {
  class Switching extends Quiet {
    doGET(): void {
      this.sendResponseOnly(101);
    }
  }
  match(
    await textOf(Switching, LAST, [/RangeError: .*asks for no upgrade/]),
    /^HTTP\/1\.1 500 /,
  );
});

Deno.test("flushHeaders() sends what there is of the headers, and others may follow", async () => {
  const { promise: isSeen, resolve: see } = Promise.withResolvers<void>();
  class Slow extends Quiet {
    async doGET(): Promise<void> {
      this.sendResponse(200);
      this.sendHeader("X-First", "1");
      this.flushHeaders();
      this.flushHeaders();
      await isSeen;
      this.sendHeader("X-Second", "2");
      this.endHeaders();
      await this.wfile.write("body");
    }
  }
  await using served = await serveForTest(Slow, { server: HTTPServer });
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, LAST);
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("X-First: 1\r\n")) {
    const n = await patiently(
      connection.read(buffer),
      () => "the first headers",
    );
    text += new TextDecoder().decode(buffer.subarray(0, n!));
  }
  ok(text.startsWith("HTTP/1.1 200 OK\r\n"), text);
  ok(text.endsWith("X-First: 1\r\n"), text);
  see();
  const [reply] = repliesIn(text + await readBytes(connection));
  deepStrictEqual(
    [
      reply!.headers.get("x-first"),
      reply!.headers.get("x-second"),
      reply!.body,
    ],
    ["1", "2", "body"],
  );
  deepStrictEqual(served.errors, []);
});

Deno.test("a response whose headers were begun does not become another one", async () => {
  class Failing extends Quiet {
    doGET(): void {
      this.sendResponse(200);
      this.sendHeader("X-First", "1");
      this.flushHeaders();
      throw new Error("too late");
    }
    doPUT(): void {
      this.flushHeaders();
    }
    doPOST(): void {
      this.sendResponse(204);
      this.endHeaders();
      this.flushHeaders();
    }
  }
  const text = await textOf(Failing, LAST, [/too late/]);
  doesNotMatch(text, /500|\r\n\r\n/);
  match(
    await textOf(Failing, LAST.replace("GET", "PUT"), [
      /Cannot send the headers: call sendResponse\(\) first/,
    ]),
    /^HTTP\/1\.1 500 /,
  );
  await textOf(Failing, LAST.replace("GET", "POST"), [
    /Cannot send the headers: the headers are sent/,
  ]);
});

const EXPECTING = get(
  "/",
  "Connection: close",
  "Expect: 100-continue",
  "Content-Length: 4",
).replace("GET", "PUT");

Deno.test("handleExpect100() may refuse a body before it comes", async () => {
  const called: string[] = [];
  class Refusing extends Quiet {
    override async handleExpect100(): Promise<boolean> {
      called.push("handleExpect100");
      await this.sendError(417);
      return false;
    }
    doGET(): void {
      called.push("doGET");
      this.sendResponse(204);
    }
    doPUT(): void {
      called.push("doPUT");
    }
  }
  const text = await textOf(Refusing, EXPECTING);
  match(text, /^HTTP\/1\.1 417 Expectation Failed\r\n/);
  match(text, /\r\nConnection: close\r\n/);
  deepStrictEqual(called.splice(0), ["handleExpect100"]);
  await textOf(Refusing, LAST);
  // RFC 9110, section 10.1.1: an expectation of HTTP/1.0 is ignored.
  await textOf(Refusing, "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n");
  deepStrictEqual(called.splice(0), ["doGET", "doGET"]);
  // One without a body is asked for, too.
  match(
    await textOf(
      Refusing,
      get("/", "Connection: close", "Expect: 100-continue"),
    ),
    /^HTTP\/1\.1 417 /,
  );
  deepStrictEqual(called, ["handleExpect100"]);
});

Deno.test("handleExpect100() may tell the client to go on at once", async () => {
  class Eager extends Quiet {
    override handleExpect100(): boolean {
      this.sendResponseOnly(100);
      this.endHeaders();
      return true;
    }
    async doPUT(): Promise<void> {
      const body = await this.rfile.readAll();
      this.sendResponse(200);
      this.sendHeader("Content-Length", String(body.length));
      this.endHeaders();
      await this.wfile.write(body);
    }
  }
  match(
    await textOf(Eager, `${EXPECTING}body`),
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [^]*\r\n\r\nbody$/,
  );
});

Deno.test("handleExpect100() must say whether to go on", async () => {
  class Undecided extends Quiet {
    override handleExpect100(): boolean {
      return undefined as unknown as boolean;
    }
  }
  match(
    await textOf(Undecided, EXPECTING, [
      /TypeError: .*handleExpect100\(\) must return true or false, returned undefined/,
    ]),
    /^HTTP\/1\.1 500 /,
  );
});

Deno.test("responses has the phrase of every status, and what sendError() explains it with", async () => {
  const { responses } = BaseHTTPRequestHandler;
  for (const [status, [phrase, description]] of Object.entries(responses)) {
    ok(phrase !== "" && description !== "", status);
  }
  deepStrictEqual(responses[404], ["Not Found", "Nothing is at this address"]);
  class Own extends Quiet {
    static override readonly responses = {
      ...responses,
      499: ["Gone Away", "Nobody <waits>"] as const,
    };
    doGET(): Promise<void> {
      return this.sendError(Number(this.path.slice(1)));
    }
    doPUT(): void {
      this.sendResponse(499);
    }
  }
  match(
    await textOf(Own, get("/499", "Connection: close")),
    /^HTTP\/1\.1 499 Gone Away\r\n[^]*<h1>499 Gone Away<\/h1>\n<p>Nobody &lt;waits&gt;<\/p>/,
  );
  match(
    await textOf(Own, LAST.replace("GET", "PUT")),
    /^HTTP\/1\.1 499 Gone Away\r\n/,
  );
  match(
    await textOf(Own, get("/404", "Connection: close")),
    /<p>Nothing is at this address<\/p>/,
  );
  // Those that the server itself refuses have the same.
  match(
    await textOf(Own, LAST.replace("GET", "BREW")),
    /<p>The server cannot do this<\/p>/,
  );
});

Deno.test("errorMessageFormat and errorContentType make the page of an error", async () => {
  class Plain extends Quiet {
    static override readonly errorMessageFormat =
      "100%% %(code)d|%(message)s|%(explain)s|%(code)s";
    static override readonly errorContentType = "text/x-error";
    doGET(): Promise<void> {
      return this.sendError(400, "<b> %(code)d", "$& é");
    }
  }
  const text = await textOf(Plain, LAST);
  match(text, /\r\nContent-Type: text\/x-error\r\n/);
  const body = "100% 400|&lt;b&gt; %(code)d|$& \xc3\xa9|400";
  const escaped = body.replace("$&", "$&amp;");
  strictEqual(text.slice(text.indexOf("\r\n\r\n") + 4), escaped);
  match(text, new RegExp(`\r\nContent-Length: ${escaped.length}\r\n`));
});

Deno.test("logRequest() is told the code, and logs a size where it is given one", async () => {
  const lines: string[] = [];
  const calls: unknown[][] = [];
  class Logging extends BaseHTTPRequestHandler<Deno.NetAddr> {
    doGET(): void {
      this.sendResponse(204);
      this.logRequest(204, 12);
      super.logRequest();
    }
    override logRequest(...args: [number?, number?]): void {
      calls.push(args);
      super.logRequest(...args);
    }
    override logMessage(message: string): void {
      lines.push(message);
    }
  }
  await textOf(Logging, LAST);
  deepStrictEqual(calls, [[204], [204, 12]]);
  deepStrictEqual(lines, [
    '"GET / HTTP/1.1" 204 -',
    '"GET / HTTP/1.1" 204 12',
    '"GET / HTTP/1.1" - -',
  ]);
});

Deno.test("versionString() is serverVersion and sysVersion, and logDateTimeString() in the log", async () => {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    class Named extends BaseHTTPRequestHandler<Deno.NetAddr> {
      static override readonly serverVersion = "Mine/1";
      doGET(): void {
        this.sendResponse(204);
      }
      override logDateTimeString(): string {
        return "now";
      }
    }
    const server = `\r\nServer: Mine/1 Deno/${Deno.version.deno}\r\n`;
    ok((await textOf(Named, LAST)).includes(server));
    class Short extends Named {
      static override readonly sysVersion = "";
    }
    ok((await textOf(Short, LAST)).includes("\r\nServer: Mine/1\r\n"));
  } finally {
    console.error = error;
  }
  deepStrictEqual(
    lines,
    Array(2).fill('127.0.0.1 - - [now] "GET / HTTP/1.1" 204 -'),
  );
});

Deno.test("settings that cannot be are refused before anybody is served", () => {
  const wrong: Record<string, readonly unknown[]> = {
    protocolVersion: ["HTTP/2.0", "1.1", 1],
    responses: [null, { 99: ["a", "b"] }, { 400: "a" }, { 400: ["a\n", "b"] }],
    errorMessageFormat: [5, "%d", "50%", "%(status)d", "%(code)"],
    errorContentType: ["text/html\r\nX: y", undefined],
    serverVersion: ["a\n", 1],
    sysVersion: [null],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      class Wrong extends Quiet {}
      Object.defineProperty(Wrong, name, { value });
      throws(() => new HTTPServer(LOOPBACK, Wrong), {
        name: "TypeError",
        message: new RegExp(`^Cannot serve HTTP: ${name} must be `),
      });
    }
  }
  class Fetching extends FetchRequestHandler {
    static override readonly protocolVersion = "HTTP/1.0";
  }
  throws(() => new HTTPServer(LOOPBACK, Fetching), {
    message: /^Cannot serve HTTP: protocolVersion is for handlers with methods/,
  });
});
