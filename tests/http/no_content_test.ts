import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  strictEqual,
} from "node:assert";
import { BaseHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Site } from "./_cgi_site.ts";
import { readBytes, replyTo, writeBytes } from "./_replies.ts";

/** Ways in which a handler answers with a status, and a body that may be none. */
const WAYS: Record<
  string,
  (
    handler: BaseHTTPRequestHandler<Deno.NetAddr>,
    status: number,
  ) => void | Promise<void>
> = {
  "sendResponse() alone": (handler, status) => handler.sendResponse(status),
  "endHeaders() and no body"(handler, status) {
    handler.sendResponse(status);
    handler.endHeaders();
  },
  "a Content-Length and a body"(handler, status) {
    handler.sendResponse(status);
    handler.sendHeader("Content-Length", "4");
    handler.endHeaders();
    handler.wfile.write("body");
  },
  "a Content-Length of 0"(handler, status) {
    handler.sendResponse(status);
    handler.sendHeader("Content-Length", "0");
  },
  "chunks"(handler, status) {
    handler.sendResponse(status);
    handler.sendHeader("Transfer-Encoding", "chunked");
    handler.endHeaders();
    handler.wfile.write("body");
  },
  "sendError()": (handler, status) => handler.sendError(status),
};

/** What there must be of a head's framing, and nothing behind the head. */
function checkHead(text: string, status: number, name: string): void {
  ok(text.startsWith(`HTTP/1.1 ${status} `), `${name}: ${text}`);
  const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
  strictEqual(text, head, name);
  strictEqual(/^transfer-encoding:/im.test(head), false, `${name}: ${head}`);
  deepStrictEqual(
    head.match(/^content-length:.*$/gim)?.map((line) => line.toLowerCase()) ??
      [],
    status === 205 ? ["content-length: 0"] : [],
    name,
  );
}

/** Sends requests on one connection and reads to its end. */
async function exchange(
  addr: Deno.NetAddr,
  ...requests: readonly string[]
): Promise<string> {
  using connection = await Deno.connect({ ...addr, transport: "tcp" });
  await writeBytes(connection, requests.join(""));
  return await patiently(readBytes(connection), () => "the end");
}

