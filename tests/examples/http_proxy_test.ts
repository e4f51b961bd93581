import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { gzipSync } from "node:zlib";
import { HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { pattern, sha256 } from "../peers/_peers.ts";
import { type Child, Program, testWith } from "../_program.ts";
import { ask, LOOPBACK, readAll } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

const curl = new Program("curl", "curl");

/** Starts the proxy, which may connect to one port of this machine. */
function proxyTo(port: number): Child {
  return startExample("http_proxy", {
    ":3128": ":0",
    "example.org": `127.0.0.1:${port}`,
  }, [0]);
}

/** Runs curl with the proxy. */
function through(
  proxy: number,
  ...args: readonly string[]
): Promise<Uint8Array> {
  return curl.runBytes([
    ...["-q", "--silent", "--show-error", "--noproxy", "", "--max-time", "40"],
    ...["--proxy", `127.0.0.1:${proxy}`, ...args],
  ]);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

testWith(
  [curl],
  "http_proxy.ts passes requests on, and what answers them",
  async () => {
    const bytes = pattern(3_000_000);
    await using origin = await serveForTest(
      async (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/gzip") {
          const headers = { "content-encoding": "gzip" };
          return new Response(new Uint8Array(gzipSync("compressed")), {
            headers,
          });
        }
        const { method } = request;
        if (pathname === "/large") return new Response(bytes);
        if (pathname === "/moved") {
          return Response.redirect("http://a.test/", 302);
        }
        const { length } = await request.bytes();
        const names = [...request.headers.keys()].join();
        return new Response(`${method} ${pathname} ${length} ${names}`);
      },
      { server: HTTPServer },
    );
    const { port: target } = origin.addr;
    const url = (path: string) => `http://127.0.0.1:${target}${path}`;
    await using child = proxyTo(target);
    const proxy = await portOf(child);
    for (const tunnel of [[], ["--proxytunnel"]]) {
      const fetched = (...args: string[]) => through(proxy, ...tunnel, ...args);
      match(text(await fetched(url("/a"))), /^GET \/a 0 /);
      match(text(await fetched("--data", "hello", url("/b"))), /^POST \/b 5 /);
      strictEqual(sha256(await fetched(url("/large"))), sha256(bytes));
      match(
        text(await fetched("--include", url("/moved"))),
        /HTTP\/1\.1 302 .*\r\nlocation: http:\/\/a\.test\/\r\n/is,
      );
      strictEqual(
        text(await fetched("--compressed", url("/gzip"))),
        "compressed",
      );
    }
    const names = text(
      await through(
        proxy,
        "-H",
        "Connection: X-Own",
        "-H",
        "X-Own: 1",
        url("/c"),
      ),
    );
    ok(!/proxy-|x-own/.test(names), names);
    const { code, stderr } = await end(child, "SIGTERM");
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  },
);

testWith(
  [curl],
  "http_proxy.ts refuses where its flags do not let it",
  async () => {
    const listener = Deno.listen(LOOPBACK);
    const { port: dead } = listener.addr;
    listener.close();
    await using child = proxyTo(dead);
    const proxy = await portOf(child);
    const status = async (...args: readonly string[]) =>
      text(
        await through(
          ...[proxy, "--output", "/dev/null"] as const,
          ...["--write-out", "%{http_code}%{http_connect}", ...args],
        ).catch(({ message }) =>
          new TextEncoder().encode(/000(\d+)/.exec(message)?.[1] ?? message)
        ),
      );
    match(await status("http://127.0.0.1:1/"), /^403/);
    match(await status(`http://127.0.0.1:${dead}/`), /^502/);
    strictEqual(await status("--proxytunnel", "http://127.0.0.1:1/"), "403");
    strictEqual(
      await status("--proxytunnel", `http://127.0.0.1:${dead}/`),
      "502",
    );
    match(
      await ask(
        { hostname: "127.0.0.1", port: proxy },
        "CONNECT a%20b:80 HTTP/1.1\r\nHost: a\r\n\r\n",
      ),
      /^HTTP\/1\.1 40[03] /,
    );
    const { code, stderr } = await end(child);
    strictEqual(code, 0);
    // Nobody was told of what is no error of the proxy's.
    ok(!/at .*\.ts/.test(stderr), stderr);
  },
);

Deno.test("http_proxy.ts passes on each direction of a tunnel, and its end", async () => {
  await using target = await serveForTest(
    async ({ rfile, wfile }) => {
      // Answers only when it has seen the end.
      const lines = await Array.fromAsync(rfile);
      await wfile.write(lines.join("+"));
    },
  );
  await using child = proxyTo(target.addr.port);
  const port = await portOf(child);
  const { port: to } = target.addr;
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  // What belongs into the tunnel comes with the request; its end comes later, since
  // before the answer it would be the end of a client that has gone.
  await client.write(
    new TextEncoder().encode(
      `CONNECT 127.0.0.1:${to} HTTP/1.1\r\nHost: a\r\n\r\n1\n2\n`,
    ),
  );
  const head = new Uint8Array(1_000);
  const n = await client.read(head);
  match(new TextDecoder().decode(head.subarray(0, n!)), /^HTTP\/1\.1 200 /);
  await client.closeWrite();
  strictEqual(await readAll(client), "1+2");
  strictEqual((await end(child)).code, 0);
});
