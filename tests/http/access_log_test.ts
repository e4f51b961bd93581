import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import { encodeProxyHeader } from "../../mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import {
  type AccessLog,
  type AccessLogFormat,
  type AccessLogRecord,
  BaseHTTPRequestHandler,
  CGIHTTPRequestHandler,
  FetchRequestHandler,
  formatAccessLog,
  HTTPServer,
  type HTTPServerOptions,
  SimpleHTTPRequestHandler,
} from "../../server/http/mod.ts";
import { SimpleXMLRPCRequestHandler } from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
import { XMLRPCDispatcher } from "../../server/xmlrpc/mod.ts";
import { TCPServer } from "../../server/tcp_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { Child, Folder, Program, testWith } from "../_program.ts";
import { isDisconnect, LOOPBACK, reset } from "../_loopback.ts";
import { requestOf } from "./_cgi_site.ts";
import { readUntil } from "./_raw_client.ts";
import { replyTo, writeBytes } from "./_replies.ts";

/** Collects what is logged, and can be waited for. */
class Log {
  readonly records: AccessLogRecord[] = [];
  #wake: (() => void) | undefined;

  readonly take = (record: AccessLogRecord): void => {
    this.records.push(record);
    this.#wake?.();
  };

  /** Resolves to the records when there are so many. */
  async until(count: number): Promise<readonly AccessLogRecord[]> {
    await patiently(
      (async () => {
        while (this.records.length < count) {
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
      })(),
      () => `${count} records; there are ${this.records.length}`,
    );
    return this.records;
  }
}

type HandlerClass = ConstructorParameters<typeof TCPServer>[1];

/** What of a record does not depend on the time. */
function parts(record: AccessLogRecord) {
  const { method, target, protocol, status, bytes, complete } = record;
  return [method, target, protocol, status, bytes, complete];
}

class Server extends HTTPServer {
  override handleError(): void {}
}

const RECORD: AccessLogRecord = {
  time: Date.UTC(2000, 9, 10, 20, 55, 36, 250),
  duration: 12.3456,
  client: "192.0.2.7",
  clientAddress: { transport: "tcp", hostname: "192.0.2.7", port: 4711 },
  forwarded: undefined,
  method: "GET",
  target: "/apache_pb.gif",
  protocol: "HTTP/1.0",
  status: 200,
  bytes: 2326,
  complete: true,
  encrypted: false,
  headers: new Headers({
    "Host": "a.test",
    "Referer": "http://www.example.com/start.html",
    "User-Agent": "Mozilla/4.08 [en] (Win98; I ;Nav)",
  }),
};

/** The time of the record in the zone of this machine, put together otherwise. */
function localTime(time: number): string {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", {
      ...{ year: "numeric", month: "short", day: "2-digit" },
      ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
      ...{ hourCycle: "h23", timeZoneName: "longOffset" },
    } as Intl.DateTimeFormatOptions).formatToParts(time).map((
      { type, value },
    ) => [type, value]),
  );
  const zone = parts["timeZoneName"]!.replace(/^GMT|:/g, "") || "+0000";
  return `${parts["day"]}/${parts["month"]}/${parts["year"]}:${parts["hour"]}:${
    parts["minute"]
  }:${parts["second"]} ${zone}`;
}

Deno.test("the formats are those of Apache and of CPython", () => {
  const time = localTime(RECORD.time);
  const python = time.replace(":", " ").replace(/ [+-]\d{4}$/, "");
  const common =
    `192.0.2.7 - - [${time}] "GET /apache_pb.gif HTTP/1.0" 200 2326`;
  const lines: Record<AccessLogFormat, string> = {
    common,
    combined:
      `${common} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"`,
    python: `192.0.2.7 - - [${python}] "GET /apache_pb.gif HTTP/1.0" 200 2326`,
    json: JSON.stringify({
      time: "2000-10-10T20:55:36.250Z",
      client: "192.0.2.7",
      method: "GET",
      target: "/apache_pb.gif",
      protocol: "HTTP/1.0",
      status: 200,
      bytes: 2326,
      duration: 12.346,
      complete: true,
      encrypted: false,
      host: "a.test",
      referer: "http://www.example.com/start.html",
      userAgent: "Mozilla/4.08 [en] (Win98; I ;Nav)",
    }),
  };
  for (const [format, line] of Object.entries(lines)) {
    strictEqual(formatAccessLog(RECORD, format as AccessLogFormat), line);
  }
});

