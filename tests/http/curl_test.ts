import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  BaseHTTPRequestHandler,
  HTTPServer,
  HTTPSServer,
} from "../../server/http/mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { LARGE, pattern, sha256 } from "../peers/_peers.ts";
import { ALONE, curl } from "./_curl.ts";
import { Target } from "./_target_handlers.ts";

/** Sends back what it gets, as long as it was announced or in chunks. */
class Echo extends BaseHTTPRequestHandler {
  static override readonly limits = { maxBodySize: 2 * LARGE };

  async doPOST(): Promise<void> {
    // Who waits to be told to continue is told by the first read.
    const begin = await this.rfile.read(64 * 1024);
    this.sendResponse(200);
    const length = this.headers.get("content-length");
    if (length !== null) this.sendHeader("Content-Length", length);
    this.sendHeader(
      "X-Framing",
      length ?? this.headers.get("transfer-encoding") ?? "none",
    );
    this.endHeaders();
    if (begin !== null) await this.wfile.write(begin);
    for await (const chunk of this.rfile.readable) {
      await this.wfile.write(chunk);
    }
  }

  doPUT(): Promise<void> {
    return this.doPOST();
  }

  override logMessage(): void {}
}

testWith(
  [curl],
  "curl uploads 8 MiB and reads them back, announced and in chunks",
  async () => {
    await using served = await serveForTest(Echo, { server: HTTPServer });
    await using folder = new Folder();
    const bytes = pattern(LARGE);
    await Deno.writeFile(folder.at("bytes"), bytes);
    for (const chunked of [false, true]) {
      const back = await curl.runBytes([
        ...[...ALONE, "--data-binary", `@${folder.at("bytes")}`],
        ...["--dump-header", folder.at("head")],
        ...(chunked ? ["--header", "Transfer-Encoding: chunked"] : []),
        `http://127.0.0.1:${served.addr.port}/`,
      ]);
      strictEqual(sha256(back), sha256(bytes));
      match(
        await Deno.readTextFile(folder.at("head")),
        chunked ? /^X-Framing: chunked\r$/m : /^X-Framing: 8388608\r$/m,
      );
    }
  },
);

testWith(
  [curl],
  "curl waits for 100 Continue before it sends its body",
  async () => {
    await using served = await serveForTest(Echo, { server: HTTPServer });
    await using folder = new Folder();
    const back = await curl.run([
      ...[...ALONE, "--header", "Expect: 100-continue"],
      // It would send after a second without an answer.
      ...["--expect100-timeout", "30", "--dump-header", folder.at("head")],
      ...["--upload-file", "-", `http://127.0.0.1:${served.addr.port}/`],
    ], "a body");
    strictEqual(back, "a body");
    match(
      await Deno.readTextFile(folder.at("head")),
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    );
  },
);

testWith([curl], "curl is refused what it waits to send", async () => {
  await using served = await serveForTest(
    () => new Response("no\n", { status: 403 }),
    { server: HTTPServer },
  );
  const printed = await curl.run([
    ...[...ALONE, "--header", "Expect: 100-continue"],
    ...["--expect100-timeout", "30", "--upload-file", "-"],
    ...["--write-out", "%{http_code} %{size_upload}"],
    `http://127.0.0.1:${served.addr.port}/`,
  ], "a body that nobody wants");
  strictEqual(printed, "no\n403 0");
});

testWith(
  [curl],
  "curl speaks HTTP/1.0, with a connection for each request and with one for all",
  async () => {
    await using served = await serveForTest(Target, { server: HTTPServer });
    const url = `http://127.0.0.1:${served.addr.port}`;
    const ask = (...options: string[]) =>
      curl.run([
        ...[...ALONE, "--http1.0", ...options],
        ...["--write-out", " %{num_connects}\n", `${url}/1`, `${url}/2`],
      ]);
    strictEqual(await ask(), "GET /1 [] 1\nGET /2 [] 1\n");
    strictEqual(
      await ask("--header", "Connection: keep-alive"),
      "GET /1 [] 1\nGET /2 [] 0\n",
    );
  },
);

