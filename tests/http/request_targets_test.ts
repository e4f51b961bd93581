import { deepStrictEqual, strictEqual } from "node:assert";
import { RequestParser } from "../../handlers/http/_connection/request_parser.ts";
import { DEFAULT_HTTP_LIMITS } from "../../handlers/http/http_limits.ts";
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
  HTTPServer,
} from "../../server/http/mod.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { requestOf, Site } from "./_cgi_site.ts";
import { replyTo } from "./_replies.ts";
import { Attacked, WAYS } from "./_targets.ts";

/** A head that ends its connection. */
function closing(line: string, ...headers: readonly string[]): string {
  return [line, "Connection: close", ...headers, "", ""].join("\r\n");
}

/** What the first line may be, with the status of the answer. */
const LINES: Record<string, number> = {
  "GET //b/c HTTP/1.1": 200,
  "GET /a#b HTTP/1.1": 400,
  "GET http://x HTTP/1.1": 200,
  "GET http://x?q HTTP/1.1": 200,
  "GET HTTPS://X:81/a HTTP/1.1": 200,
  "GET http://x:/a HTTP/1.1": 200,
  "GET http://[::1]:8/ HTTP/1.1": 200,
  "GET http://[::1/ HTTP/1.1": 400,
  "GET http://x:65536/ HTTP/1.1": 400,
  "GET http://x:8x/ HTTP/1.1": 400,
  "GET http:///a HTTP/1.1": 400,
  "GET http://:80/a HTTP/1.1": 400,
  "GET http:/a HTTP/1.1": 400,
  "GET http:a HTTP/1.1": 400,
  "GET http://u@x/ HTTP/1.1": 400,
  "GET http://u:p@x/ HTTP/1.1": 400,
  "GET http://@x/ HTTP/1.1": 400,
  "GET http://256.1.1.1/ HTTP/1.1": 400,
  "GET http://a%2fb/ HTTP/1.1": 400,
  "GET http://a\\b/ HTTP/1.1": 400,
  "GET file:///etc/hostname HTTP/1.1": 400,
  "GET ftp://x/ HTTP/1.1": 400,
  "GET ws://x/ HTTP/1.1": 400,
  "GET data:,x HTTP/1.1": 400,
  "GET blob:http://x/1 HTTP/1.1": 400,
  "GET x:80 HTTP/1.1": 400,
  "GET ?x HTTP/1.1": 400,
  "GET * HTTP/1.1": 400,
  "OPTIONS * HTTP/1.1": 200,
  "OPTIONS *x HTTP/1.1": 400,
  "OPTIONS http://x HTTP/1.1": 200,
  "CONNECT x:80 HTTP/1.1": 501,
  "CONNECT [::1]:80 HTTP/1.1": 501,
  "CONNECT x HTTP/1.1": 400,
  "CONNECT x: HTTP/1.1": 400,
  "CONNECT x:0 HTTP/1.1": 400,
  "CONNECT :80 HTTP/1.1": 400,
  "CONNECT u@x:80 HTTP/1.1": 400,
  "CONNECT http://x/ HTTP/1.1": 400,
  "CONNECT / HTTP/1.1": 400,
  "GET  / HTTP/1.1": 400,
  "GET /  HTTP/1.1": 400,
  "GET   /   HTTP/1.1": 400,
  "GET / RTSP/1.0": 400,
  "POST / RTSP/1.1": 400,
  "OPTIONS * RTSP/1.0": 400,
  "SOURCE / ICE/1.0": 501,
  "SOURCE / HTTP/1.1": 501,
};

/** What `Host` may be, with the status of the answer. */
const HOSTS: Record<string, number> = {
  "": 200,
  "a:": 200,
  "a:80": 200,
  "[::1]:80": 200,
  ":80": 400,
  "a:b": 400,
  "a:65536": 400,
  "[": 400,
  "u@a": 400,
  "a%2fb": 400,
  "256.1.1.1": 400,
  "http://a": 400,
};

for (const way of WAYS) {
  Deno.test(`over ${way}, targets and hosts are served or refused alike`, async () => {
    await using attacked = await Attacked.start(way);
    const found: Record<string, number[]> = {};
    const expected: Record<string, number[]> = {};
    for (const [line, status] of Object.entries(LINES)) {
      const replies = await attacked.send(closing(line, "Host: a"));
      found[line] = replies.map(({ status }) => status);
      expected[line] = [status];
    }
    for (const [host, status] of Object.entries(HOSTS)) {
      const request = closing("GET / HTTP/1.1", `Host: ${host}`);
      found[host] = (await attacked.send(request)).map(({ status }) => status);
      expected[host] = [status];
    }
    deepStrictEqual(found, expected);
    deepStrictEqual(attacked.served.errors, []);
  });
}