Deno.test("the times of a log have its machine's zone, west and east of UTC", async () => {
  const program = `
    const { commonTime } = await import(${
    JSON.stringify(
      import.meta.resolve("../../handlers/http/_access_log/log_time.ts"),
    )
  });
    console.log(commonTime(Date.UTC(2000, 9, 10, 20, 55, 36)));`;
  for (
    const [zone, expected] of [
      ["America/Los_Angeles", "[10/Oct/2000:13:55:36 -0700]"],
      ["Asia/Kathmandu", "[11/Oct/2000:02:40:36 +0545]"],
      ["UTC", "[10/Oct/2000:20:55:36 +0000]"],
    ] as const
  ) {
    await using child = new Child(Deno.execPath(), ["eval", program], {
      TZ: zone,
    });
    const { stdout } = await child.output();
    strictEqual(new TextDecoder().decode(stdout).trim(), expected);
  }
});

/** Everything that could end a field or a line, or turn a terminal's text. */
const EVIL =
  'a"b\\c\nd\re\tf\x00g\x1b[31mh\x7fi\x85j\xa0k\xffl\u2028m\u202en\u{e0001}o';

Deno.test("no format lets a client end its field, its line, or steer a terminal", () => {
  const record = {
    ...RECORD,
    client: `x ${EVIL}`,
    method: EVIL,
    target: EVIL,
    headers: new Headers({
      "User-Agent": 'a"b\\c\td\x1b[31me\x7ff\x85\xff',
      "Referer": '" 500 1',
    }),
  };
  for (const format of ["common", "combined", "python", "json"] as const) {
    const line = formatAccessLog(record, format);
    strictEqual(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line), false, line);
    if (format === "json") {
      const { client, method, target, userAgent, referer } = JSON.parse(line);
      deepStrictEqual([client, method, target], [`x ${EVIL}`, EVIL, EVIL]);
      strictEqual(userAgent, record.headers.get("user-agent"));
      strictEqual(referer, '" 500 1');
      continue;
    }
    match(line, /^[\x20-\x7e]+$/);
    match(
      line,
      /^\S+ - - \[[^\]]+\] "(?:[^"\\]|\\.)*" 200 2326(?: "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")?$/,
    );
    ok(line.includes(
      String
        .raw`a\"b\\c\nd\re\tf\x00g\x1b[31mh\x7fi\x85j\xa0k\xffl\u2028m\u202en\udb40\udc01o`,
    ));
  }
});

Deno.test("a log of text has a dash where something is not known", () => {
  const unknown = { ...RECORD, method: "", target: "", bytes: 0, status: 408 };
  match(formatAccessLog(unknown, "common"), /\] "-" 408 -$/);
  const bare = { ...unknown, headers: new Headers(), client: "" };
  match(formatAccessLog(bare, "combined"), /^- - - .*"-" 408 - "-" "-"$/);
  const gone = { ...RECORD, status: 0, bytes: 0, complete: false };
  match(formatAccessLog(gone, "common"), / 499 -$/);
  match(formatAccessLog({ ...gone, complete: true }, "common"), / - -$/);
  throws(
    () => formatAccessLog(RECORD, "comon" as "common"),
    /^TypeError: Cannot format an access log: the format must be "common", "combined", "python", "json", received "comon"$/,
  );
});

for (
  const [log, received] of [
    ["apache", '"apache"'],
    [true, "true"],
    [null, "null"],
    ["toString", '"toString"'],
    [{}, "\\{\\}"],
  ] as const
) {
  Deno.test(`accessLog is refused where it is ${Deno.inspect(log)}`, () => {
    const accessLog = log as unknown as AccessLog;
    class Wrong extends BaseHTTPRequestHandler {
      static override readonly accessLog = accessLog;
    }
    const message = new RegExp(
      `^Cannot log requests: accessLog must be "common", .*a function, or false, received ${received}$`,
    );
    throws(() => new HTTPServer(LOOPBACK, Wrong), { message });
    throws(
      () => new HTTPServer(LOOPBACK, () => new Response(), { accessLog }),
      { message },
    );
  });
}

