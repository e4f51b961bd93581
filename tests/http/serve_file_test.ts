// serveFile(), for handlers that return a Response. That files are closed whatever
// happens, Deno's resource sanitizer sees to.

import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
} from "node:assert";
import { Buffer } from "node:buffer";
import { pathToFileURL } from "node:url";
import { chunkStream } from "../../handlers/http/_compression/chunk_stream.ts";
import { PartsReader } from "../../handlers/http/_files/parts_reader.ts";
import {
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  serveFile,
  type ServeFileOptions,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { makeCertificate } from "../_certificate.ts";
import { patiently } from "../_patience.ts";
import { Child, Folder, Program, testWith } from "../_program.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../server/testing/mod.ts";
import { isDisconnect, LOOPBACK } from "../_loopback.ts";
import { requestOf } from "./_cgi_site.ts";
import { ALONE, curl } from "./_curl.ts";
import { FilesSite, LONG_AGO, LONG_AGO_TEXT } from "./_files_site.ts";
import { readBytes, type Reply, replyTo } from "./_replies.ts";
import { OneFile } from "./_serve_file_handler.ts";

const mkfifo = new Program("mkfifo", "coreutils");
const PROGRAM = new URL("_serve_file_program.ts", import.meta.url).pathname;

/** More than the buffers of a connection hold. */
const LARGE = 64 * 2 ** 20;
const TEXT = "0123456789".repeat(1000);

/** A server that answers each request with one file, of a folder of its own. */
class Site implements AsyncDisposable {
  readonly served: TestServer<HTTPServer>;
  readonly #folder: Folder;

  private constructor(served: TestServer<HTTPServer>, folder: Folder) {
    this.served = served;
    this.#folder = folder;
  }

  static async serve(
    folder: Folder,
    name: string,
    options?: ServeFileOptions,
    servedOptions: ServedOptions = {},
  ): Promise<Site> {
    const served = await serveForTest(
      (request) => serveFile(request, folder.at(name), options),
      { server: HTTPServer, ...servedOptions },
    );
    return new Site(served, folder);
  }

  get addr(): HTTPServer["addr"] {
    return this.served.addr;
  }

  get url(): string {
    return `http://127.0.0.1:${this.addr.port}/`;
  }

  get(...headers: readonly string[]): Promise<Reply> {
    return replyTo(this.addr, requestOf("GET /", headers));
  }

  send(method: string, ...headers: readonly string[]): Promise<Reply> {
    return replyTo(this.addr, requestOf(`${method} /`, headers));
  }

  /** Asks for the file, and reads the beginning of it. */
  async begin(): Promise<Deno.TcpConn> {
    const connection = await Deno.connect(this.addr);
    await connection.write(new TextEncoder().encode(requestOf("GET /")));
    await connection.read(new Uint8Array(1000));
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** A site of one file, which was last changed long ago. */
async function siteOf(
  text: string,
  name = "a.txt",
  options?: ServeFileOptions,
): Promise<Site> {
  const folder = new Folder();
  await Deno.writeTextFile(folder.at(name), text);
  await Deno.utime(folder.at(name), LONG_AGO, LONG_AGO);
  return await Site.serve(folder, name, options);
}

/** A site of a large file of zeros, and its path. */
async function largeSite(
  servedOptions: ServedOptions = {},
): Promise<[Site, string]> {
  const folder = new Folder();
  const path = folder.at("large");
  await makeLarge(path);
  return [await Site.serve(folder, "large", undefined, servedOptions), path];
}

async function makeLarge(path: string): Promise<void> {
  await Deno.writeTextFile(path, "");
  await Deno.truncate(path, LARGE);
}

function request(headers: Record<string, string> = {}): Request {
  return new Request("http://localhost/", { headers });
}

Deno.test("serveFile() sends a file, and describes it to HEAD", async () => {
  await using site = await siteOf(TEXT);
  const reply = await site.get();
  strictEqual(reply.status, 200);
  strictEqual(reply.body, TEXT);
  const { headers } = reply;
  strictEqual(headers.get("content-length"), "10000");
  strictEqual(headers.get("content-type"), "text/plain;charset=utf-8");
  strictEqual(headers.get("last-modified"), LONG_AGO_TEXT);
  strictEqual(headers.get("accept-ranges"), "bytes");
  strictEqual(headers.has("transfer-encoding"), false);
  match(headers.get("etag")!, /^(W\/)?"[^"]+"$/);
  const head = await site.send("HEAD");
  strictEqual(head.status, 200);
  strictEqual(head.body, "");
  deepStrictEqual(withoutDate(head), withoutDate(reply));
});

function withoutDate({ headers }: Reply): Record<string, string> {
  const { date: _, ...others } = Object.fromEntries(headers);
  return others;
}

/** What of a reply does not change from one server to another. */
function comparable(reply: Reply): unknown {
  const { status, body, headers } = reply;
  // The page of what is refused is another one.
  if (status >= 400) return [status, headers.get("content-range")];
  const { server: _, ...others } = withoutDate(reply);
  const text = JSON.stringify([status, others, body]);
  const boundary = /boundary=([\w-]+)/.exec(text)?.[1];
  return JSON.parse(boundary ? text.replaceAll(boundary, "BOUNDARY") : text);
}

Deno.test("serveFile() answers as SimpleHTTPRequestHandler does", async () => {
  await using files = await FilesSite.serve(
    { "a.txt": TEXT, "a.txt.gz": "not read", "empty.html": "" },
    { compression: true },
  );
  // One that is compressed as it is sent.
  await Deno.writeTextFile(files.at("long.txt"), TEXT.repeat(10));
  for (const name of ["a.txt", "a.txt.gz", "empty.html", "long.txt"]) {
    await files.age(name);
  }
  await files.untilStrong("/long.txt");
  const etag = (await files.get("/a.txt")).headers.get("etag")!;
  const statuses = new Set<number>();
  for (const name of ["a.txt", "empty.html", "long.txt"]) {
    const path = files.at(name);
    await using served = await serveForTest(
      (request) => serveFile(request, path, { compression: true }),
      { server: HTTPServer },
    );
    for (const method of ["GET", "HEAD"]) {
      for (
        const header of [
          [],
          ["Range: bytes=0-0"],
          ["Range: bytes=5-14"],
          ["Range: bytes=-5"],
          ["Range: bytes=9990-"],
          ["Range: bytes=0-1,9000-9001,-1"],
          ["Range: bytes=0-5,3-9"],
          ["Range: bytes=200000-"],
          ["Range: bytes=5-1"],
          ["Range: lines=1-2"],
          [`Range: bytes=${"0-1,".repeat(65)}5-6`],
          ["Range: bytes=0-4", `If-Range: ${etag}`],
          ["Range: bytes=0-4", 'If-Range: "other"'],
          ["Range: bytes=0-4", `If-Range: ${LONG_AGO_TEXT}`],
          [`If-None-Match: ${etag}`],
          [`If-None-Match: "x", W/${etag.replace("W/", "")}`],
          ["If-None-Match: *"],
          ['If-None-Match: "other"', `If-Modified-Since: ${LONG_AGO_TEXT}`],
          [`If-Match: ${etag}`],
          ["If-Match: *"],
          ['If-Match: "other"'],
          [`If-Modified-Since: ${LONG_AGO_TEXT}`],
          ["If-Modified-Since: Mon, 03 Feb 2020 04:05:05 GMT"],
          ["If-Modified-Since: yesterday"],
          [`If-Unmodified-Since: ${LONG_AGO_TEXT}`],
          ["If-Unmodified-Since: Mon, 03 Feb 2020 04:05:05 GMT"],
          ["Accept-Encoding: gzip"],
          ["Accept-Encoding: br"],
          ["Accept-Encoding: gzip", "Range: bytes=0-3"],
          ["Accept-Encoding: br", "Range: bytes=0-3"],
          ["Accept-Encoding: gzip", "Range: bytes=0-1,5-6"],
          ["Accept-Encoding: identity;q=0, gzip"],
        ]
      ) {
        const asked = requestOf(`${method} /${name}`, header);
        const expected = await files.send(asked);
        deepStrictEqual(
          comparable(await replyTo(served.addr, asked)),
          comparable(expected),
          asked,
        );
        statuses.add(expected.status);
      }
    }
  }
  deepStrictEqual([...statuses].sort(), [200, 206, 304, 412, 416]);
});

Deno.test("serveFile() sends one range, several, and 416 with the size", async () => {
  await using site = await siteOf(TEXT);
  const one = await site.get("Range: bytes=5-14");
  strictEqual(one.status, 206);
  strictEqual(one.headers.get("content-range"), "bytes 5-14/10000");
  strictEqual(one.headers.get("content-length"), "10");
  strictEqual(one.body, "5678901234");
  const several = await site.get("Range: bytes=1-2,-1");
  strictEqual(several.status, 206);
  const [, boundary] = /^multipart\/byteranges; boundary=(.+)$/.exec(
    several.headers.get("content-type")!,
  )!;
  const part = (range: string, body: string) =>
    `--${boundary}\r\nContent-Type: text/plain;charset=utf-8\r\n` +
    `Content-Range: bytes ${range}/10000\r\n\r\n${body}\r\n`;
  strictEqual(
    several.body,
    `${part("1-2", "12")}${part("9999-9999", "9")}--${boundary}--\r\n`,
  );
  const none = await site.get("Range: bytes=10000-");
  strictEqual(none.status, 416);
  strictEqual(none.headers.get("content-range"), "bytes */10000");
});

Deno.test("serveFile() sends parts that are longer than a chunk", async () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `${i},`).join("");
  await using site = await siteOf(text);
  const half = Math.floor(text.length / 2);
  strictEqual((await site.get()).body, text);
  strictEqual((await site.get(`Range: bytes=7-`)).body, text.slice(7));
  const { body, complete } = await site.get(
    `Range: bytes=0-${half - 2},${half}-`,
  );
  strictEqual(complete, true);
  const [, first, second] = body.split(/--[\w-]{36}(?:--)?\r\n/);
  strictEqual(first!.split("\r\n\r\n")[1], `${text.slice(0, half - 1)}\r\n`);
  strictEqual(second!.split("\r\n\r\n")[1], `${text.slice(half)}\r\n`);
});

Deno.test("serveFile() answers what is no file in a line of text", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("file"), "text");
  for (
    const name of [
      ...["missing", "file/below", "file/", ".", "", "a\0b", "x".repeat(300)],
    ]
  ) {
    await using served = await serveForTest(
      (request) => serveFile(request, folder.at(name)),
      { server: HTTPServer },
    );
    const { status, body, headers } = await replyTo(
      served.addr,
      requestOf("GET /"),
    );
    strictEqual(status, 404, name);
    strictEqual(body, "Not Found\n");
    strictEqual(headers.get("content-type"), "text/plain;charset=utf-8");
    const head = await replyTo(served.addr, requestOf("HEAD /"));
    strictEqual(head.status, 404, name);
  }
});

