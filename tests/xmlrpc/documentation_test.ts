import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  strictEqual,
} from "node:assert";
import {
  DocXMLRPCRequestHandler,
  DocXMLRPCServer,
  generateHTMLDocumentation,
  XMLRPCDispatcher,
  type XMLRPCDocumentation,
} from "../../server/xmlrpc/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK, serve } from "../_serve.ts";
import { call, urlOf } from "./_client.ts";

const chromium = new Program("chromium", "chromium");

const add = (a: number, b: number) => a + b;

function page(help: string, documentation?: XMLRPCDocumentation): string {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add, { help });
  dispatcher.registerFunction(add, { name: "math.add" });
  return generateHTMLDocumentation(dispatcher, documentation);
}

Deno.test("DocXMLRPCServer answers GET with a page, and calls", async () => {
  await using server = serve(
    new DocXMLRPCServer(LOOPBACK, {
      logRequests: false,
      documentation: { title: "Title", name: "Name", introduction: "Intro" },
    }),
  );
  server.registerFunction(add, {
    signature: [["int", "int", "int"], ["double", "double", "double"]],
    help: "Adds.",
  });
  for (const path of ["/", "/RPC2"]) {
    const response = await fetch(urlOf(server, path), {
      headers: { connection: "close" },
    });
    strictEqual(response.status, 200);
    strictEqual(
      response.headers.get("content-type"),
      "text/html; charset=UTF-8",
    );
    match(response.headers.get("content-security-policy")!, /^default-src 'n/);
    const html = await response.text();
    strictEqual(html, server.generateHTMLDocumentation());
    match(html, /<title>Title<\/title>/);
    match(html, /<h1>Name<\/h1>\n<p>Intro<\/p>/);
    match(html, /<p>Adds\.<\/p>/);
    const types = html.replaceAll(/<\/?(span|code)[^>]*>/g, "");
    match(types, /<li>add\(int, int\) → int<\/li>/);
    match(types, /<li>add\(double, double\) → double<\/li>/);
  }
  strictEqual(await call(server, "add", [2, 3]), 5);
});

Deno.test("DocXMLRPCServer answers HEAD as GET, and other paths with 404", async () => {
  await using server = serve(
    new DocXMLRPCServer(LOOPBACK, { logRequests: false }),
  );
  const length = new TextEncoder().encode(server.generateHTMLDocumentation())
    .length;
  const head = await fetch(urlOf(server), {
    method: "HEAD",
    headers: { connection: "close" },
  });
  strictEqual(head.headers.get("content-length"), String(length));
  strictEqual(await head.text(), "");
  const missing = await fetch(urlOf(server, "/spam"), {
    headers: { connection: "close" },
  });
  strictEqual(missing.status, 404);
  strictEqual(missing.headers.get("content-type"), "text/plain");
  await missing.body?.cancel();
});

Deno.test("a handler class may have its own documentation", async () => {
  class Own extends DocXMLRPCRequestHandler {
    static override readonly documentation: XMLRPCDocumentation = {
      title: "Its own",
    };
    override logMessage(): void {}
  }
  await using server = serve(
    new DocXMLRPCServer(LOOPBACK, Own, { documentation: { title: "Not" } }),
  );
  const response = await fetch(urlOf(server), {
    headers: { connection: "close" },
  });
  match(await response.text(), /<title>Its own<\/title>/);
});

Deno.test("methods that an instance only lists are on the page too", () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerInstance({
    _listMethods: () => ["ghost", "sub.method"],
    sub: { method: () => 1 },
  });
  match(generateHTMLDocumentation(dispatcher), /<h3>ghost<\/h3>/);
});

