// What RFC 9110 and 9112 require of a server, and no other test here looks at.
// The table in README.md names the test of each requirement.
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  BaseHTTPRequestHandler,
  HTTPServer,
  SimpleHTTPRequestHandler,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { FilesSite, LONG_AGO_TEXT } from "./_files_site.ts";
import { repliesIn, type Reply, replyTo } from "./_replies.ts";
import { Attacked } from "./_targets.ts";

/** A request that ends its connection. */
function closing(line: string, ...headers: readonly string[]): string {
  return [line, "Host: a", "Connection: close", ...headers, "", ""]
    .join("\r\n");
}

/** The two kinds of handlers, which read and write by ways of their own. */
const KINDS = ["TCP", "TCP, with fetch"] as const;

/** Sends bytes to both, and gives what each answers. */
async function answers(bytes: string): Promise<Reply[][]> {
  const found: Reply[][] = [];
  for (const kind of KINDS) {
    await using attacked = await Attacked.start(kind);
    found.push(await attacked.send(bytes));
    deepStrictEqual(attacked.served.errors, []);
  }
  return found;
}

/** What both say that they have understood. */
async function understood(bytes: string): Promise<string[]> {
  const found = (await answers(bytes)).map((replies) =>
    replies.map(({ status, body }) => `${status} ${body}`).join("\n")
  );
  strictEqual(found[0], found[1]);
  return found[0]!.split("\n");
}

Deno.test("a target of 8,000 bytes is read, and one that is too long is answered with 414", async () => {
  const target = `/${"x".repeat(7_999)}`;
  deepStrictEqual(await understood(closing(`GET ${target} HTTP/1.1`)), [
    `200 GET ${target} []`,
  ]);
  for (const long of [`/${"x".repeat(16_400)}`, `/${"x".repeat(100_000)}`]) {
    for (const [reply] of await answers(closing(`GET ${long} HTTP/1.1`))) {
      strictEqual(reply!.status, 414);
    }
  }
  // Where it is the headers that are too large, it is 431.
  const headers = `X: ${"y".repeat(16_000)}`;
  for (
    const [reply] of await answers(
      closing(`GET /${"x".repeat(1_000)} HTTP/1.1`, headers),
    )
  ) strictEqual(reply!.status, 431);
});

Deno.test("names of fields may be in any letters, and white space around values is none of theirs", async () => {
  const body = "\r\n\r\nhello";
  deepStrictEqual(
    await understood(
      `POST / HTTP/1.1\r\nhOST: a\r\nCONNECTION:close\r\ncontent-LENGTH:  5  ${body}`,
    ),
    ["200 POST / [hello]"],
  );
});