testWith(
  [mkfifo],
  "serveFile() refuses pipes, sockets and devices unopened",
  async () => {
    await using folder = new Folder();
    await mkfifo.run([folder.at("pipe")]);
    using _listener = Deno.listen({
      transport: "unix",
      path: folder.at("socket"),
    });
    await Deno.symlink("/dev/zero", folder.at("device"));
    for (const name of ["pipe", "socket", "device"]) {
      const response = await patiently(
        serveFile(request(), folder.at(name)),
        () => `an answer for a ${name}`,
      );
      strictEqual(response.status, 403, name);
      strictEqual(await response.text(), "Neither a file nor a directory\n");
    }
  },
);

Deno.test("serveFile() answers 405 to other methods, and names its own", async () => {
  await using site = await siteOf(TEXT);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const { status, headers, body } = await site.send(method);
    strictEqual(status, 405, method);
    strictEqual(headers.get("allow"), "GET, HEAD");
    strictEqual(body, "Method Not Allowed\n");
  }
});

Deno.test("serveFile() takes the type that it is told", async () => {
  await using site = await siteOf(TEXT, "a.txt", { contentType: "text/x-a" });
  strictEqual((await site.get()).headers.get("content-type"), "text/x-a");
  await using unknown = await siteOf(TEXT, "README");
  strictEqual(
    (await unknown.get()).headers.get("content-type"),
    "application/octet-stream",
  );
});

