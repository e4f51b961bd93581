import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  BaseHTTPRequestHandler,
  HTTPError,
  HTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Site } from "./_cgi_site.ts";
import { readBytes, repliesIn, type Reply, writeBytes } from "./_replies.ts";

/** Sends bytes and a request that ends the connection, to a handler's server. */
async function ask(
  Handler: typeof BaseHTTPRequestHandler<Deno.NetAddr>,
  bytes: string,
): Promise<Reply[]> {
  await using served = await serveForTest(Handler, { server: HTTPServer });
  using connection = await Deno.connect(served.addr);
  const answer = readBytes(connection);
  await writeBytes(connection, bytes);
  return repliesIn(await answer, bytes.startsWith("HEAD"));
}

function get(path: string, ...headers: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n");
}

const closing = get("/last", "Connection: close");

class Quiet extends BaseHTTPRequestHandler<Deno.NetAddr> {
  override logMessage(): void {}
}

Deno.test("sendHeader() can end the connection behind its response", async () => {
  class Handler extends Quiet {
    doGET(): void {
      this.sendResponse(204);
      if (this.path === "/end") this.sendHeader("Connection", "close");
      this.endHeaders();
    }
  }
  const replies = await ask(Handler, get("/") + get("/end") + closing);
  deepStrictEqual(
    replies.map(({ headers }) => headers.get("connection")),
    [null, "close"],
  );
});

Deno.test("sendHeader() may say that the connection is kept, and it is", async () => {
  class Handler extends Quiet {
    doGET(): void {
      this.sendResponse(204);
      this.sendHeader("Content-Type", "text/html");
      this.sendHeader("Connection", "keep-alive");
      this.endHeaders();
    }
  }
  const replies = await ask(Handler, get("/") + get("/") + closing);
  deepStrictEqual(
    replies.map(({ headers }) => headers.get("connection")),
    ["keep-alive", "keep-alive", "keep-alive, close"],
  );
});

Deno.test("a method that is not defined is 501, whatever the request says of the connection", async () => {
  const replies = await ask(
    Quiet,
    get("/", "Connection: keep-alive") + get("/", "Connection: close"),
  );
  deepStrictEqual(
    replies.map(({ status, headers }) => [status, headers.get("connection")]),
    [[501, null], [501, "close"]],
  );
});

Deno.test("a method that is unknown is not repeated on the page", async () => {
  const [reply] = await ask(
    Quiet,
    closing.replace("GET", '<script>alert("hello")</script>'),
  );
  strictEqual(reply!.status, 501);
  strictEqual(/script|alert|hello/.test(reply!.body), false, reply!.body);
});

Deno.test("nothing of a head is sent before endHeaders()", async () => {
  class Handler extends Quiet {
    doGET(): void {
      this.sendResponse(418);
      this.sendHeader("Foo", "foo");
      this.sendHeader("Bar", "bar");
      // What fails now can be answered with another status still.
      throw new HTTPError(403);
    }
  }
  const replies = await ask(Handler, closing);
  deepStrictEqual(
    replies.map(({ status, headers }) => [status, headers.get("foo")]),
    [[403, null]],
  );
});

Deno.test("sendError() and endHeaders() send all that there is in one call", async () => {
  const written: string[] = [];
  class Handler extends Quiet {
    override setup(): void | Promise<void> {
      const { request } = this;
      const write = request.write.bind(request);
      request.write = (data) => {
        written.push(new TextDecoder().decode(data));
        return write(data);
      };
      return super.setup();
    }
    doGET(): void | Promise<void> {
      if (this.path === "/error") return this.sendError(418);
      this.sendResponseOnly(418);
      this.sendHeader("Foo", "foo");
      this.sendHeader("Bar", "bar");
      strictEqual(written.length, 1);
      this.endHeaders();
    }
  }
  await ask(Handler, get("/error") + closing);
  strictEqual(written.length, 2);
  match(
    written[0]!,
    /^HTTP\/1\.1 418 [^]*\r\n\r\n<!DOCTYPE html>[^]*<\/html>\n$/,
  );
  match(written[1]!, /^HTTP\/1\.1 418 .*\r\nFoo: foo\r\nBar: bar\r\n/);
});

Deno.test("sendResponse() sends a status of its own, with its phrase", async () => {
  class Handler extends Quiet {
    doGET(): void {
      this.sendResponse(999, "No phrase but this");
      this.endHeaders();
    }
  }
  const [reply] = await ask(Handler, closing);
  deepStrictEqual([reply!.status, reply!.reason], [999, "No phrase but this"]);
});

Deno.test("sendError() sends a page with its length, and what explains it", async () => {
  class Handler extends Quiet {
    doGET(): Promise<void> {
      return this.sendError(404, "Not this", "It was <never> here");
    }
    doHEAD(): Promise<void> {
      return this.doGET();
    }
  }
  const [reply] = await ask(Handler, closing);
  deepStrictEqual([reply!.status, reply!.reason], [404, "Not this"]);
  strictEqual(Number(reply!.headers.get("content-length")), reply!.body.length);
  match(reply!.body, /It was &lt;never&gt; here/);
  strictEqual(reply!.headers.get("content-type"), "text/html;charset=utf-8");
  const [own] = await ask(
    class extends Quiet {
      doGET(): Promise<void> {
        return this.sendError(999, "Short", "This is a long \n explanation");
      }
    },
    closing,
  );
  deepStrictEqual([own!.status, own!.reason], [999, "Short"]);
  strictEqual(Number(own!.headers.get("content-length")), own!.body.length);
  match(own!.body, /This is a long \n explanation/);
  const [head] = await ask(Handler, closing.replace("GET", "HEAD"));
  strictEqual(head!.status, 404);
  strictEqual(
    head!.headers.get("content-length"),
    reply!.headers.get("content-length"),
  );
  const [fine] = await ask(
    class extends Quiet {
      doHEAD(): Promise<void> {
        return this.sendError(200);
      }
    },
    closing.replace("GET", "HEAD"),
  );
  strictEqual(fine!.status, 200);
  strictEqual(Number(fine!.headers.get("content-length")) > 0, true);
  strictEqual(fine!.headers.get("content-type"), "text/html;charset=utf-8");
  strictEqual(fine!.headers.has("transfer-encoding"), false);
});

