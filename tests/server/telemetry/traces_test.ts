import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  type RequestTrace,
  setTracing,
  type TracedRequest,
  type Tracing,
} from "../../../handlers/_tracing.ts";
import { StreamRequestHandler } from "../../../mod.ts";
import {
  BaseHTTPRequestHandler,
  FetchRequestHandler,
  HTTPError,
  HTTPServer,
} from "../../../server/http/mod.ts";
import {
  clientAttributes,
  measuredAttributes,
  requestAttributes,
  serverAttributes,
  spanName,
} from "../../../server/telemetry/_attributes.ts";
import { traceParent } from "../../../server/telemetry/_trace_parent.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask } from "../../_loopback.ts";

/** Notes what a tracer is told. */
class Noted implements Tracing, Disposable {
  readonly notes: string[] = [];

  constructor() {
    setTracing(this);
  }

  handler(
    handler: object,
    run: () => void | Promise<void>,
  ): void | Promise<void> {
    this.notes.push(`run ${handler.constructor.name}`);
    return run();
  }

  request(
    _handler: unknown,
    { method, target }: TracedRequest,
  ): RequestTrace {
    this.notes.push(`begin ${method} ${target}`);
    return {
      run: (call) => {
        this.notes.push("run");
        return call();
      },
      failed: (error) => void this.notes.push(`failed ${error}`),
      end: (status, isWhole) =>
        void this.notes.push(`end ${status}${isWhole ? "" : ", cut short"}`),
    };
  }

  [Symbol.dispose](): void {
    setTracing(undefined);
  }
}

async function* cutShort(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode("begun");
  // A turn later it does not go out with the head.
  await new Promise((resolve) => setTimeout(resolve));
  throw new RangeError("it is cut");
}

class Fetching extends FetchRequestHandler {
  static override readonly allowHalfOpen = true;
  override fetch({ url }: Request): Response {
    if (url.endsWith("/fail")) throw new RangeError("it fails");
    if (url.endsWith("/gone")) throw new HTTPError(410);
    if (url.endsWith("/cut")) {
      return new Response(ReadableStream.from(cutShort()));
    }
    return new Response(null, { status: 204 });
  }
}

class Sending extends BaseHTTPRequestHandler {
  static override readonly allowHalfOpen = true;
  doGET(): void {
    if (this.path === "/fail") throw new RangeError("it fails");
    if (this.path === "/gone") throw new HTTPError(410);
    this.sendResponse(this.path === "/cut" ? 200 : 204);
    this.endHeaders();
    if (this.path !== "/cut") return;
    this.wfile.write("begun");
    this.wfile.flush();
    throw new RangeError("it is cut");
  }
  override logMessage() {}
}