const request = (line: string, ...headers: readonly string[]) =>
  [`${line} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n");
const last = (line: string) => request(line, "Connection: close");

/** Answers as the path says: `/status/way`. */
class Answering extends BaseHTTPRequestHandler<Deno.NetAddr> {
  doGET(): void | Promise<void> {
    const [, status, way] = decodeURI(this.path).split("/");
    return WAYS[way!]!(this, Number(status));
  }
  doHEAD = this.doGET;
  override logMessage(): void {}
}

for (const way of Object.keys(WAYS)) {
  Deno.test(`204, 205 and 304 have neither content nor its length, by ${way}`, async () => {
    await using served = await serveForTest(Answering, { server: HTTPServer });
    for (const status of [204, 205, 304]) {
      for (const method of ["GET", "HEAD"]) {
        const line = `${method} /${status}/${encodeURI(way)}`;
        const alone = await exchange(served.addr, last(line));
        checkHead(alone, status, line);
        doesNotMatch(alone, /^content-type:/im);
        // What follows is the next response, and no content.
        const two = await exchange(served.addr, request(line), last(line));
        const [first, second, ...more] = two.split("\r\n\r\n");
        checkHead(`${first}\r\n\r\n`, status, line);
        checkHead(`${second}\r\n\r\n`, status, line);
        deepStrictEqual(more, [""]);
      }
    }
    deepStrictEqual(served.errors, []);
  });
}

Deno.test("HEAD is told a length only where the handler tells it", async () => {
  await using served = await serveForTest(Answering, { server: HTTPServer });
  const lengths: Record<string, string | undefined> = {
    "sendResponse() alone": undefined,
    "endHeaders() and no body": undefined,
    "a Content-Length and a body": "4",
    "chunks": undefined,
  };
  for (const [way, length] of Object.entries(lengths)) {
    const text = await exchange(
      served.addr,
      last(`HEAD /200/${encodeURI(way)}`),
    );
    strictEqual(/^content-length: (.*)$/im.exec(text)?.[1], length, way);
    ok(text.endsWith("\r\n\r\n"), text);
  }
});

Deno.test("a Response of 204, 205 or 304 has neither content nor its length", async () => {
  await using served = await serveForTest(
    ({ url }) => {
      const { pathname, search } = new URL(url);
      return new Response(null, {
        status: Number(pathname.slice(1)),
        headers: search === "" ? {} : { "content-length": "4" },
      });
    },
    { server: HTTPServer },
  );
  for (const status of [204, 205, 304]) {
    for (const method of ["GET", "HEAD"]) {
      for (const query of ["", "?length"]) {
        const line = `${method} /${status}${query}`;
        checkHead(await exchange(served.addr, last(line)), status, line);
      }
    }
  }
  // That of GET is not known.
  const text = await exchange(served.addr, last("HEAD /200"));
  strictEqual(/^content-length:/im.test(text), false, text);
  deepStrictEqual(served.errors, []);
});

Deno.test("a Response that was given a body by force has none with 204, 205 or 304", async () => {
  await using served = await serveForTest(
    ({ url }) => {
      const response = new Response("body");
      const status = Number(new URL(url).pathname.slice(1));
      Object.defineProperty(response, "status", { value: status });
      return response;
    },
    { server: HTTPServer },
  );
  for (const status of [204, 205, 304]) {
    const line = `GET /${status}`;
    checkHead(await exchange(served.addr, last(line)), status, line);
  }
});

Deno.test("a CGI script's response of 204, 205 or 304 has neither content nor its length", async () => {
  await using site = await Site.serve();
  for (const status of [204, 205, 304]) {
    for (const length of ["", "Content-Length: 4\\n"]) {
      const script = `Status: ${status} X\\n${length}\\nbody`;
      const text = await exchange(
        site.addr,
        request(
          "POST /cgi-bin/print",
          "Connection: close",
          `Content-Length: ${script.length}`,
        ) + script,
      );
      checkHead(text, status, script);
    }
  }
  deepStrictEqual(site.served.errors, []);
});

Deno.test("sendError() answers with any status", async () => {
  await using served = await serveForTest(Answering, { server: HTTPServer });
  for (const status of [200, 299, 302, 404, 599, 600, 999]) {
    const reply = await replyTo(
      served.addr,
      last(`GET /${status}/sendError()`),
    );
    strictEqual(reply.status, status);
    ok(reply.body.includes(`<h1>${status} `), reply.body);
  }
  deepStrictEqual(served.errors, []);
  // No other response follows these, so that the connection must end.
  for (const status of [100, 101, 102, 103, 199]) {
    for (const method of ["GET", "HEAD"]) {
      const text = await exchange(
        served.addr,
        request(`${method} /${status}/sendError()`),
      );
      match(text, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\n$`));
      match(text, /\r\nConnection: close\r\n/);
      doesNotMatch(text, /^(content-|transfer-encoding)/im);
    }
  }
  deepStrictEqual(served.errors, []);
  // RFC 9110, section 15.2.
  const old = await exchange(
    served.addr,
    "GET /102/sendError() HTTP/1.0\r\n\r\n",
  );
  match(old, /^HTTP\/1\.1 500 /);
  match(String(await served.untilErrors()), /the client speaks HTTP\/1\.0/);
  for (const status of [99, 1000, 404.5, NaN]) {
    const { status: found } = await replyTo(
      served.addr,
      last(`GET /${status}/sendError()`),
    );
    strictEqual(found, 500, String(status));
    match(String(await served.untilErrors()), /^RangeError: Cannot send/);
  }
});

Deno.test("a tunnel has no length, and its bytes follow the head as they are", async () => {
  class Tunnel extends BaseHTTPRequestHandler<Deno.NetAddr> {
    doCONNECT(): void {
      this.sendResponse(200);
      this.sendHeader("Content-Length", "0");
      this.endHeaders();
      this.wfile.write("through");
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Tunnel, { server: HTTPServer });
  const text = await exchange(served.addr, request("CONNECT a:80"));
  ok(text.endsWith("\r\n\r\nthrough"), text);
  strictEqual(/^(content-length|transfer-encoding):/im.test(text), false, text);
});