Deno.test("accessLog is refused where it is a generator, and beside a class", () => {
  throws(
    () =>
      new HTTPServer(LOOPBACK, () => new Response(), {
        accessLog: (function* () {}) as unknown as AccessLog,
      }),
    /accessLog is a generator function/,
  );
  throws(
    () => new HTTPServer(LOOPBACK, FetchRequestHandler, { accessLog: false }),
    /the option "accessLog" is for handlers that are functions/,
  );
});

Deno.test("every handler's requests are logged once, with status and bytes", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.txt"), "0123456789");
  await Deno.mkdir(folder.at("cgi-bin"));
  await Deno.writeTextFile(
    folder.at("cgi-bin/s"),
    "#!/bin/sh\nprintf 'Content-Type: text/plain\\nContent-Length: 4\\n\\nhey\\n'\n",
    { mode: 0o755 },
  );
  const log = new Log();
  const accessLog = log.take;
  class Base extends BaseHTTPRequestHandler {
    static override readonly accessLog = accessLog;
    async doGET(): Promise<void> {
      this.sendResponse(200);
      this.endHeaders();
      await this.wfile.write("12345");
      await this.wfile.write("6");
    }
    override logError(): void {}
  }
  class Fetch extends FetchRequestHandler {
    static override readonly accessLog = accessLog;
    override fetch(request: Request): Response {
      if (request.url.endsWith("/bad")) throw new Error("bad");
      return new Response("x".repeat(100_000));
    }
  }
  class Files extends SimpleHTTPRequestHandler {
    static override readonly accessLog = accessLog;
    static override readonly directory = folder.path;
    override logError(): void {}
  }
  class Scripts extends CGIHTTPRequestHandler {
    static override readonly accessLog = accessLog;
    static override readonly directory = folder.path;
    static override readonly cgiUser = "server";
  }
  class Calls extends SimpleXMLRPCRequestHandler {
    static override readonly accessLog = accessLog;
    static override readonly dispatcher = new XMLRPCDispatcher();
  }
  const call = "<methodCall><methodName>f</methodName></methodCall>";
  const of = async (
    Handler: HandlerClass,
    ...requests: readonly string[]
  ) => {
    await using served = await serveForTest(
      new TCPServer(LOOPBACK, Handler, { onError() {} }),
      // That of `Fetch`.
      { allowErrors: (error) => String(error) === "Error: bad" },
    );
    const before = log.records.length;
    let count = before;
    for (const request of requests) {
      await replyTo(served.addr, request);
      await log.until(++count);
    }
    return log.records.slice(before).map(parts);
  };
  const [answered, refused] = await of(
    Base,
    requestOf("GET /?a"),
    requestOf("PUT /"),
  );
  // Two chunks and the last: `5\r\n12345\r\n`, `1\r\n6\r\n`, `0\r\n\r\n`.
  deepStrictEqual(answered, ["GET", "/?a", "HTTP/1.1", 200, 21, true]);
  deepStrictEqual(refused?.slice(0, 4), ["PUT", "/", "HTTP/1.1", 501]);
  const [whole, head, failed] = await of(
    Fetch,
    requestOf("GET /"),
    requestOf("HEAD /"),
    requestOf("GET /bad"),
  );
  deepStrictEqual(whole, ["GET", "/", "HTTP/1.1", 200, 100_000, true]);
  deepStrictEqual(head, ["HEAD", "/", "HTTP/1.1", 200, 0, true]);
  deepStrictEqual(failed?.toSpliced(4, 1), [
    ...["GET", "/bad", "HTTP/1.1", 500, true],
  ]);
  deepStrictEqual(
    await of(
      Files,
      requestOf("GET /a.txt"),
      requestOf("GET /a.txt", ["Range: bytes=2-4"]),
      requestOf("GET /a.txt", ["If-None-Match: *"]),
    ),
    [
      ["GET", "/a.txt", "HTTP/1.1", 200, 10, true],
      ["GET", "/a.txt", "HTTP/1.1", 206, 3, true],
      ["GET", "/a.txt", "HTTP/1.1", 304, 0, true],
    ],
  );
  deepStrictEqual(
    await of(
      Scripts,
      requestOf("GET /cgi-bin/s"),
    ),
    [["GET", "/cgi-bin/s", "HTTP/1.1", 200, 4, true]],
  );
  const [rpc] = await of(
    Calls,
    requestOf("POST /RPC2", [`Content-Length: ${call.length}`]) + call,
  );
  deepStrictEqual(rpc?.slice(0, 4), ["POST", "/RPC2", "HTTP/1.1", 200]);
  ok(log.records.every(({ duration }) => duration >= 0 && duration < 20_000));
  ok(log.records.every(({ time }) => Math.abs(time - Date.now()) < 60_000));
});

