import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { Folder } from "../_program.ts";
import { readUntil } from "./_raw_client.ts";
import { requestOf, SITE, Site } from "./_cgi_site.ts";

/** What a script that prints its environment has printed. */
function variablesOf(body: string): Record<string, string> {
  return Object.fromEntries(
    body.trimEnd().split("\n").map((line) => {
      const [name, ...value] = line.split("=");
      return [name, value.join("=")];
    }),
  );
}

Deno.test("CGIHTTPRequestHandler gives a script its request and no more of the environment", async () => {
  await using site = await Site.serve({ cgiEnvironment: { DATABASE: "here" } });
  const { status, headers, body } = await site.get(
    "/cgi-bin/environment/a%20b/?c=d&e",
    "X-Custom: value",
    "Proxy: http://127.0.0.1:1/",
    "Authorization: Basic YTpi",
    "X_Custom: other",
  );
  strictEqual(status, 200);
  strictEqual(headers.get("content-type"), "text/plain");
  const variables = variablesOf(body);
  // They are of the shell that runs the script.
  for (const own of ["PWD", "_", "SHLVL", "OLDPWD"]) delete variables[own];
  const { port } = site.addr;
  deepStrictEqual(variables, {
    arguments: "",
    directory: `${SITE}/cgi-bin`,
    DATABASE: "here",
    GATEWAY_INTERFACE: "CGI/1.1",
    HTTP_HOST: "example.test",
    HTTP_X_CUSTOM: "value",
    PATH: Deno.env.get("PATH"),
    PATH_INFO: "/a b/",
    PATH_TRANSLATED: `${SITE}/a b/`,
    QUERY_STRING: "c=d&e",
    REMOTE_ADDR: "127.0.0.1",
    REMOTE_HOST: "127.0.0.1",
    REQUEST_METHOD: "GET",
    REQUEST_URI: "/cgi-bin/environment/a%20b/?c=d&e",
    SCRIPT_FILENAME: `${SITE}/cgi-bin/environment`,
    SCRIPT_NAME: "/cgi-bin/environment",
    SERVER_NAME: "example.test",
    SERVER_PORT: `${port}`,
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: `socketserver Deno/${Deno.version.deno}`,
  });
});

Deno.test("CGIHTTPRequestHandler passes no query as arguments, and Authorization where it is told to", async () => {
  await using site = await Site.serve({ passesAuthorization: true });
  const { body } = await site.get(
    "/cgi-bin/environment?-s+--version",
    "Authorization: Basic YTpi",
  );
  const variables = variablesOf(body);
  strictEqual(variables.arguments, "");
  strictEqual(variables.QUERY_STRING, "-s+--version");
  strictEqual(variables.HTTP_AUTHORIZATION, "Basic YTpi");
});

Deno.test("CGIHTTPRequestHandler passes the query on as it was sent", async () => {
  await using site = await Site.serve();
  for (
    const query of [
      "a=b?c=d",
      "k=aa%2F%2Fbb&//q//p//=//a//b//",
      "../../x",
      "$(id)`id`;id|id",
    ]
  ) strictEqual((await site.get(`/cgi-bin/query?${query}`)).body, query);
});

Deno.test("CGIHTTPRequestHandler finds scripts however their path is written", async () => {
  await using site = await Site.serve();
  for (
    const path of [
      "/cgi-bin/query",
      "/%63gi-bin/query",
      "//cgi-bin//query",
      "/./cgi-bin/./query",
      "/files/../cgi-bin/query",
      "/cgi-bin/sub/../query",
      "http://example.test/cgi-bin/query",
    ]
  ) {
    const { status, body } = await site.get(`${path}?found`);
    deepStrictEqual([status, body], [200, "found"], path);
  }
  strictEqual(
    (await site.get("/cgi-bin/sub/nested/info")).body,
    "nested /cgi-bin/sub/nested /info\n",
  );
});