Deno.test("serveFile() takes a URL of file:", async () => {
  await using folder = new Folder();
  const path = folder.at("ü 100%#?.txt");
  await Deno.writeTextFile(path, TEXT);
  const response = await serveFile(request(), pathToFileURL(path));
  strictEqual(response.status, 200);
  strictEqual(await response.text(), TEXT);
});

Deno.test("serveFile() refuses arguments of other types at once", async () => {
  const cases: readonly (readonly [unknown, unknown, unknown, RegExp])[] = [
    [
      "GET",
      "a",
      {},
      /^Cannot serve a file: request must be a Request, received "GET"$/,
    ],
    ...[1, undefined, null, {}, "", new URL("http://a/b"), ["a"]].map((path) =>
      [
        request(),
        path,
        {},
        /^Cannot serve a file: path must be the path of a file or its URL of file:, received /,
      ] as const
    ),
    [request(), new URL("file://host/b"), {}, /host/],
    [request(), "a", null, /^Cannot serve a file: the options must be an ob/],
    [request(), "a", { contentTyp: "a" }, /did you mean "contentType"\?$/],
    [request(), "a", { fileInfo: {} }, /known are contentType, compression$/],
    [request(), "a", { contentType: 1 }, /contentType must be one line/],
    [request(), "a", { contentType: "a\nb" }, /contentType must be one line/],
    [
      request(),
      "a",
      { compression: 1 },
      /^Cannot compress responses: the settings must be an object/,
    ],
  ];
  for (const [asked, path, options, message] of cases) {
    await rejects(
      serveFile(
        asked as Request,
        path as string,
        options as ServeFileOptions,
      ),
      { name: "TypeError", message },
    );
  }
});