Deno.test("what the server answers by itself is logged: 400, 408, 413, 417, 431, 501", async () => {
  const log = new Log();
  await using served = await serveForTest(
    () => new Response(),
    {
      server: Server,
      options: {
        accessLog: log.take,
        limits: { headersTimeout: 200, maxHeaderSize: 500, maxBodySize: 10 },
      },
    },
  );
  const asked = [
    ["GET / HTTP/1.1\r\n\r\n", "GET", "/", 400],
    ["GARBAGE\r\n\r\n", "", "", 501],
    ["GET / HTTP/1.1\r\nHos", "", "", 408],
    [`GET / HTTP/1.1\r\nA: ${"a".repeat(2000)}\r\n\r\n`, "GET", "/", 431],
    [
      "PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n",
      "PUT",
      "/p",
      413,
    ],
    [
      "GET /e HTTP/1.1\r\nHost: a\r\nExpect: x\r\nConnection: close\r\n\r\n",
      "GET",
      "/e",
      417,
    ],
  ] as const;
  for (const [i, [sent]] of asked.entries()) {
    await replyTo(served.addr, sent);
    await log.until(i + 1);
  }
  deepStrictEqual(
    log.records.map(({ method, target, status }) => [method, target, status]),
    asked.map(([, ...expected]) => expected),
  );
  ok(log.records.every(({ bytes, complete }) => bytes > 100 && complete));
});

Deno.test("each request of a pipeline is logged by itself, in order", async () => {
  const log = new Log();
  await using served = await serveForTest(
    async (request) => {
      const { length } = await request.text();
      return new Response(
        "x".repeat(Number(new URL(request.url).search.slice(1)) + length),
      );
    },
    { server: Server, options: { accessLog: log.take } },
  );
  using connection = await Deno.connect(served.addr);
  await writeBytes(
    connection,
    "GET /?1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /?3 HTTP/1.1\r\nHost: a\r\n" +
      "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab" +
      requestOf("GET /?7"),
  );
  await readUntil(connection, "x".repeat(7));
  deepStrictEqual(
    (await log.until(3)).map(({ target, bytes }) => [target, bytes]),
    [["/?1", 1], ["/?3", 5], ["/?7", 7]],
  );
});

/** Has a client leave, in one of two ways. */
const LEAVING = {
  "closes": (connection: Deno.Conn) => Promise.resolve(connection.close()),
  "resets": (connection: Deno.Conn) => reset(connection),
};

for (const [how, leave] of Object.entries(LEAVING)) {
  Deno.test(`a request is logged whose client ${how} in its response`, async () => {
    const log = new Log();
    await using served = await serveForTest(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.enqueue(new Uint8Array(50_000));
            },
          }),
        ),
      {
        server: Server,
        options: { accessLog: log.take },
        allowErrors: isDisconnect,
      },
    );
    const connection = await Deno.connect(served.addr);
    await writeBytes(connection, requestOf("GET /endless"));
    await connection.read(new Uint8Array(1000));
    await leave(connection);
    const [record] = await log.until(1);
    deepStrictEqual([record!.status, record!.complete], [200, false]);
    ok(record!.bytes >= 50_000, `${record!.bytes} bytes`);
  });
}