Deno.test("CGIHTTPRequestHandler takes cgiDirectories at any depth", async () => {
  await using site = await Site.serve({ cgiDirectories: ["cgi-bin/sub/"] });
  const { status, body } = await site.get("/cgi-bin/sub/nested/info");
  deepStrictEqual(
    [status, body],
    [200, "nested /cgi-bin/sub/nested /info\n"],
  );
  // What is beside that folder is a file like any other.
  match((await site.get("/cgi-bin/query")).body, /^#!/);
});

Deno.test("CGIHTTPRequestHandler answers 404, 403 and 501 to what is no script", async () => {
  await using site = await Site.serve();
  const statuses: Record<string, number> = {
    "/cgi-bin/none": 404,
    "/htbin/none": 404,
    "///////cgi-bin/../cgi-bin/none.sh": 404,
    "/cgi-bin": 403,
    "/cgi-bin/": 403,
    "/cgi-bin/sub": 403,
    "/cgi-bin/data.txt": 403,
    "/cgi-bin%2fquery": 404,
    "/cgi-bin/query%00": 404,
    "/cgi-bin/query/%2f": 404,
    "/cgi-bin/query/%e9": 400,
    "/cgi-bin/sub%5c..%5cquery": 404,
    "/cgi-bin/nph-none": 404,
    "/cgi-bin/no-interpreter": 500,
  };
  for (const [path, expected] of Object.entries(statuses)) {
    const { status, body } = await site.get(path);
    strictEqual(status, expected, path);
    strictEqual(body.includes(SITE), false, "the client is told no paths");
  }
  match(
    site.log.join("\n"),
    /^CGI script \/cgi-bin\/no-interpreter failed: .*No such file/m,
  );
});

for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`CGIHTTPRequestHandler gives ${method} to scripts alone`, async () => {
    await using site = await Site.serve();
    const { body } = await site.send(
      requestOf(`${method} /cgi-bin/echo`, [
        "Content-Length: 5",
        "Content-Type: text/css",
      ]) + "hello",
    );
    strictEqual(body, "hello");
    const { status } = await site.send(
      requestOf(`${method} /files/text.txt`, ["Content-Length: 0"]),
    );
    strictEqual(status, 501);
  });
}

Deno.test("CGIHTTPRequestHandler sends 8 MiB through a script, both ways at once", async () => {
  await using site = await Site.serve();
  const sent = "0123456789abcdef".repeat(512 * 1024);
  const { status, headers, body, complete } = await site.postTo(
    "/cgi-bin/echo",
    sent,
    "Content-Type: text/plain",
  );
  strictEqual(status, 200);
  strictEqual(headers.get("x-length"), String(sent.length));
  strictEqual(complete, true);
  ok(body === sent);
});

Deno.test("CGIHTTPRequestHandler gives the body and sends the output on as they come", async () => {
  await using site = await Site.serve();
  const client = await site.connect();
  const send = (text: string) => client.write(new TextEncoder().encode(text));
  await send(requestOf("POST /cgi-bin/behave?lines", ["Content-Length: 8"]));
  await readUntil(client, "\r\n\r\n");
  await send("one\n");
  await readUntil(client, "<one>\n\r\n");
  await send("two\n");
  await readUntil(client, "<two>\n\r\n0\r\n\r\n");
  client.close();
});