Deno.test("serveFile() sends headers that are set on its response", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a"), TEXT);
  await using served = await serveForTest(
    async (request) => {
      const response = await serveFile(request, folder.at("a"));
      response.headers.set("Cache-Control", "no-cache");
      return response;
    },
    { server: HTTPServer },
  );
  for (const headers of [[], ["Range: bytes=1-2"], ["If-None-Match: *"]]) {
    const reply = await replyTo(served.addr, requestOf("GET /", headers));
    strictEqual(reply.headers.get("cache-control"), "no-cache");
  }
});

Deno.test("serveFile() leaves what it compresses to nobody else", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.txt"), TEXT.repeat(10));
  for (const compression of [true, { codings: [] }]) {
    await using served = await serveForTest(
      (request) => serveFile(request, folder.at("a.txt"), { compression }),
      { server: HTTPServer, options: { compression: true } },
    );
    const { headers, complete } = await replyTo(
      served.addr,
      requestOf("GET /", ["Accept-Encoding: gzip"]),
    );
    strictEqual(headers.get("content-encoding"), "gzip");
    strictEqual(headers.get("vary"), "Accept-Encoding");
    strictEqual(complete, true);
  }
});

Deno.test("serveFile() reads as much as its client takes, in large chunks", async () => {
  await using folder = new Folder();
  await makeLarge(folder.at("large"));
  const sizes: number[] = [];
  const responses: ReadableStreamDefaultReader<Uint8Array>[] = [];
  for (let i = 0; i < 20; i++) {
    const response = await serveFile(request(), folder.at("large"));
    const reader = response.body!.getReader();
    sizes.push((await reader.read()).value!.length);
    responses.push(reader);
  }
  strictEqual(sizes[0], 256 * 1024);
  strictEqual(sizes.at(-1), 32 * 1024);
  for (const reader of responses) await reader.cancel();
  // Room that is left is given to others.
  const response = await serveFile(request(), folder.at("large"));
  const reader = response.body!.getReader();
  strictEqual((await reader.read()).value!.length, 256 * 1024);
  await reader.cancel();
});