testWith([curl], "curl reads a stream of HTTP/1.0 to its end", async () => {
  await using served = await serveForTest(Echo, { server: HTTPServer });
  const printed = await curl.run([
    ...[...ALONE, "--http1.0", "--data", "", "--include"],
    `http://127.0.0.1:${served.addr.port}/`,
  ]);
  match(printed, /^HTTP\/1\.1 200 OK\r\n/);
  strictEqual(/chunked/i.test(printed), false);
});

testWith(
  [curl],
  "curl keeps one connection for 20 requests, HEAD among them",
  async () => {
    await using served = await serveForTest(Target, { server: HTTPServer });
    const url = `http://127.0.0.1:${served.addr.port}`;
    const urls = Array.from({ length: 20 }, (_, i) => `${url}/${i}`);
    const printed = await curl.run([
      ...[...ALONE, "--write-out", " %{num_connects}\n"],
      ...urls,
    ]);
    deepStrictEqual(
      printed.trimEnd().split("\n"),
      urls.map((_, i) => `GET /${i} [] ${i === 0 ? 1 : 0}`),
    );
    const heads = await curl.run([
      ...[...ALONE, "--head", "--output", "/dev/null", "--output", "/dev/null"],
      ...[
        "--write-out",
        "%{http_code} %{num_connects}\n",
        `${url}/1`,
        `${url}/2`,
      ],
    ]);
    strictEqual(heads, "200 1\n200 0\n");
  },
);

testWith(
  [curl],
  "curl asks many things at once, on connections side by side",
  async () => {
    await using served = await serveForTest(Target, { server: HTTPServer });
    await using folder = new Folder();
    await curl.run([
      ...[...ALONE, "--parallel", "--parallel-immediate"],
      ...["--output", folder.at("#1")],
      `http://127.0.0.1:${served.addr.port}/[1-50]`,
    ]);
    for (let i = 1; i <= 50; i++) {
      strictEqual(await Deno.readTextFile(folder.at(`${i}`)), `GET /${i} []`);
    }
  },
);

testWith(
  [curl],
  "curl speaks HTTPS, and negotiates no HTTP/2",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new HTTPSServer({ ...LOOPBACK, cert, key }, Target),
    );
    const printed = await curl.run([
      ...[...ALONE, "--http2", "--cacert", file, "--data", "a body"],
      ...["--write-out", " %{http_version}"],
      `https://127.0.0.1:${served.addr.port}/`,
    ]);
    strictEqual(printed, "POST / [a body] 1.1");
  },
);

testWith([curl], "curl speaks HTTP over a Unix socket", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using _served = await serveForTest(
    new UnixStreamServer({ path }, Target),
  );
  const printed = await curl.run([
    ...[...ALONE, "--unix-socket", path, "--data", "a body"],
    "http://localhost/path?query",
  ]);
  strictEqual(printed, "POST /path?query [a body]");
});

testWith([curl], "curl's odd requests are answered", async () => {
  await using served = await serveForTest(Target, { server: HTTPServer });
  const url = `http://127.0.0.1:${served.addr.port}`;
  const status = (...options: string[]) =>
    curl.run([
      ...[...ALONE, "--output", "/dev/null", "--write-out", "%{http_code}"],
      ...[...options, url],
    ]);
  strictEqual(
    await status("--request", "OPTIONS", "--request-target", "*"),
    "200",
  );
  strictEqual(await status("--request", "FROBNICATE"), "501");
  strictEqual(await status("--header", "Host:"), "400");
  strictEqual(await status("--header", `X: ${"y".repeat(20_000)}`), "431");
  strictEqual(await status("--header", "Expect: 200-ok", "--data", "x"), "417");
});