Deno.test("a request is logged whose client leaves before it is answered", async () => {
  const log = new Log();
  const asked = Promise.withResolvers<void>();
  await using served = await serveForTest(
    ({ signal }) => {
      asked.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
    { server: Server, options: { accessLog: log.take } },
  );
  const connection = await Deno.connect(served.addr);
  await writeBytes(connection, requestOf("GET /slow"));
  await asked.promise;
  connection.close();
  const [record] = await log.until(1);
  deepStrictEqual(parts(record!), ["GET", "/slow", "HTTP/1.1", 0, 0, false]);
});

Deno.test("a request whose handler does not return is logged when the server gives it up", async () => {
  const log = new Log();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const finished = Promise.withResolvers<void>();
  class Stuck extends FetchRequestHandler {
    static override readonly accessLog = log.take;
    override fetch(): Promise<Response> {
      asked.resolve();
      return answer.promise;
    }
    override finish(): void {
      finished.resolve();
    }
  }
  await using served = await serveForTest(Stuck, { server: Server });
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, requestOf("GET /stuck"));
  await asked.promise;
  await served.server.shutdown({ gracePeriod: 1 });
  match(String(served.takeErrors()), /did not finish within 1 ms/);
  // It ends in the end, and is not logged again.
  answer.resolve(new Response());
  await patiently(finished.promise, () => "the handler to finish");
  deepStrictEqual(log.records.map(parts), [
    ["GET", "/stuck", "HTTP/1.1", 0, 0, false],
  ]);
});

Deno.test("a request that takes too long is logged as it was answered", async () => {
  const log = new Log();
  await using served = await serveForTest(
    () => new Promise<Response>(() => {}),
    {
      server: Server,
      options: {
        accessLog: log.take,
        limits: { requestTimeout: 50 },
      },
    },
  );
  strictEqual((await replyTo(served.addr, requestOf("GET /"))).status, 503);
  match(String(await served.untilErrors()), /longer than requestTimeout/);
  const [record] = await log.until(1);
  deepStrictEqual([record!.status, record!.complete], [503, true]);
  ok(record!.duration >= 45, `${record!.duration} ms`);
});

Deno.test("a connection that was taken over is logged when it ends, with its bytes", async () => {
  const log = new Log();
  class Tunnel extends BaseHTTPRequestHandler {
    static override readonly accessLog = log.take;
    async doGET(): Promise<void> {
      this.sendResponse(101);
      this.sendHeader("Upgrade", "echo");
      this.sendHeader("Connection", "Upgrade");
      this.endHeaders();
      const { rfile, wfile } = this.hijack();
      for await (const line of rfile) await wfile.write(`${line}\n`);
    }
  }
  await using served = await serveForTest(Tunnel, { server: Server });
  const connection = await Deno.connect(served.addr);
  await writeBytes(
    connection,
    "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n",
  );
  await readUntil(connection, "hello\n");
  await connection.closeWrite();
  await readUntil(connection, "").catch(() => {});
  connection.close();
  const [record] = await log.until(1);
  deepStrictEqual(parts(record!), ["GET", "/t", "HTTP/1.1", 101, 6, true]);
});