for (const Handler of [Fetching, Sending]) {
  Deno.test(`every request has one trace, with the status that its client gets: ${Handler.name}`, async () => {
    using noted = new Noted();
    await using served = await serveForTest(Handler, { server: HTTPServer });
    const get = (target: string, ...headers: string[]) =>
      [`GET ${target} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n");
    const expected: string[] = [];
    const check = async (sent: string, ...notes: string[]) => {
      const answer = await ask(served.addr, sent);
      match(answer, new RegExp(` ${/\d+/.exec(notes.at(-1)!)![0]} `));
      expected.push(`run ${Handler.name}`, ...notes);
      deepStrictEqual(noted.notes, expected);
    };
    await check(
      get("/one") + get("/two", "Connection: close"),
      ...["begin GET /one", "run", "end 204"],
      ...["begin GET /two", "run", "end 204"],
    );
    await check(
      get("/gone", "Connection: close"),
      "begin GET /gone",
      "run",
      "failed HTTPError: Gone",
      "end 410",
    );
    await check(
      get("/fail"),
      "begin GET /fail",
      "run",
      "failed RangeError: it fails",
      "end 500",
    );
    await check(
      get("/expects", "Expect: more", "Connection: close"),
      ...[
        "begin GET /expects",
        "failed HTTPError: Expectation Failed",
        "end 417",
      ],
    );
    await check(get("/twice", "Host: b"), "begin GET /twice", "end 400");
    await check("NONE of HTTP\r\n\r\n", "begin NONE of", "end 501");
    await check("\x16\x03\x01\r\n\r\n", "begin  ", "end 501");
    await check(
      get(`/${"long".repeat(5_000)}`),
      `begin GET /${"long".repeat(62)}lon`,
      "end 414",
    );
    await check(
      get("/cut"),
      ...["begin GET /cut", "run"],
      ...["failed RangeError: it is cut", "end 200, cut short"],
    );
    strictEqual((await served.untilErrors(2)).length, 2);
  });
}

Deno.test("what a handler throws goes on its way where it is traced", async () => {
  using noted = new Noted();
  class Failing extends StreamRequestHandler {
    override handle(): void {
      throw new RangeError("at once");
    }
  }
  await using served = await serveForTest(Failing);
  strictEqual(await ask(served.addr), "");
  strictEqual(String((await served.untilErrors())[0]), "RangeError: at once");
  deepStrictEqual(noted.notes, ["run Failing"]);
});

Deno.test("traceparent is followed as W3C has it, and ignored where it is not valid", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = "00f067aa0ba902b7";
  const of = (...values: string[]) =>
    traceParent(["Host", "a", ...values.flatMap((it) => ["TraceParent", it])]);
  const parent = (traceFlags: number) => ({
    ...{ traceId: trace, spanId: span, traceFlags, isRemote: true },
  });
  deepStrictEqual(of(`00-${trace}-${span}-01`), parent(1));
  deepStrictEqual(of(`00-${trace}-${span}-00`), parent(0));
  // A later version may say more.
  deepStrictEqual(of(`cc-${trace}-${span}-09`), parent(9));
  deepStrictEqual(of(`cc-${trace}-${span}-01-what-will-be`), parent(1));
  for (
    const value of [
      "",
      "00",
      `00-${trace}-${span}`,
      `00-${trace}-${span}-01-`,
      `00-${trace}-${span}-01-more`,
      `00-${trace}-${span}-1`,
      `ff-${trace}-${span}-01`,
      `00-${"0".repeat(32)}-${span}-01`,
      `00-${trace}-${"0".repeat(16)}-01`,
      `00-${trace.toUpperCase()}-${span}-01`,
      `00-${trace}x-${span}-01`,
      ` 00-${trace}-${span}-01`,
      `cc-${trace}-${span}-01.more`,
      "0".repeat(16_000),
    ]
  ) strictEqual(of(value), undefined, value);
  strictEqual(of(), undefined);
  strictEqual(
    of(`00-${trace}-${span}-01`, `00-${trace}-${span}-01`),
    undefined,
  );
});

Deno.test("attributes have the names of the semantic conventions", () => {
  const request: TracedRequest = {
    ...{ method: "GET", target: "/a?b=c", host: "[::1]:80" },
    ...{ encrypted: true, version: "1.0", rawHeaders: [] },
  };
  deepStrictEqual(measuredAttributes(request), {
    "http.request.method": "GET",
    "url.scheme": "https",
    "network.protocol.version": "1.0",
  });
  const of = (changed: Partial<TracedRequest>) =>
    requestAttributes({ ...request, ...changed });
  deepStrictEqual(of({}), {
    "url.path": "/a",
    "url.query": "b=c",
    "server.address": "::1",
    "server.port": 80,
  });
  const pathOf = (target: string) => {
    const attributes = of({ target, host: undefined });
    return [attributes["url.path"], attributes["url.query"]];
  };
  deepStrictEqual(pathOf("http://host/p?q?r"), ["/p", "q?r"]);
  deepStrictEqual(pathOf("http://host?q"), ["", "q"]);
  deepStrictEqual(pathOf("http://host"), ["", undefined]);
  deepStrictEqual(pathOf("/p?url=http://a/b"), ["/p", "url=http://a/b"]);
  deepStrictEqual(pathOf("*"), ["*", undefined]);
  deepStrictEqual(
    pathOf("/?a=1&Signature=x&b=2&sig=y&X-Goog-Signature=z&AWSAccessKeyId="),
    [
      "/",
      "a=1&Signature=REDACTED&b=2&sig=REDACTED&X-Goog-Signature=REDACTED&AWSAccessKeyId=REDACTED",
    ],
  );
  // What clients choose makes no names, and no more than so much.
  const odd = { ...request, method: "M-SEARCH" };
  strictEqual(spanName(odd), "HTTP");
  strictEqual(measuredAttributes(odd)["http.request.method"], "_OTHER");
  strictEqual(of(odd)["http.request.method_original"], "M-SEARCH");
  const long = "x".repeat(5_000);
  const attributes = of({
    ...{ target: `/${long}?${long}`, host: long },
    rawHeaders: ["User-Agent", long],
  });
  for (const value of Object.values(attributes)) {
    strictEqual(String(value).length <= 1_024, true);
  }
  deepStrictEqual(
    serverAttributes({ transport: "unixpacket", path: "/run/a" }),
    { "server.address": "/run/a", "network.transport": "unix" },
  );
  deepStrictEqual(
    clientAttributes({ transport: "unix", path: null as never }),
    {},
  );
  deepStrictEqual(
    clientAttributes({ transport: "tcp", hostname: "::1", port: 2 }),
    {
      ...{ "client.address": "::1", "client.port": 2 },
      "network.type": "ipv6",
    },
  );
  deepStrictEqual(clientAttributes(null), {});
});