Deno.test("headers of ISO-8859-1 come and go byte by byte", async () => {
  class Handler extends Quiet {
    async doGET(): Promise<void> {
      this.sendResponse(200);
      this.sendHeader("X-Special", "D\xe4ngerous Mind");
      this.endHeaders();
      const bytes = Uint8Array.from(
        this.headers.get("x-special-incoming")!,
        (character) => character.charCodeAt(0),
      );
      await this.wfile.write(bytes);
    }
  }
  const [reply] = await ask(
    Handler,
    get("/", "Connection: close", "X-Special-Incoming: \xc3\x84rger"),
  );
  strictEqual(reply!.headers.get("x-special"), "D\xe4ngerous Mind");
  strictEqual(reply!.body, "\xc3\x84rger");
});

Deno.test("every response tells Server and Date once, and no header is doubled", async () => {
  const described: string[][] = [];
  class Handler extends Quiet {
    async doGET(): Promise<void> {
      described.push([
        ...[this.requestLine, this.command, this.path, this.requestVersion],
        ...this.headers.keys(),
      ]);
      this.sendResponse(200);
      this.sendHeader("Content-Type", "text/html");
      this.endHeaders();
      await this.wfile.write("<html><body>Data</body></html>\r\n");
    }
  }
  await using served = await serveForTest(Handler, { server: HTTPServer });
  for (
    const request of [
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
      // That is refused before any method is called.
      "GET /spaced out HTTP/1.1\r\nHost: dummy\r\n\r\n",
    ]
  ) {
    using connection = await Deno.connect(served.addr);
    await writeBytes(connection, request);
    const text = await readBytes(connection);
    for (const name of ["Server", "Date", "Content-Type"]) {
      strictEqual(text.split(`\r\n${name}: `).length, 2, name);
    }
    match(
      text,
      /\r\nDate: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\r\n/,
    );
    const isRefused = request.includes("out");
    match(text, isRefused ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 200 OK\r\n/);
    strictEqual(text.includes("<body>Data</body>"), !isRefused);
  }
  deepStrictEqual(described, [
    ["GET / HTTP/1.1", "GET", "/", "HTTP/1.1", "connection", "host"],
    ["GET / HTTP/1.0", "GET", "/", "HTTP/1.0"],
    ["GET / HTTP/1.0", "GET", "/", "HTTP/1.0", "expect"],
  ]);
});

Deno.test("dateTimeString() is the form of RFC 9110", async () => {
  const dates: string[] = [];
  class Handler extends Quiet {
    doGET(): void {
      dates.push(this.dateTimeString(784111777_000));
      this.sendResponse(204);
      this.endHeaders();
    }
  }
  await ask(Handler, closing);
  deepStrictEqual(dates, ["Sun, 06 Nov 1994 08:49:37 GMT"]);
});

Deno.test("closeConnection ends the connection behind the request that set it", async () => {
  class Handler extends Quiet {
    doGET(): void {
      this.sendResponse(204);
      if (this.path === "/3") this.closeConnection = true;
      this.endHeaders();
    }
  }
  const replies = await ask(
    Handler,
    ["/1", "/2", "/3", "/4"].map((path) => get(path)).join(""),
  );
  strictEqual(replies.length, 3);
});

Deno.test("a handler that overrides handleOneRequest() names its methods as it likes", async () => {
  class Handler extends Quiet {
    override handleOneRequest(): void {
      this.sendResponse(this.command === "PROPFIND" ? 207 : 404);
      this.endHeaders();
    }
  }
  const [reply] = await ask(Handler, closing.replace("GET", "PROPFIND"));
  strictEqual(reply!.status, 207);
});

Deno.test("sendResponse() refuses what would not be the last response", async () => {
  const refused: unknown[] = [];
  class Handler extends Quiet {
    doGET(): void {
      for (const status of [100, 101, 102, 1000]) {
        throws(() => this.sendResponse(status), (error) => {
          refused.push((error as Error).name);
          return true;
        });
      }
      this.sendResponse(205);
      this.endHeaders();
    }
  }
  const [reply] = await ask(Handler, closing);
  deepStrictEqual(refused, Array(4).fill("RangeError"));
  deepStrictEqual([reply!.status, reply!.body], [205, ""]);
});

Deno.test("a target with a space is refused before any method is called", async () => {
  let called = false;
  class Handler extends Quiet {
    doGET(): void {
      called = true;
    }
  }
  const [reply] = await ask(Handler, get("/spaced out"));
  strictEqual(reply!.status, 400);
  strictEqual(called, false);
});

Deno.test("a script's variables are none of this process", async () => {
  await using site = await Site.serve({
    cgiEnvironment: { SITE_OF_THIS_TEST: "x" },
  });
  const before = Deno.env.get("SERVER_SOFTWARE");
  const { status, body } = await site.get("/cgi-bin/environment");
  strictEqual(status, 200);
  match(body, /^SERVER_SOFTWARE=socketserver /m);
  match(body, /^SITE_OF_THIS_TEST=x$/m);
  strictEqual(Deno.env.get("SERVER_SOFTWARE"), before);
  strictEqual(Deno.env.has("SITE_OF_THIS_TEST"), false);
});