Deno.test("a stream of chunks takes no more than it is to have ahead", async () => {
  let taken = 0;
  const source = {
    read: () => {
      taken++;
      return Promise.resolve(new Uint8Array(1));
    },
    cancel: () => {},
  };
  for (const ahead of [0, 1]) {
    taken = 0;
    const reader = chunkStream(source, ahead).getReader();
    for (let read = 1; read <= 3; read++) {
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve));
      strictEqual(taken, read + ahead);
    }
    await reader.cancel();
  }
});

Deno.test("a large response that is not sent is closed by cancelling its body", async () => {
  await using folder = new Folder();
  await makeLarge(folder.at("large"));
  const unread = await serveFile(request(), folder.at("large"));
  await unread.body!.cancel();
  // While a read is under way.
  const read = await serveFile(request(), folder.at("large"));
  const reader = read.body!.getReader();
  const reading = reader.read();
  await reader.cancel();
  await reading;
  // What is small, and what HEAD and a condition are answered with, holds none.
  await Deno.writeTextFile(folder.at("small"), TEXT);
  await serveFile(request(), folder.at("small"));
  await serveFile(request({ "If-None-Match": "*" }), folder.at("large"));
  await serveFile(
    new Request("http://localhost/", { method: "HEAD" }),
    folder.at("large"),
  );
});

Deno.test("serveFile() ends the connection when its file is cut short", async () => {
  const [site, path] = await largeSite();
  await using _site = site;
  using connection = await site.begin();
  await Deno.truncate(path, 1000);
  const rest = await patiently(readBytes(connection), () => "the end");
  ok(rest.length < LARGE);
  const [error] = await site.served.untilErrors();
  match(
    String(error),
    /Cannot send 67108864 bytes of a file: it was cut short and ended after \d+/,
  );
});

Deno.test("a reader of parts tells what is cut short, and of which part", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a"), "0123456789");
  using file = await Deno.open(folder.at("a"));
  using reader = new PartsReader(file, {
    kind: "parts",
    parts: [
      { before: "<", range: { from: 1, length: 2 } },
      { before: ">", range: { from: 8, length: 5 } },
    ],
    end: "!",
    length: 10,
  });
  await rejects(reader.read(), {
    message:
      "Cannot send 5 bytes of a file: it was cut short and ended after 2",
  });
});

Deno.test("serveFile() sends what it announced of a file that grows", async () => {
  const [site, path] = await largeSite();
  await using _site = site;
  using connection = await site.begin();
  await Deno.truncate(path, 2 * LARGE);
  const rest = await patiently(readBytes(connection), () => "the end");
  ok(rest.length <= LARGE);
  ok(rest.length > LARGE - 1000);
  deepStrictEqual(site.served.errors, []);
});

Deno.test("serveFile() closes its file when the client leaves, and serves others", async () => {
  const [site] = await largeSite({ allowErrors: isDisconnect });
  await using _site = site;
  for (let i = 0; i < 5; i++) (await site.begin()).close();
  const { status, complete } = await site.get("Range: bytes=-10");
  strictEqual(status, 206);
  strictEqual(complete, true);
});

Deno.test("serveFile() closes its file when the server is shut down", async () => {
  const [site] = await largeSite();
  await using _site = site;
  using connection = await site.begin();
  await site.served.server.shutdown({ gracePeriod: 0 });
  match(String(site.served.takeErrors()), /did not finish within 0 ms/);
  const rest = await patiently(readBytes(connection), () => "the end");
  ok(rest.length < LARGE);
});