Deno.test("the client of a log is the real one: behind PROXY, and trusted proxies", async () => {
  const log = new Log();
  await using served = await serveForTest(
    () => new Response("x"),
    {
      server: Server,
      options: {
        accessLog: log.take,
        proxyProtocol: { mode: "optional", trust: ["127.0.0.0/8"] },
        forwarded: {
          trust: ["127.0.0.0/8", "192.0.2.1"],
          fields: ["X-Forwarded-For"],
        },
      },
    },
  );
  const destination: Deno.NetAddr = {
    ...{ transport: "tcp", hostname: "1.1.1.1", port: 1 },
  } as const;
  const ask = async (source?: string, ...headers: readonly string[]) => {
    using connection = await Deno.connect(served.addr);
    if (source !== undefined) {
      await connection.write(encodeProxyHeader({
        version: 1,
        source: { transport: "tcp", hostname: source, port: 5 },
        destination,
      }));
    }
    await writeBytes(connection, requestOf("GET /", headers));
    await readUntil(connection, "x");
  };
  const XFF = "X-Forwarded-For: 6.6.6.6, 9.9.9.9";
  await ask();
  await ask(undefined, XFF);
  await ask("198.51.100.3", XFF);
  await ask("192.0.2.1", XFF);
  // What is refused has a client too.
  await replyTo(
    served.addr,
    `PUT / HTTP/1.1\r\nHost: a\r\n${XFF}\r\nContent-Length: 999999999999\r\n\r\n`,
  );
  const records = await log.until(5);
  deepStrictEqual(
    records.map(({ client, clientAddress, forwarded }) => [
      client,
      (clientAddress as Deno.NetAddr).hostname,
      forwarded?.name,
    ]),
    [
      ["127.0.0.1", "127.0.0.1", undefined],
      ["9.9.9.9", "127.0.0.1", "9.9.9.9"],
      ["198.51.100.3", "198.51.100.3", undefined],
      ["9.9.9.9", "192.0.2.1", "9.9.9.9"],
      ["9.9.9.9", "127.0.0.1", "9.9.9.9"],
    ],
  );
});

