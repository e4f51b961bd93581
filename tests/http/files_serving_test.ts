import { deepStrictEqual, match, strictEqual } from "node:assert";
import { pattern, sha256 } from "../peers/_peers.ts";
import { requestOf } from "./_cgi_site.ts";
import { FilesSite } from "./_files_site.ts";

Deno.test("SimpleHTTPRequestHandler sends a file, and describes it to HEAD", async () => {
  await using site = await FilesSite.serve({ "folder/a b.txt": "text" });
  const reply = await site.get("/folder/a%20b.txt?query=1");
  strictEqual(reply.status, 200);
  strictEqual(reply.body, "text");
  strictEqual(reply.headers.get("content-length"), "4");
  strictEqual(reply.headers.get("content-type"), "text/plain;charset=utf-8");
  match(reply.headers.get("etag")!, /^W\/"[^"]+"$/);
  match(
    reply.headers.get("last-modified")!,
    /^\w{3}, \d\d \w{3} \d{4} .* GMT$/,
  );
  const head = await site.head("/folder/a%20b.txt");
  strictEqual(head.status, 200);
  for (const [name, value] of reply.headers) {
    if (name !== "date") strictEqual(head.headers.get(name), value, name);
  }
});

Deno.test("SimpleHTTPRequestHandler sends files of every size whole", async () => {
  const chunk = 256 * 1024;
  await using site = await FilesSite.serve({});
  for (
    const size of [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 1_234_567]
  ) {
    const bytes = pattern(size);
    await Deno.writeFile(site.at("file"), bytes);
    const response = await fetch(site.url("/file"));
    const received = new Uint8Array(await response.arrayBuffer());
    strictEqual(response.headers.get("content-length"), `${size}`);
    strictEqual(sha256(received), sha256(bytes), `${size} bytes`);
  }
});

Deno.test("SimpleHTTPRequestHandler sends a small file together with its head", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  using connection = await site.connect();
  await connection.write(new TextEncoder().encode(requestOf("GET /a.txt")));
  const buffer = new Uint8Array(64 * 1024);
  const n = await connection.read(buffer);
  match(new TextDecoder().decode(buffer.subarray(0, n!)), /\r\n\r\ntext$/);
});

Deno.test("SimpleHTTPRequestHandler keeps the connection from file to file", async () => {
  await using site = await FilesSite.serve({ a: "first", b: "second", c: "" });
  const connection = await site.connect();
  const pipelined = ["GET /a", "GET /c", "HEAD /a", "GET /none"].map((line) =>
    `${line} HTTP/1.1\r\nHost: test\r\n\r\n`
  );
  await connection.write(
    new TextEncoder().encode(pipelined.join("") + requestOf("GET /b")),
  );
  const text = await new Response(connection.readable).text();
  deepStrictEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ["200", "200", "200", "404", "200"],
  );
  match(text, /\r\n\r\nfirstHTTP/);
  match(text, /second$/);
});

Deno.test("SimpleHTTPRequestHandler answers with the index page", async () => {
  await using site = await FilesSite.serve({
    "index.html": "<p>home",
    "sub/index.htm": "<p>sub",
    "both/index.html": "<p>html",
    "both/index.htm": "<p>htm",
    "folder/index.html/a": "",
  });
  strictEqual((await site.get("/")).body, "<p>home");
  strictEqual((await site.get("/?x=1")).body, "<p>home");
  strictEqual((await site.get("/sub/")).body, "<p>sub");
  strictEqual((await site.get("/both/")).body, "<p>html");
  strictEqual(
    (await site.get("/sub/")).headers.get("content-type"),
    "text/html;charset=utf-8",
  );
  // A folder of that name is no page.
  match((await site.get("/folder/")).body, /<title>Index of \/folder\//);
});

Deno.test("SimpleHTTPRequestHandler.indexPages says which pages these are", async () => {
  await using site = await FilesSite.serve({
    "index.html": "",
    "main.txt": "main",
  }, {
    indexPages: ["none", "main.txt"],
  });
  const { body, headers } = await site.get("/");
  strictEqual(body, "main");
  strictEqual(headers.get("content-type"), "text/plain;charset=utf-8");
});

Deno.test("SimpleHTTPRequestHandler redirects a directory to its slash", async () => {
  await using site = await FilesSite.serve({ "a b/index.html": "", "ü/": "" });
  for (
    const [target, location] of [
      ["/a%20b", "/a%20b/"],
      ["/a%20b?hi=2&x=/", "/a%20b/?hi=2&x=/"],
      ["/%C3%BC", "/%C3%BC/"],
      ["/a%20b/../a%20b", "/a%20b/"],
    ] as const
  ) {
    for (const ask of ["get", "head"] as const) {
      const { status, headers, body } = await site[ask](target);
      strictEqual(status, 301, target);
      strictEqual(headers.get("location"), location);
      strictEqual(headers.get("content-length"), "0");
      strictEqual(body, "");
    }
  }
});

Deno.test("SimpleHTTPRequestHandler finds nothing where nothing is", async () => {
  await using site = await FilesSite.serve({ "a.txt": "", "folder/b": "" });
  const targets = [
    ...["/none", "/folder/none", "/a.txt/", "/a.txt/b", "/none/", "/A.TXT"],
    ...["/folder/b/", "/ThisDoesNotExist", "/a.txt/.", `/${"n".repeat(255)}`],
    `/${"n".repeat(300)}`,
  ];
  for (const target of targets) {
    strictEqual((await site.get(target)).status, 404, target);
    strictEqual((await site.head(target)).status, 404, target);
  }
});

Deno.test("SimpleHTTPRequestHandler serves files whose name starts with a dot", async () => {
  await using site = await FilesSite.serve({
    ".hidden": "seen",
    ".folder/a": "too",
  });
  strictEqual((await site.get("/.hidden")).body, "seen");
  strictEqual((await site.get("/.folder/a")).body, "too");
});

Deno.test("SimpleHTTPRequestHandler answers GET and HEAD alone", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  const methods = [
    ...["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"],
    ...["FOO", "custom", "GETs"],
  ];
  for (const method of methods) {
    const { status } = await site.send(requestOf(`${method} /a.txt`));
    strictEqual(status, 501, method);
  }
});

Deno.test("SimpleHTTPRequestHandler answers HTTP/1.0 and closes", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  const { status, body } = await site.send("GET /a.txt HTTP/1.0\r\n\r\n");
  strictEqual(status, 200);
  strictEqual(body, "text");
});

Deno.test("SimpleHTTPRequestHandler may list no directory", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" }, {
    listsDirectories: false,
  });
  strictEqual((await site.get("/")).status, 403);
  strictEqual((await site.get("/a.txt")).status, 200);
});

Deno.test("SimpleHTTPRequestHandler answers 404 while its directory is gone", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  await Deno.rename(site.at(""), site.beside("moved"));
  strictEqual((await site.get("/a.txt")).status, 404);
  await Deno.rename(site.beside("moved"), site.at(""));
  strictEqual((await site.get("/a.txt")).status, 200);
});
