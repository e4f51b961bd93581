// What is read without llhttp is what llhttp would have read.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  type IncomingRequest,
  RequestParser,
} from "../../handlers/http/_connection/request_parser.ts";
import { DEFAULT_HTTP_LIMITS } from "../../handlers/http/http_limits.ts";

const LIMITS = { ...DEFAULT_HTTP_LIMITS, maxBodySize: 100 };

const bytesOf = (text: string) =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** What a parser makes of some bytes. */
function parsed(...parts: readonly string[]) {
  const parser = new RequestParser(LIMITS);
  for (const part of parts) parser.feed(bytesOf(part));
  const requests: IncomingRequest[] = [];
  for (let next; (next = parser.shift()) !== undefined;) requests.push(next);
  return {
    areAllPlain: requests.every(({ isPlain }) => isPlain),
    requests: requests.map((request) => ({
      method: request.method,
      target: request.target,
      minorVersion: request.minorVersion,
      rawHeaders: [...request.rawHeaders],
      host: request.host,
      expect: request.expect,
      keepAlive: request.keepAlive,
      hasBody: request.hasBody,
      chunked: request.chunked,
      announced: request.announced,
      received: request.received,
      complete: request.complete,
      upgrades: request.upgrades,
      body: request.chunks.flatMap((chunk) => [...chunk]),
    })),
    status: parser.failure?.status,
    midway: parser.midway,
  };
}

/** The same in two reads: a head that is not there as a whole is llhttp's. */
function byLlhttp(text: string) {
  return parsed(text.slice(0, 1), text.slice(1));
}

/** Whether it is plain, having been compared with what llhttp makes of it. */
function isPlain(text: string): boolean {
  const { areAllPlain, ...found } = parsed(text);
  const { areAllPlain: _, ...expected } = byLlhttp(text);
  deepStrictEqual(found, expected, JSON.stringify(text));
  return areAllPlain && found.requests.length > 0;
}

const head = (...lines: readonly string[]) => [...lines, "", ""].join("\r\n");

const PLAIN = [
  head("GET / HTTP/1.1", "Host: a"),
  head("GET /a/b%20c?d=e&f HTTP/1.1", "host:localhost:8000"),
  head("HEAD //x/../y HTTP/1.1", "HOST: \t127.0.0.1", "Accept: */*"),
  head("DELETE /a HTTP/1.1", "Host: a", "X-Empty:", "X_Y: z  z\tz"),
  head("PATCH /a HTTP/1.1", "Host: a", "Connection: Keep-Alive"),
  head("PUT /a HTTP/1.1", "Host: a", "Content-Length: 0"),
  head("POST /a HTTP/1.1", "Host: a", "Content-Length: 3") + "abc",
  head("POST /a HTTP/1.1", "Host: a", "Content-Length: 0005") + "abc",
  head("GET / HTTP/1.1", "Host: a", "Cookie: a=b", "Accept: c", "Acceps: d"),
  head("POST /a HTTP/1.1", "Host: a", "content-LENGTH: 2") + "ab" +
  head("GET /b HTTP/1.1", "Host: b") + head("GET /c HTTP/1.1", "Host: c"),
];