Deno.test("a client of a Unix socket has a name that is one field", async () => {
  const log = new Log();
  await using folder = new Folder();
  const path = folder.at("socket");
  await using served = await serveForTest(
    new UnixStreamServer(
      { path },
      FetchRequestHandler.from(() => new Response("x"), {}, false, {
        accessLog: log.take,
      }),
    ),
  );
  strictEqual(served.addr.path, path);
  using connection = await Deno.connect({ path, transport: "unix" });
  await writeBytes(connection, requestOf("GET /"));
  const [record] = await log.until(1);
  match(formatAccessLog(record!, "common"), /^unix - - \[/);
});

/** The lines that are written to stderr while something is done. */
async function printed(work: () => Promise<void>): Promise<string[]> {
  const { error } = console;
  const { stderr } = Deno;
  let text = "";
  console.error = (...args: unknown[]) => {
    text += `${args.join(" ")}\n`;
  };
  Object.defineProperty(stderr, "writeSync", {
    value: (bytes: Uint8Array) => {
      // A pipe may take less than it is given.
      const taken = bytes.subarray(0, 10);
      text += new TextDecoder().decode(taken);
      return taken.length;
    },
    configurable: true,
  });
  try {
    await work();
  } finally {
    console.error = error;
    Reflect.deleteProperty(stderr, "writeSync");
  }
  return text.split("\n").slice(0, -1);
}

Deno.test("a log that throws or rejects is printed, and harms no request", async () => {
  for (
    const accessLog of [
      () => {
        throw new Error("no room\x1b[1m on disk");
      },
      () => Promise.reject(new Error("no room\x1b[1m on disk")),
    ] satisfies AccessLog[]
  ) {
    const options: HTTPServerOptions = { accessLog };
    const lines = await printed(async () => {
      await using served = await serveForTest(
        () => new Response("x"),
        { server: Server, options },
      );
      for (let i = 0; i < 2; i++) {
        strictEqual((await replyTo(served.addr, requestOf("GET /"))).body, "x");
      }
    });
    // Behind each is where it was thrown.
    const told = lines.filter((line) => !line.startsWith("    at "));
    strictEqual(told.length, 2);
    for (const line of told) {
      match(line, /^accessLog has failed: Error: no room\\x1b\[1m on disk/);
    }
  }
});

Deno.test("false logs no request, and without a setting logRequest() does, as it did", async () => {
  const get = async (Handler: HandlerClass) => {
    await using served = await serveForTest(Handler);
    await replyTo(served.addr, requestOf("GET /x"));
  };
  class Asked extends BaseHTTPRequestHandler {
    async doGET(): Promise<void> {
      this.sendResponse(204);
      this.endHeaders();
      await this.wfile.flush();
    }
  }
  class Silent extends Asked {
    static override readonly accessLog = false;
  }
  class Missing extends Silent {
    override async doGET(): Promise<void> {
      await this.sendError(404, "Not here");
    }
  }
  class SilentlyMissing extends Missing {
    override logError(): void {}
  }
  class Loud extends Asked {
    static override readonly accessLog = "common";
  }
  deepStrictEqual(await printed(() => get(Silent)), []);
  const [told, ...rest] = await printed(() => get(Missing));
  deepStrictEqual(rest, []);
  match(told!, /^127\.0\.0\.1 - - \[\d{4}-.*\] code 404, message Not here$/);
  deepStrictEqual(await printed(() => get(SilentlyMissing)), []);
  const [old, ...others] = await printed(() => get(Asked));
  deepStrictEqual(others, []);
  match(old!, /^127\.0\.0\.1 - - \[\d{4}-.*\] "GET \/x HTTP\/1\.1" 204/);
  const [line, ...more] = await printed(() => get(Loud));
  deepStrictEqual(more, []);
  match(
    line!,
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:.*\] "GET \/x HTTP\/1\.1" 204 -$/,
  );
});

for (const way of ["event loop", "threads", "processes"]) {
  for (const kind of ["fetch", "methods"]) {
    Deno.test(`${kind} in ${way}: each request is one line on stderr`, async () => {
      const program = new URL("_logging_program.ts", import.meta.url).pathname;
      await using child = new Child(Deno.execPath(), [
        ...["run", "--no-prompt", "-A", program, way, kind],
      ]);
      const [, port] = await child.until(/port (\d+)\./);
      const transport = "tcp" as const;
      const addr = { ...LOOPBACK, transport, port: Number(port) };
      for (const agent of ['one"', "two\x1b[2J"]) {
        const { body } = await replyTo(
          addr,
          requestOf("GET /a", [`User-Agent: ${agent.replace("\x1b", "\x9b")}`]),
        );
        strictEqual(body, "hello");
      }
      await child.untilStderr(
        /^127\.0\.0\.1 - - \[\S+ [+-]\d{4}\] "GET \/a HTTP\/1\.1" 200 5 "-" "one\\""$/m,
      );
      await child.untilStderr(/ "two\\x9b\[2J"$/m);
    });
  }
}

const goaccess = new Program("goaccess", "goaccess");

testWith(
  [goaccess],
  "GoAccess reads what is logged in the formats of Apache, hostile requests too",
  async () => {
    const log = new Log();
    await using folder = new Folder();
    await using served = await serveForTest(
      (request) => {
        const { pathname } = new URL(request.url);
        return new Response("x".repeat(1000), {
          status: pathname === "/missing" ? 404 : 200,
        });
      },
      { server: Server, options: { accessLog: log.take } },
    );
    const asked = [
      requestOf("GET /", [
        'User-Agent: curl/7.88" "x',
        "Referer: http://a.test/",
      ]),
      requestOf('GET /q"uote?a=\\"', ["User-Agent: \xff\x80\t\\"]),
      requestOf("GET /missing", [
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
      ]),
      "GARBAGE\r\n\r\n",
    ];
    for (const [i, request] of asked.entries()) {
      await replyTo(served.addr, request);
      await log.until(i + 1);
    }
    for (const format of ["common", "combined"] as const) {
      const path = folder.at(`${format}.log`);
      const report = folder.at(`${format}.json`);
      await Deno.writeTextFile(
        path,
        log.records.map((record) => `${formatAccessLog(record, format)}\n`)
          .join(""),
      );
      await goaccess.run([
        ...[path, `--log-format=${format.toUpperCase()}`, "-o", report],
        ...["--no-progress", "--no-global-config"],
      ]);
      const { general, requests, not_found, status_codes } = JSON.parse(
        await Deno.readTextFile(report),
      );
      strictEqual(general.total_requests, asked.length, format);
      strictEqual(general.failed_requests, 0, format);
      const names = (panel: { readonly data: { readonly data: string }[] }) =>
        panel.data.map(({ data }) => data);
      ok(names(requests).includes("/"), format);
      deepStrictEqual(names(not_found), ["/missing"], format);
      ok(status_codes.data.length > 0);
    }
  },
);