Deno.test("a value keeps the white space within it, and its bytes", async () => {
  const values: (string | null)[] = [];
  class Telling extends BaseHTTPRequestHandler<Deno.NetAddr> {
    doGET(): void {
      values.push(this.headers.get("x"), this.headers.get("y"));
      this.sendResponse(204);
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Telling, { server: HTTPServer });
  const request = closing("GET / HTTP/1.1", "X:\t a \tb\t ", "Y:");
  strictEqual((await replyTo(served.addr, request)).status, 204);
  deepStrictEqual(values, ["a \tb", ""]);
});

Deno.test("empty members of a list are ignored", async () => {
  const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  deepStrictEqual(
    await understood(
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: ,\t,  close ,\r\n\r\n${next}`,
    ),
    ["200 GET / []"],
  );
  await using site = await FilesSite.serve({ "a.txt": "0123456789" });
  await site.age("a.txt");
  const etag = (await site.head("/a.txt")).headers.get("etag")!;
  strictEqual(
    (await site.get("/a.txt", `If-None-Match: , ,"x", ${etag},`)).status,
    304,
  );
  strictEqual((await site.get("/a.txt", "Range: bytes=,0-1,")).body, "01");
});

Deno.test("a request without a length has no body", async () => {
  deepStrictEqual(
    await understood(
      `POST / HTTP/1.1\r\nHost: a\r\n\r\n${closing("GET /next HTTP/1.1")}`,
    ),
    ["200 POST / []", "200 GET /next []"],
  );
});

Deno.test("a chunk's size may be in any letters and as long as 64 bits, and no longer", async () => {
  const chunk = "x".repeat(0xab);
  const post = closing("POST / HTTP/1.1", "Transfer-Encoding: chunked");
  for (const size of ["aB", "Ab", "00000000000000ab"]) {
    deepStrictEqual(
      await understood(`${post}${size}\r\n${chunk}\r\n0\r\n\r\n`),
      [`200 POST / [${chunk}]`],
    );
  }
  for (const size of ["fffffffffffffffff", "100000000000000ab"]) {
    for (
      const [reply] of await answers(`${post}${size}\r\n${chunk}\r\n0\r\n\r\n`)
    ) strictEqual(reply!.status, 400);
  }
});

Deno.test("trailers are not taken for headers, however they are named", async () => {
  const seen: string[] = [];
  class Trailing extends BaseHTTPRequestHandler<Deno.NetAddr> {
    async doPOST(): Promise<void> {
      await this.rfile.readAll();
      seen.push(`${this.headers.get("host")} ${this.headers.get("x")}`);
      this.sendResponse(204);
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Trailing, { server: HTTPServer });
  const reply = await replyTo(
    served.addr,
    `${
      closing("POST / HTTP/1.1", "X: head", "Transfer-Encoding: chunked")
    }1\r\na\r\n0\r\nX: trailer\r\nHost: other\r\n\r\n`,
  );
  strictEqual(reply.status, 204);
  deepStrictEqual(seen, ["a head"]);
});

Deno.test("a client that sends on behind the last response still reads all of it", async () => {
  const body = new Uint8Array(4 * 1024 * 1024).fill(0x61);
  class Large extends BaseHTTPRequestHandler<Deno.NetAddr> {
    async doGET(): Promise<void> {
      this.sendResponse(200);
      this.sendHeader("Content-Length", String(body.length));
      this.endHeaders();
      await this.wfile.write(body);
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Large, { server: HTTPServer });
  using connection = await Deno.connect(served.addr);
  const encoder = new TextEncoder();
  await connection.write(encoder.encode(closing("GET / HTTP/1.1")));
  // Nobody reads this: closing at once would reset, and destroy the response.
  await connection.write(encoder.encode("x".repeat(64 * 1024)));
  let read = 0;
  const buffer = new Uint8Array(64 * 1024);
  await patiently(
    (async () => {
      for (let n; (n = await connection.read(buffer)) !== null;) read += n;
    })(),
    () => `the rest of the response, of which ${read} bytes have come`,
  );
  ok(read > body.length, String(read));
});

/** RFC 9110, section 5.6.7. */
const IMF_FIXDATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

Deno.test("every response has a Date, errors and refusals too", async () => {
  const requests = [
    closing("GET / HTTP/1.1"),
    closing("HEAD / HTTP/1.1"),
    closing("BREW / HTTP/1.1"),
    closing("GET / HTTP/1.1", "Host: b"),
    closing("POST / HTTP/1.1", "Content-Length: 9999999"),
    closing("POST / HTTP/1.1", "Expect: miracles"),
  ];
  const statuses: number[] = [];
  for (const request of requests) {
    for (const [reply] of await answers(request)) {
      match(reply!.headers.get("date") ?? "", IMF_FIXDATE, request);
      statuses.push(reply!.status);
    }
  }
  deepStrictEqual(
    [...new Set(statuses)].sort(),
    [200, 400, 413, 417, 501],
  );
  await using site = await FilesSite.serve({ "a.txt": "0123456789", "b/": "" });
  await site.age("a.txt");
  const conditions: [string, ...string[]][] = [
    ["/a.txt"],
    ["/a.txt", "Range: bytes=1-2"],
    ["/a.txt", "Range: bytes=99-"],
    ["/a.txt", `If-Modified-Since: ${LONG_AGO_TEXT}`],
    ["/a.txt", 'If-Match: "other"'],
    ["/b"],
    ["/b/"],
    ["/none"],
  ];
  const found: number[] = [];
  for (const [target, ...headers] of conditions) {
    const reply = await site.get(target, ...headers);
    match(reply.headers.get("date") ?? "", IMF_FIXDATE, target);
    found.push(reply.status);
  }
  deepStrictEqual(found, [200, 206, 416, 304, 412, 301, 200, 404]);
});

/** The fields of a response, but for what differs from second to second. */
function fieldsOf({ headers }: Reply): Record<string, string> {
  const { date: _, ...fields } = Object.fromEntries(headers);
  return fields;
}

Deno.test("HEAD is answered with the fields of GET, and 304 with those that caches need", async () => {
  await using site = await FilesSite.serve({
    "a.txt": "0123456789",
    "b/c.txt": "",
  });
  await site.age("a.txt");
  for (const target of ["/a.txt", "/b/", "/b", "/none"]) {
    const get = await site.get(target);
    const head = await site.head(target);
    strictEqual(head.status, get.status, target);
    deepStrictEqual(fieldsOf(head), fieldsOf(get), target);
  }
  const whole = fieldsOf(await site.get("/a.txt"));
  const cached = fieldsOf(
    await site.get("/a.txt", `If-None-Match: ${whole.etag}`),
  );
  for (const name of ["etag", "last-modified"]) {
    strictEqual(cached[name], whole[name], name);
  }
  for (const kind of KINDS) {
    await using attacked = await Attacked.start(kind);
    const [get] = await attacked.send(closing("GET / HTTP/1.1"));
    const [head] = await attacked.send(closing("HEAD / HTTP/1.1"));
    // Of a body that is not made, its length need not be known (section 9.3.2).
    const names = (reply: Reply) =>
      Object.keys(fieldsOf(reply)).filter((name) => name !== "content-length");
    deepStrictEqual(names(head!), names(get!), kind);
  }
});

Deno.test("a part has the fields of the whole, and Content-Range where it is one", async () => {
  await using site = await FilesSite.serve({ "a.txt": "0123456789" });
  await site.age("a.txt");
  const whole = fieldsOf(await site.get("/a.txt"));
  const part = fieldsOf(await site.get("/a.txt", "Range: bytes=2-4"));
  deepStrictEqual(part, {
    ...whole,
    "content-length": "3",
    "content-range": "bytes 2-4/10",
  });
  const parts = fieldsOf(await site.get("/a.txt", "Range: bytes=0-0,5-5"));
  strictEqual(parts["content-range"], undefined);
  match(parts["content-type"]!, /^multipart\/byteranges; ?boundary=/);
  for (const name of ["etag", "last-modified"]) {
    strictEqual(parts[name], whole[name], name);
  }
});

Deno.test("conditions are ignored where there is nothing that they could be about", async () => {
  await using site = await FilesSite.serve({ "b/": "" });
  const conditions = ["If-Match: *", "If-None-Match: *", 'If-Match: "x"'];
  for (const condition of conditions) {
    strictEqual((await site.get("/none", condition)).status, 404, condition);
    strictEqual((await site.get("/b", condition)).status, 301, condition);
  }
});

Deno.test("a client of HTTP/1.0 is sent no chunks and no interim response", async () => {
  class Streaming extends BaseHTTPRequestHandler<Deno.NetAddr> {
    async doPOST(): Promise<void> {
      const body = await this.rfile.readAll();
      this.sendResponse(200);
      this.endHeaders();
      await this.wfile.write(body);
      await this.wfile.write("!");
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Streaming, { server: HTTPServer });
  const reply = await replyTo(
    served.addr,
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
  );
  strictEqual(reply.body, "hello!");
  strictEqual(reply.headers.get("transfer-encoding"), null);
  strictEqual(reply.headers.get("connection"), "close");
});

Deno.test("neither 1xx nor 204 has Content-Length or Transfer-Encoding, nor has what opens a tunnel", async () => {
  class Framing extends BaseHTTPRequestHandler<Deno.NetAddr> {
    doGET(): void {
      this.sendResponseOnly(103);
      this.sendHeader("Content-Length", "5");
      this.sendHeader("Link", "</a>");
      this.endHeaders();
      this.sendResponseOnly(102);
      this.sendHeader("Transfer-Encoding", "chunked");
      this.endHeaders();
      this.sendResponse(204);
      this.sendHeader("Content-Length", "5");
      this.endHeaders();
    }
    doCONNECT(): void {
      this.sendResponse(200);
      this.sendHeader("Transfer-Encoding", "chunked");
      this.endHeaders();
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Framing, { server: HTTPServer });
  for (const line of ["GET / HTTP/1.1", "CONNECT a:80 HTTP/1.1"]) {
    using connection = await Deno.connect(served.addr);
    await connection.write(
      new TextEncoder().encode(
        `${line}\r\nHost: a:80\r\nConnection: close\r\n\r\n`,
      ),
    );
    const text = await patiently(
      new Response(connection.readable).text(),
      () => `the end of the answer to ${line}`,
    );
    const heads = repliesIn(text);
    strictEqual(heads.length, line.startsWith("GET") ? 3 : 1, text);
    for (const { headers } of heads) {
      strictEqual(headers.get("content-length"), null, text);
      strictEqual(headers.get("transfer-encoding"), null, text);
    }
  }
  deepStrictEqual(served.errors, []);
});

Deno.test("the file handlers have GET and HEAD", () => {
  const { prototype } = SimpleHTTPRequestHandler;
  deepStrictEqual(
    [typeof prototype.doGET, typeof prototype.doHEAD],
    ["function", "function"],
  );
});