const NOT_PLAIN = [
  head("GET / HTTP/1.0", "Host: a"),
  head("GET /", "Host: a"),
  head("GET  / HTTP/1.1", "Host: a"),
  head("GET /a b HTTP/1.1", "Host: a"),
  head("GET /#a HTTP/1.1", "Host: a"),
  head('GET /" HTTP/1.1', "Host: a"),
  head("GET /\xe4 HTTP/1.1", "Host: a"),
  head("GET http://b/ HTTP/1.1", "Host: a"),
  head("OPTIONS * HTTP/1.1", "Host: a"),
  head("CONNECT a:1 HTTP/1.1", "Host: a:1"),
  head("get / HTTP/1.1", "Host: a"),
  head("GET / HTTP/1.1"),
  head("GET / HTTP/1.1", "Host:"),
  head("GET / HTTP/1.1", "Host: a", "Host: a"),
  head("GET / HTTP/1.1", "Host: a, b"),
  head("GET / HTTP/1.1", "Host: u@a"),
  head("GET / HTTP/1.1", "Host: a", "X: y "),
  head("GET / HTTP/1.1", "Host: a", "X: y\x0b"),
  head("GET / HTTP/1.1", "Host: a", "X: \xe4"),
  head("GET / HTTP/1.1", "Host: a", "X: y\r z"),
  head("GET / HTTP/1.1", "Host: a", "X : y"),
  head("GET / HTTP/1.1", "Host: a", "X: y", " z"),
  head("GET / HTTP/1.1", "Host: a", ": y"),
  head("GET / HTTP/1.1", "Host: a", "X"),
  head("GET / HTTP/1.1\nHost: a"),
  head("GET / HTTP/1.1", "Host: a\nX: y"),
  head("GET / HTTP/1.1", "Host: a", "Accept: b", "ACCEPT: c"),
  head("GET / HTTP/1.1", "Host: a", "Range: b", "range: c"),
  head("GET / HTTP/1.1", "Host: a", "Connection: close"),
  head("GET / HTTP/1.1", "Host: a", "Proxy-Connection: close"),
  head("GET / HTTP/1.1", "Host: a", "Upgrade: b", "Connection: upgrade"),
  head("POST / HTTP/1.1", "Host: a", "Expect: 100-continue"),
  head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") +
  "1\r\na\r\n0\r\n\r\n",
  head("POST / HTTP/1.1", "Host: a", "Content-Length: 1", "Content-Length: 1") +
  "a",
  head("POST / HTTP/1.1", "Host: a", "Content-Length: +1") + "a",
  head("POST / HTTP/1.1", "Host: a", "Content-Length: 1, 1") + "a",
  head("POST / HTTP/1.1", "Host: a", "Content-Length: 0x1") + "a",
  head("POST / HTTP/1.1", "Host: a", "Content-Length: ") + "a",
  head("POST / HTTP/1.1", "Host: a", "Content-Length: 101") + "a",
  head(
    "POST / HTTP/1.1",
    "Host: a",
    `Content-Length: ${"9".repeat(30)}`,
  ) + "a",
  head(
    "GET / HTTP/1.1",
    "Host: a",
    ...Array.from({ length: 200 }, (_, i) => `X-${i}: y`),
  ),
  head("GET / HTTP/1.1", "Host: a", `X: ${"y".repeat(70_000)}`),
  "\r\n" + head("GET / HTTP/1.1", "Host: a"),
];

Deno.test("a head that nothing can be said against is read as llhttp reads it", () => {
  for (const text of PLAIN) strictEqual(isPlain(text), true, text);
});

Deno.test("a head that something can be said against is left to llhttp", () => {
  for (const text of NOT_PLAIN) strictEqual(isPlain(text), false, text);
});

Deno.test("what follows one that is not plain is read as llhttp reads it", () => {
  for (const before of NOT_PLAIN) {
    for (const behind of [PLAIN[0]!, PLAIN[6]!]) isPlain(before + behind);
  }
});

Deno.test("a head that is cut anywhere is read as a whole one", () => {
  for (const text of PLAIN) {
    const { areAllPlain: _, ...expected } = parsed(text);
    for (let at = 1; at < text.length; at++) {
      const { areAllPlain: _, ...found } = parsed(
        text.slice(0, at),
        text.slice(at),
      );
      deepStrictEqual(found, expected, `${at} of ${JSON.stringify(text)}`);
    }
  }
});

Deno.test("heads with bytes that were changed are read as llhttp reads them", () => {
  // A generator of 32 bits, so that a failure can be had again: Numerical Recipes.
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const odd = '\0\t\n\r !"#%,-/:;=?@[]^_`{|}~\x7f\x80\xffaZ09';
  let plain = 0;
  let refused = 0;
  for (let round = 0; round < 4_000; round++) {
    let text = PLAIN[random(PLAIN.length)]!;
    for (let change = random(3); change >= 0; change--) {
      const at = random(text.length);
      const into = odd[random(odd.length)]!;
      text = text.slice(0, at) + into + text.slice(at + random(2));
    }
    if (isPlain(text)) plain++;
    if (byLlhttp(text).status !== undefined) refused++;
  }
  ok(plain > 200 && refused > 200, `${plain} plain, ${refused} refused`);
});