const GOOD_LINE = "GET /x HTTP/1.1";
/** First lines that are refused wherever on a connection they come. */
const BAD_LINES = ["GET  /x HTTP/1.1", "GET /x  HTTP/1.1", "GET /x RTSP/1.0"];
/** Requests that others may follow on the same connection. */
const BEFORE = {
  "a request": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a request and an empty line": "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
  "a body":
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\na\r\n\r\nb\n",
  "chunks":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\n\r\n\r\n\r\n0\r\n\r\n",
  "chunks with a trailer":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
};

/** The targets of the requests that are found, and the status of a refusal. */
function parse(parts: readonly string[]): [string[], number | undefined] {
  const parser = new RequestParser(DEFAULT_HTTP_LIMITS);
  const targets: string[] = [];
  for (const part of parts) {
    parser.feed(new TextEncoder().encode(part));
    for (let found; (found = parser.shift()) !== undefined;) {
      targets.push(found.target);
    }
  }
  return [targets, parser.failure?.status];
}

Deno.test("a bad first line is refused behind any request, however it is cut", () => {
  for (const [name, before] of Object.entries(BEFORE)) {
    for (const line of [...BAD_LINES, GOOD_LINE]) {
      const bytes = before + closing(line, "Host: a");
      const expected = line === GOOD_LINE
        ? [["/", "/x"], undefined]
        : [["/"], 400];
      for (let cut = 0; cut < bytes.length; cut++) {
        const parts = [bytes.slice(0, cut), bytes.slice(cut)];
        deepStrictEqual(
          parse(parts),
          expected,
          `${line} behind ${name}, cut at ${cut}`,
        );
      }
      deepStrictEqual(parse([...bytes]), expected, `${line} behind ${name}`);
    }
  }
});

/** Tells which host its request is for. */
class Named extends BaseHTTPRequestHandler<Deno.NetAddr> {
  doGET(): void {
    const body = `${this.headers.get("host")}`;
    this.sendResponse(200);
    this.sendHeader("Content-Length", String(body.length));
    this.endHeaders();
    this.wfile.write(body);
  }
  override logMessage(): void {}
}

Deno.test("the host of an absolute target counts, whatever Host says", async () => {
  await using base = await serveForTest(Named, { server: HTTPServer });
  await using fetched = await serveForTest(
    ({ url, headers }) =>
      new Response(`${new URL(url).host} ${headers.get("host")}`),
    { server: HTTPServer },
  );
  for (const headers of [["Host: victim.example"], ["Host:"]]) {
    const request = closing(
      "GET http://other.example:81/ HTTP/1.1",
      ...headers,
    );
    strictEqual((await replyTo(base.addr, request)).body, "other.example:81");
    strictEqual(
      (await replyTo(fetched.addr, request)).body,
      "other.example:81 other.example:81",
    );
  }
  const old = closing("GET http://other.example:81/ HTTP/1.0");
  strictEqual((await replyTo(base.addr, old)).body, "other.example:81");
});

Deno.test("a CGI script is told the host of an absolute target, and its path alone", async () => {
  await using site = await Site.serve();
  const request = closing(
    "GET http://other.example:81/cgi-bin/environment?a=b HTTP/1.1",
    "Host: victim.example",
  );
  const { status, body } = await site.send(request);
  strictEqual(status, 200);
  for (
    const line of [
      "HTTP_HOST=other.example:81",
      "SERVER_NAME=other.example",
      "REQUEST_URI=/cgi-bin/environment?a=b",
      "QUERY_STRING=a=b",
    ]
  ) strictEqual(body.includes(line), true, `${line} is not in ${body}`);
  strictEqual(body.includes("victim"), false);
  for (const line of ["GET file:///etc/hostname", "GET http://u@x/"]) {
    strictEqual((await site.send(requestOf(line))).status, 400);
  }
});

Deno.test("XML-RPC is called at the path of an absolute target", async () => {
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, { logRequests: false }),
  );
  const call = "<methodCall><methodName>x</methodName></methodCall>";
  for (
    const [target, status] of [
      ["http://x", 200],
      ["http://x/RPC2", 200],
      ["http://x?/RPC2", 404],
      ["http://x/y", 404],
    ] as const
  ) {
    const { status: found } = await replyTo(
      served.addr,
      closing(
        `POST ${target} HTTP/1.1`,
        "Host: a",
        `Content-Length: ${call.length}`,
      ) + call,
    );
    strictEqual(found, status, target);
  }
});

Deno.test("a fetch handler that fetches its request serves no file of this machine", async () => {
  const urls: string[] = [];
  await using served = await serveForTest(
    FetchRequestHandler.from((request) => {
      urls.push(request.url);
      return fetch(request);
    }),
    { server: HTTPServer },
  );
  const { status } = await replyTo(
    served.addr,
    closing("GET file:///etc/hostname HTTP/1.1", "Host: a"),
  );
  strictEqual(status, 400);
  deepStrictEqual(urls, []);
});