testWith(
  [curl],
  "curl reads, resumes and checks what serveFile() sends",
  async () => {
    await using folder = new Folder();
    const bytes = crypto.getRandomValues(new Uint8Array(50_000));
    await Deno.writeFile(folder.at("a.bin"), bytes);
    await Deno.utime(folder.at("a.bin"), LONG_AGO, LONG_AGO);
    const [download, tag] = [folder.at("download"), folder.at("etag")];
    await using served = await serveForTest(
      (request) => serveFile(request, folder.at("a.bin")),
      { server: HTTPServer },
    );
    const url = `http://127.0.0.1:${served.addr.port}/`;
    await Deno.writeFile(download, bytes.subarray(0, 12_345));
    await curl.run([...ALONE, "-C", "-", "-o", download, url]);
    deepStrictEqual(await Deno.readFile(download), bytes);
    const range = await curl.runBytes([...ALONE, "-r", "100-199", url]);
    deepStrictEqual(range, bytes.slice(100, 200));
    const head = await curl.run([...ALONE, "--head", url]);
    match(head, /^content-length: 50000\r$/im);
    match(head, new RegExp(`^last-modified: ${LONG_AGO_TEXT}\r$`, "im"));
    const status = ["-o", download, "-w", "%{http_code} %{size_download}"];
    strictEqual(
      await curl.run([...ALONE, ...status, "-z", LONG_AGO_TEXT, url]),
      "304 0",
    );
    strictEqual(
      await curl.run([...ALONE, ...status, "--etag-save", tag, url]),
      "200 50000",
    );
    strictEqual(
      await curl.run([...ALONE, ...status, "--etag-compare", tag, url]),
      "304 0",
    );
  },
);

Deno.test("serveFile() answers in threads, and in a process that may read", async () => {
  await using folder = new Folder();
  const path = folder.at("a.txt");
  await Deno.writeTextFile(path, TEXT.repeat(100));
  const config = path;
  for (
    const each of [
      new ThreadingHTTPServer(LOOPBACK, OneFile, { workers: 1, config }),
      new ForkingHTTPServer(LOOPBACK, OneFile, {
        maxChildren: 1,
        permissions: { read: [path] },
        config,
      }),
    ]
  ) {
    await using served = await serveForTest(each);
    strictEqual(
      (await replyTo(served.addr, requestOf("GET /"))).body,
      TEXT.repeat(100),
    );
    const part = await replyTo(
      served.addr,
      requestOf("GET /", ["Range: bytes=-3"]),
    );
    strictEqual(part.status, 206);
    strictEqual(part.body, "789");
  }
});

Deno.test("serveFile() sends a large file as it is, in each way of running, though memory is filled anew", async () => {
  await using folder = new Folder();
  const path = folder.at("large");
  const bytes = new Uint8Array(5_000_001).map((_, i) => i * 31 + (i >> 8));
  await Deno.writeFile(path, bytes);
  const { cert, key } = await makeCertificate(folder);
  const one = { workers: 1, config: path } as const;
  const servers = [
    new HTTPServer(LOOPBACK, OneFile, { config: path }),
    new HTTPSServer({ ...LOOPBACK, cert, key }, OneFile, { config: path }),
    new ThreadingHTTPServer(LOOPBACK, OneFile, { ...one, accept: "threads" }),
    new ThreadingHTTPServer(LOOPBACK, OneFile, { ...one, accept: "main" }),
    new ForkingHTTPServer(LOOPBACK, OneFile, {
      maxChildren: 1,
      permissions: { read: [path] },
      config: path,
    }),
  ];
  using client = Deno.createHttpClient({ caCerts: [cert] });
  for (const each of servers) {
    await using served = await serveForTest(each);
    const scheme = each instanceof HTTPSServer ? "https" : "http";
    const url = `${scheme}://localhost:${served.addr.port}/`;
    // Several at once, so that writes wait.
    const bodies = await Promise.all(
      Array.from({ length: 4 }, async () => {
        // The only process serves one connection after the other.
        const response = await fetch(url, {
          client,
          headers: { Connection: "close" },
        });
        return await response.bytes();
      }),
    );
    for (const body of bodies) ok(Buffer.compare(body, bytes) === 0);
  }
});

