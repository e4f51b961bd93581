import { deepStrictEqual, strictEqual } from "node:assert";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { requestOf, Site } from "./_cgi_site.ts";
import { replyTo } from "./_replies.ts";

/** Tells what a header is, or that it is not there. */
class Told extends BaseHTTPRequestHandler<Deno.NetAddr> {
  doGET(): void {
    const body = `[${this.headers.get(this.path.slice(1))}]`;
    this.sendResponse(200);
    this.sendHeader("Content-Length", String(body.length));
    this.sendHeader("Set-Cookie", "a=1");
    this.sendHeader("Set-Cookie", "b=2");
    this.endHeaders();
    this.wfile.write(body);
  }
  doPOST = this.doGET;
  override logMessage(): void {}
}

/** The same with `fetch`. */
const told = ({ url, headers }: Request) =>
  new Response(`[${headers.get(new URL(url).pathname.slice(1))}]`, {
    headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
  });

/** The lines of one field, and what they are together. */
const JOINED: Record<string, readonly [name: string, ...lines: string[]]> = {
  "[a=1; b=2]": ["cookie", "Cookie: a=1", "Cookie: b=2"],
  "[a=1; b=2; c=3]": ["cookie", "Cookie: a=1", "X: y", "cookie: b=2; c=3"],
  "[a=1,2; b=3]": ["cookie", "COOKIE: a=1,2", "Cookie:", "Cookie: b=3"],
  "[]": ["cookie", "Cookie:"],
  "[null]": ["cookie", "X: y"],
  "[a, b]": ["accept", "Accept: a", "Accept: b"],
  '["a", W/"b"]': [
    "if-none-match",
    'If-None-Match: "a"',
    'If-None-Match: W/"b"',
  ],
  "[y, z]": ["x", "X: y", "X: z"],
  "[for=a, for=b]": ["forwarded", "Forwarded: for=a", "Forwarded: for=b"],
  "[u=1, i]": ["priority", "Priority: u=1", "Priority: i"],
  "[1, 1]": ["early-data", "Early-Data: 1", "Early-Data: 1"],
};

/** Fields of which there may be one line, with a value that is fit for each. */
const SINGLE = [
  "Access-Control-Request-Method: GET",
  "Authorization: Basic YTpi",
  "Content-Length: 0",
  "Content-Range: bytes 0-1/2",
  "Content-Type: text/plain",
  "Date: Sun, 06 Nov 1994 08:49:37 GMT",
  "From: a@b",
  "Host: a",
  "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
  'If-Range: "a"',
  "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
  "Max-Forwards: 1",
  "Origin: http://a",
  "Proxy-Authorization: Basic YTpi",
  "Range: bytes=0-1",
  "Referer: http://a",
  "Sec-WebSocket-Key: YTpi",
  "Sec-WebSocket-Version: 13",
  "User-Agent: a (b, c)",
  "Upgrade-Insecure-Requests: 1",
  "Sec-Fetch-Site: none",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Sec-Fetch-Dest: document",
  "Location: /a, b",
  "Expires: Sun, 06 Nov 1994 08:49:37 GMT",
  "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
  "Retry-After: 120",
  'Content-Disposition: attachment; filename="a, b"',
  ...[
    "Age",
    "Content-Location",
    "ETag",
    "Server",
    "MIME-Version",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Origin",
    "Access-Control-Max-Age",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Embedder-Policy-Report-Only",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Opener-Policy-Report-Only",
    "Cross-Origin-Resource-Policy",
    "Last-Event-ID",
    "Origin-Agent-Cluster",
    "Ping-From",
    "Ping-To",
    "Sec-Fetch-Storage-Access",
    "Sec-GPC",
    "Sec-Purpose",
    "X-Frame-Options",
    "Sec-Websocket-Accept",
    "Client-Cert",
    "DPoP",
    "DPoP-Nonce",
    "Replay-Nonce",
    "Sec-Token-Binding",
    "Strict-Transport-Security",
    "Apply-To-Redirect-Ref",
    "CalDAV-Timezones",
    "Depth",
    "Destination",
    "If",
    "If-Schedule-Tag-Match",
    "Label",
    "Lock-Token",
    "Ordering-Type",
    "Overwrite",
    "Position",
    "Redirect-Ref",
    "Schedule-Reply",
    "Schedule-Tag",
    "Accept-Datetime",
    "Alt-Used",
    "Capsule-Protocol",
    "Delta-Base",
    "Memento-Datetime",
    "SLUG",
    "Sunset",
    "Topic",
    "TTL",
    "Urgency",
    "Isolation",
    "Odata-Entityid",
    "Odata-Isolation",
    "Odata-Maxversion",
    "Odata-Version",
    "Oslc-Core-Version",
    "Repeatability-Client-Id",
    "Repeatability-First-Sent",
    "Repeatability-Request-Id",
    "Repeatability-Result",
  ].map((name) => `${name}: a`),
];

for (
  const [how, handler] of [["doGET", Told], ["fetch", told]] as const
) {
  Deno.test(`lines of Cookie are joined with a semicolon, and those of lists with a comma, for ${how}`, async () => {
    await using served = await serveForTest(handler, { server: HTTPServer });
    for (const [value, [name, ...lines]] of Object.entries(JOINED)) {
      const { body } = await replyTo(
        served.addr,
        requestOf(`GET /${name}`, lines),
      );
      strictEqual(body, value);
    }
  });

  Deno.test(`a second line of what is no list is refused, for ${how}`, async () => {
    await using served = await serveForTest(handler, { server: HTTPServer });
    for (const line of SINGLE) {
      const isHost = line.startsWith("Host");
      const once = requestOf("POST /x", isHost ? [] : [line]);
      strictEqual((await replyTo(served.addr, once)).status, 200, line);
      for (const second of [line, line.toLowerCase()]) {
        const twice = requestOf("POST /x", [
          ...isHost ? [] : [line],
          "X: y",
          second,
        ]);
        strictEqual((await replyTo(served.addr, twice)).status, 400, line);
      }
    }
  });

  Deno.test(`lines of Set-Cookie stay apart, for ${how}`, async () => {
    await using served = await serveForTest(handler, { server: HTTPServer });
    const { headers } = await replyTo(served.addr, requestOf("GET /x"));
    deepStrictEqual(headers.getSetCookie(), ["a=1", "b=2"]);
  });

  Deno.test(`each member of Expect must be met, for ${how}`, async () => {
    await using served = await serveForTest(handler, { server: HTTPServer });
    const told = "Expect: 100-continue";
    for (
      const [status, ...lines] of [
        [200, told, told],
        [417, "Expect: other", told],
        [417, told, "Expect: other"],
      ] as const
    ) {
      const request = requestOf("GET /x", lines);
      strictEqual((await replyTo(served.addr, request)).status, status);
    }
  });
}

Deno.test("a CGI script gets lines of Cookie joined, and those of Set-Cookie stay apart", async () => {
  await using site = await Site.serve();
  const { body } = await site.get(
    "/cgi-bin/environment",
    "Cookie: a=1",
    "Cookie: b=2",
  );
  strictEqual(body.includes("\nHTTP_COOKIE=a=1; b=2\n"), true, body);
  const { status } = await site.get(
    "/cgi-bin/environment",
    "Referer: http://a",
    "Referer: http://b",
  );
  strictEqual(status, 400);
  const printed = await site.postTo(
    "/cgi-bin/print",
    "Content-Type: text/plain\\nSet-Cookie: a=1\\nSet-Cookie: b=2\\n\\n",
  );
  deepStrictEqual(printed.headers.getSetCookie(), ["a=1", "b=2"]);
});