Deno.test("the page escapes everything that it was told", () => {
  const evil = `<script>alert("1")</script>'"&amp; http://x/"onclick="a`;
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add, { name: evil, help: evil });
  dispatcher.registerInstance({
    _dispatch: () => 0,
    _listMethods: () => ["<b>", "\ud800"],
    _methodHelp: () => `</p></section>${evil}`,
  });
  const html = generateHTMLDocumentation(dispatcher, {
    title: `</title>${evil}`,
    name: `</h1>${evil}`,
    introduction: `</p>${evil}`,
  });
  doesNotMatch(html, /<script|<b>|"onclick=|<\/p><\/section>/);
  // What was told has left no tag, and no attribute but these.
  const tags = [...html.matchAll(/<([^\s>]+)([^>]*)>/g)];
  const attributes = tags.flatMap(([, , inside]) =>
    [...inside!.matchAll(/\s([^\s=]+)="[^"]*"/g)].map(([, name]) => name)
  );
  deepStrictEqual([...new Set(attributes)].sort(), [
    ...["aria-label", "charset", "class", "content", "href", "id", "lang"],
    "name",
  ]);
  strictEqual(tags.filter(([, name]) => name === "title").length, 1);
  ok(html.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
});

Deno.test("help links to addresses, RFCs and other methods", () => {
  const html = page(
    "See http://example.com/a?b=c&d=e. RFC1952, RFC 3875 and rFC1952; add() is math.add, math.add(1) and not add or math.addition.",
  );
  const help = /<p>See (.*)<\/p>/.exec(html)![1]!;
  const links = [...help.matchAll(/<a href="([^"]*)">(.*?)<\/a>/g)]
    .map(([, href, text]) => [href, text!.replaceAll(/<[^>]*>/g, "")]);
  deepStrictEqual(links, [
    ["http://example.com/a?b=c&amp;d=e", "http://example.com/a?b=c&amp;d=e"],
    ["https://www.rfc-editor.org/rfc/rfc1952", "RFC1952"],
    ["https://www.rfc-editor.org/rfc/rfc3875", "RFC 3875"],
    ["#method-add", "add"],
    ["#method-math.add", "math.add"],
    ["#method-math.add", "math.add"],
  ]);
});

Deno.test("each method is linked once to where it is described", () => {
  const dispatcher = new XMLRPCDispatcher();
  for (const name of ["a b", "ä%", "<", "x:y/z"]) {
    dispatcher.registerFunction(add, { name });
  }
  const html = generateHTMLDocumentation(dispatcher);
  const targets = [...html.matchAll(/href="#([^"]*)"/g)]
    .map(([, target]) => decodeURIComponent(target!));
  const ids = [...html.matchAll(/id="([^"]*)"/g)].map(([, id]) => id);
  strictEqual(ids.length, 4);
  deepStrictEqual(targets, ids);
});

Deno.test("paragraphs are separated by empty lines", () => {
  const html = page("One.\nStill one.\n\n  \n\nTwo.\n");
  match(html, /<p>One\.\nStill one\.<\/p>\n<p>Two\.<\/p>/);
  match(page(""), /id="method-add">\n<h3>add<\/h3>\n\n<\/section>/);
});

Deno.test("the page needs no script and nothing from elsewhere", () => {
  const html = page("Adds.");
  doesNotMatch(html, /<script|<link|<img|@import|url\(/);
  match(html, /color-scheme: light dark/);
});

testWith(
  [chromium],
  "Chromium shows the page in its style, and runs nothing that it was told",
  async () => {
    await using server = serve(
      new DocXMLRPCServer(LOOPBACK, { logRequests: false }),
    );
    server.registerFunction(add, {
      name: "</code><script>document.title='run'</script>",
      help: `<img src=x onerror="document.title='run'">`,
    });
    await using profile = new Folder();
    await using browser = chromium.start(
      ...["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging"],
      ...["--log-level=0", `--user-data-dir=${profile.path}`],
      ...["--virtual-time-budget=2000", "--dump-dom", urlOf(server, "/")],
    );
    const { stdout, stderr } = await browser.output();
    const dom = new TextDecoder().decode(stdout);
    match(dom, /<title>XML-RPC server documentation<\/title>/);
    match(dom, /<p>&lt;img src=x onerror=/);
    doesNotMatch(dom, /<script|<img/);
    doesNotMatch(stderr, /CONSOLE|Content Security Policy/);
  },
);