Deno.test("a reader of parts fills anew what is given back, if it is as large", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a"), "");
  await Deno.truncate(folder.at("a"), 600_000);
  using file = await Deno.open(folder.at("a"));
  using reader = new PartsReader(file, {
    kind: "parts",
    parts: [{ before: "", range: { from: 0, length: 600_000 } }],
    end: "",
    length: 600_000,
  });
  const first = (await reader.read())!;
  reader.takeBack(first);
  const second = (await reader.read())!;
  strictEqual(second, first);
  reader.takeBack(second);
  const last = (await reader.read())!;
  strictEqual(last.length, 600_000 - first.length - second.length);
  notStrictEqual(last.buffer, first.buffer);
  strictEqual(await reader.read(), undefined);
});

Deno.test("serveFile() names the permission that a process lacks", async () => {
  await using folder = new Folder();
  const path = folder.at("a.txt");
  await Deno.writeTextFile(path, TEXT);
  await using served = await serveForTest(
    OneFile,
    {
      server: ForkingHTTPServer,
      options: {
        maxChildren: 1,
        config: path,
      },
    },
  );
  const { status, body } = await replyTo(served.addr, requestOf("GET /"));
  strictEqual(status, 500);
  // The client is told nothing of where the file is.
  ok(!body.includes(path));
  const [error] = await served.untilErrors();
  const text = String(error);
  ok(
    text.includes(
      `Cannot serve "${path}": requires read access to it, run again with --allow-read=${path}`,
    ),
    text,
  );
  ok(text.includes("the server's option permissions: { read: "), text);
});

Deno.test("serveFile() names the permission that a program lacks", async () => {
  await using folder = new Folder();
  const path = folder.at("a.txt");
  await Deno.writeTextFile(path, "text");
  const run = async (...flags: readonly string[]) => {
    await using child = new Child(Deno.execPath(), [
      ...["run", "--no-prompt", ...flags, PROGRAM, path],
    ]);
    const { code, stdout, stderr } = await child.output();
    strictEqual(code, 0, stderr);
    return new TextDecoder().decode(stdout);
  };
  strictEqual(
    await run(),
    `NotCapable: Cannot serve "${path}": requires read access to it, run again with --allow-read=${path}\n`,
  );
  strictEqual(await run(`--allow-read=${path}`), "200 text\n");
});

Deno.test("serveFile() answers for Deno.serve", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.txt"), TEXT);
  await makeLarge(folder.at("large"));
  await using server = Deno.serve(
    { ...LOOPBACK, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      return serveFile(request, folder.at(pathname));
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  strictEqual(await (await fetch(`${url}/a.txt`)).text(), TEXT);
  const part = await fetch(`${url}/a.txt`, {
    headers: { Range: "bytes=5-14" },
  });
  strictEqual(part.status, 206);
  strictEqual(await part.text(), "5678901234");
  const head = await fetch(`${url}/large`, { method: "HEAD" });
  strictEqual(head.headers.get("content-length"), `${LARGE}`);
  const missing = await fetch(`${url}/missing`);
  strictEqual(missing.status, 404);
  await missing.body!.cancel();
  const whole = await fetch(`${url}/large`);
  strictEqual((await whole.arrayBuffer()).byteLength, LARGE);
  const left = await fetch(`${url}/large`);
  const reader = left.body!.getReader();
  notStrictEqual((await reader.read()).value!.length, 0);
  await reader.cancel();
});

Deno.test("serveFile() serves many at once, and each what it asked for", async () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `${i},`).join("");
  await using site = await siteOf(text);
  const replies = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      using connection = await Deno.connect(site.addr);
      const asked = requestOf("GET /", [`Range: bytes=${i}-`]);
      await connection.write(Buffer.from(asked));
      return await readBytes(connection);
    }),
  );
  for (const [i, reply] of replies.entries()) {
    strictEqual(reply.split("\r\n\r\n", 2)[1], text.slice(i));
  }
});