Deno.test("CGIHTTPRequestHandler collects a chunked body to say how long it is", async () => {
  await using site = await Site.serve({ maxSpooledBody: 10 });
  const chunked = requestOf("POST /cgi-bin/echo", [
    "Transfer-Encoding: chunked",
    "Content-Type: text/plain",
  ]);
  const { headers, body } = await site.send(
    `${chunked}5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n`,
  );
  strictEqual(headers.get("x-length"), "10");
  strictEqual(body, "helloworld");
  const longer = await site.send(
    `${chunked}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
  );
  strictEqual(longer.status, 411);
});

Deno.test("CGIHTTPRequestHandler sends status, headers and body as the script says", async () => {
  await using site = await Site.serve();
  const { status, headers, body } = await site.postTo(
    "/cgi-bin/print",
    "Status: 418 I am a teapot\nContent-Type: text/plain\nX-A: \\303\\251\nConnection: upgrade\nContent-Length: 2\n\nok",
  );
  strictEqual(status, 418);
  strictEqual(headers.get("x-a"), "\xc3\xa9");
  strictEqual(headers.get("connection"), "close");
  strictEqual(headers.get("content-length"), "2");
  strictEqual(body, "ok");
});

Deno.test("CGIHTTPRequestHandler serves several scripts on one connection", async () => {
  await using site = await Site.serve();
  const client = await site.connect();
  const request = (query: string, connection: string) =>
    `GET /cgi-bin/query?${query} HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`;
  await client.write(
    new TextEncoder().encode(
      request("one", "keep-alive") +
        "POST /cgi-bin/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: a/b\r\n\r\ntwo" +
        request("three", "close"),
    ),
  );
  let all = "";
  for await (
    const text of client.readable.pipeThrough(new TextDecoderStream())
  ) {
    all += text;
  }
  deepStrictEqual(all.match(/(?<=\r\n\r\n.\r\n)[a-z]+/g), [
    "one",
    "two",
    "three",
  ]);
});

Deno.test("CGIHTTPRequestHandler runs 50 scripts at once", async () => {
  await using site = await Site.serve();
  const bodies = await Promise.all(
    Array.from(
      { length: 50 },
      async (_, i) => (await site.get(`/cgi-bin/query?${i}`)).body,
    ),
  );
  deepStrictEqual(bodies, Array.from({ length: 50 }, (_, i) => `${i}`));
});

Deno.test("CGIHTTPRequestHandler runs a script on HEAD and sends no body", async () => {
  await using site = await Site.serve();
  const { status, headers, body } = await site.send(
    requestOf("HEAD /cgi-bin/environment"),
  );
  strictEqual(status, 200);
  strictEqual(headers.get("content-type"), "text/plain");
  strictEqual(body, "");
});

Deno.test("CGIHTTPRequestHandler sends no body with a status that has none", async () => {
  await using site = await Site.serve();
  for (const status of [204, 304]) {
    const reply = await site.postTo(
      "/cgi-bin/print",
      `Status: ${status}\n\nbody`,
    );
    strictEqual(reply.status, status);
    strictEqual(reply.body, "");
  }
});

Deno.test("CGIHTTPRequestHandler redirects the client", async () => {
  await using site = await Site.serve();
  const moved = await site.get(
    "/cgi-bin/behave?redirect-to=http://127.0.0.1/x",
  );
  strictEqual(moved.status, 302);
  strictEqual(moved.headers.get("location"), "http://127.0.0.1/x");
  strictEqual(moved.body, "");
  const other = await site.postTo(
    "/cgi-bin/print",
    "Status: 303 Look there\nLocation: /x\nContent-Type: text/plain\n\nthere",
  );
  strictEqual(other.status, 303);
  strictEqual(other.headers.get("location"), "/x");
  strictEqual(other.body, "there");
});

Deno.test("CGIHTTPRequestHandler answers a local redirect itself", async () => {
  await using site = await Site.serve();
  const script = await site.get(
    "/cgi-bin/behave?redirect-to=/cgi-bin/query?a=b",
  );
  deepStrictEqual([script.status, script.body], [200, "a=b"]);
  const file = await site.get("/cgi-bin/behave?redirect-to=/files/text.txt");
  deepStrictEqual([file.status, file.body], [200, "A file\n"]);
  // By POST it becomes GET, and the body is not passed on.
  const { body } = await site.postTo(
    "/cgi-bin/print",
    "Location: /cgi-bin/environment\\n\\n",
    "Content-Type: text/plain",
  );
  const { REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE } = variablesOf(body);
  deepStrictEqual(
    [REQUEST_METHOD, CONTENT_LENGTH, CONTENT_TYPE],
    ["GET", undefined, undefined],
  );
  const head = await site.send(
    requestOf("HEAD /cgi-bin/behave?redirect-to=/cgi-bin/query"),
  );
  deepStrictEqual([head.status, head.body], [200, ""]);
  const other = await site.get("/cgi-bin/behave?redirect-to=//127.0.0.1/x");
  strictEqual(other.status, 404);
  strictEqual(other.headers.has("location"), false);
});

Deno.test("CGIHTTPRequestHandler gives up scripts that redirect for ever", async () => {
  await using site = await Site.serve();
  const { status } = await site.get("/cgi-bin/behave?redirect-in-vain");
  strictEqual(status, 502);
  match(site.log.join("\n"), /^CGI scripts sent the server on more than 10/);
});

Deno.test("CGIHTTPRequestHandler sends no script's source by any name", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.at("cgi-bin"));
  await Deno.writeTextFile(
    folder.at("cgi-bin/secret"),
    "#!/bin/sh\n# password\n",
  );
  await Deno.symlink("cgi-bin", folder.at("alias"));
  await Deno.symlink("cgi-bin/secret", folder.at("file"));
  await Deno.mkdir(folder.at("folder"));
  await Deno.symlink("../cgi-bin/secret", folder.at("folder/index.html"));
  await using site = await Site.serve({ directory: folder.path });
  for (
    const path of [
      "/cgi-bin/secret",
      "/cgi-bin/",
      "/alias/",
      "/alias/secret",
      "/file",
      "/folder/",
      "/folder/index.html",
      "/cgi-bin%2fsecret",
      "/../cgi-bin/secret",
      "/%2e%2e/cgi-bin/secret",
      "/cgi-bin%5csecret",
      "/cgi-bin/./secret",
      "/cgi-bin;x/secret",
      "/CGI-BIN/secret",
    ]
  ) {
    const { status, body } = await site.get(path);
    ok(status === 403 || status === 404, `${path}: ${status}`);
    strictEqual(/password|secret<\/a>/.test(body), false, path);
  }
});
