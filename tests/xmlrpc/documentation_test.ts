import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  strictEqual,
  throws,
} from "node:assert";
import { parameterNames } from "../../handlers/xmlrpc/_methods/parameter_names.ts";
import {
  DocXMLRPCRequestHandler,
  DocXMLRPCServer,
  generateHTMLDocumentation,
  ThreadingDocXMLRPCServer,
  XMLRPCDispatcher,
  type XMLRPCDocumentation,
} from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { call, urlOf } from "./_client.ts";
import { Undocumented } from "./_handlers.ts";

const chromium = new Program("chromium", "chromium");

const add = (a: number, b: number) => a + b;

function page(help: string, documentation?: XMLRPCDocumentation): string {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add, { help });
  dispatcher.registerFunction(add, { name: "math.add" });
  return generateHTMLDocumentation(dispatcher, documentation);
}

Deno.test("DocXMLRPCServer answers GET with a page, and calls", async () => {
  await using served = await serveForTest(
    new DocXMLRPCServer(LOOPBACK, {
      logRequests: false,
      documentation: { title: "Title", name: "Name", introduction: "Intro" },
    }),
  );
  const { server } = served;
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
  await using served = await serveForTest(
    new DocXMLRPCServer(LOOPBACK, { logRequests: false }),
  );
  const { server } = served;
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
  await using served = await serveForTest(
    new DocXMLRPCServer(LOOPBACK, Own, { documentation: { title: "Not" } }),
  );
  const response = await fetch(urlOf(served.server), {
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
    "See http://example.com/a?b=c&d=e. RFC1952, RFC 3875 and rFC1952; add() is math.add, math.add(1) and not add or math.addition. Try self.add, self.math.add. Not self.missing, myself.add; ftp://example.com/a, PEP8, PEP 3333, not pEp008, PEP00008 or RFC 1234567.",
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
    ["#method-add", "add"],
    ["#method-math.add", "math.add"],
    ["ftp://example.com/a", "ftp://example.com/a"],
    ["https://peps.python.org/pep-0008/", "PEP8"],
    ["https://peps.python.org/pep-3333/", "PEP 3333"],
  ]);
  match(help, /Try self\.<a href="#method-add"><code>add<\/code><\/a>, self\./);
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

Deno.test("the system's methods are described as all others are", () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add);
  dispatcher.registerIntrospectionFunctions();
  const html = generateHTMLDocumentation(dispatcher);
  for (const name of ["listMethods", "methodHelp", "methodSignature"]) {
    const { help, signatures } = dispatcher.methodInfo(`system.${name}`);
    ok(help !== "" && signatures.length > 0, name);
    const [, section] = html.split(`id="method-system.${name}"`);
    const [described] = section!.split("</section>");
    match(described!, new RegExp(`<h3>system\\.${name}</h3>`));
    ok(described!.includes(help), described);
    match(described!.replaceAll(/<[^>]*>/g, ""), /\((string)?\) → /);
  }
});

Deno.test("paragraphs are separated by empty lines", () => {
  const html = page("One.\nStill one.\n\n  \n\nTwo.\n");
  match(html, /<p>One\.\nStill one\.<\/p>\n<p>Two\.<\/p>/);
  match(page(""), /id="method-add">[^]*<\/ul>\n\n<\/section>/);
});

/** What the page says about how methods are called, without its markup. */
function forms(html: string): string[] {
  return [...html.matchAll(/<li><code>(.*)<\/code><\/li>/g)]
    .map(([, form]) => form!.replaceAll(/<[^>]*>/g, ""));
}

Deno.test("methods without a signature have the names of their parameters", () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction(add, { signature: ["int", "int", "int"] });
  dispatcher.registerFunction(
    (first: string, { a, b }: { a: number; b: number }, last = "</x>") =>
      first + a + b + last,
    { name: "join" },
  );
  dispatcher.registerFunction(() => 1, { name: "one" });
  dispatcher.registerFunction(Math.max);
  dispatcher.registerInstance({
    half(n: number) {
      return n / 2;
    },
    quarter: (n: number) => n / 4,
    third: (n: number) => n / 3,
    _methodSignature: (name: string) =>
      name === "quarter" ? [["double", "double"]] as const : undefined,
    _methodParameters: (name: string) =>
      name === "third" ? ["<dividend>"] : undefined,
  });
  deepStrictEqual(forms(generateHTMLDocumentation(dispatcher)), [
    "add(int, int) → int",
    "half(n)",
    "join(first, {…}, last?)",
    "one()",
    "quarter(double) → double",
    "third(&lt;dividend&gt;)",
  ]);
  deepStrictEqual(dispatcher.methodInfo("join").parameters, [
    ...["first", "{…}", "last?"],
  ]);
  strictEqual("parameters" in dispatcher.methodInfo("max"), false);
  strictEqual("parameters" in dispatcher.methodInfo("add"), false);
});

Deno.test("what a _dispatch answers has no parameters but those that it tells", () => {
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerInstance({
    _dispatch: () => 0,
    _listMethods: () => ["other", "told"],
    _methodParameters: (name: string) => name === "told" ? ["a"] : undefined,
    other: (shown: number) => shown,
  });
  deepStrictEqual(forms(generateHTMLDocumentation(dispatcher)), ["told(a)"]);
});

/** Functions in every form that they can be written in, and their parameters. */
// deno-fmt-ignore
const WRITTEN: readonly [unknown, readonly string[] | undefined][] = [
  [eval("(function () {})"), []],
  [eval("(function named(a, b) {})"), ["a", "b"]],
  [eval("(async function* (a) {})"), ["a"]],
  [eval("(async function *$_(a) {})"), ["a"]],
  [eval("(a) => a"), ["a"]],
  [eval("a => a"), ["a"]],
  [eval("async a => a"), ["a"]],
  [eval("async (a) => a"), ["a"]],
  [eval("async => async"), ["async"]],
  [eval("(async) => async"), ["async"]],
  [eval("({ m(a, b) {} }).m"), ["a", "b"]],
  [eval("({ async m(a) {} }).m"), ["a"]],
  [eval("({ *m(a) {} }).m"), ["a"]],
  [eval("({ async *m(a) {} }).m"), ["a"]],
  [eval("({ get(a) {} }).get"), ["a"]],
  [eval("({ été(größe) {} }).été"), ["größe"]],
  [eval("({ 'a b'(c) {} })['a b']"), undefined],
  [eval("({ ['m'](a) {} }).m"), undefined],
  [eval("(a, b,) => a"), ["a", "b"]],
  [eval(`(a = 1, b = 'x, y)', c = "\\"(") => a`), ["a?", "b?", "c?"]],
  [eval("(a = (1, 2), b = [3, 4], c = { d: 5, e: 6 }) => a"), ["a?", "b?", "c?"]],
  [eval("(a = (x, y) => x, ...b) => a"), ["a?", "...b"]],
  [eval("({ a, b }, [c, d], { e } = {}) => a"), ["{…}", "[…]", "{…}"]],
  [eval("(a /* , b) */, c // d\n, e) => a"), ["a", "c", "e"]],
  [eval("(a = `,${1})`, b) => a"), undefined],
  [eval("(a = /[,)]/, b) => a"), undefined],
  [eval("(a = 4 / 2, b) => a"), undefined],
  [eval(`(a${" ".repeat(20_000)}, b) => a`), undefined],
  [Math.max, undefined],
  [add.bind(null), undefined],
];

Deno.test("the names of parameters are told as they were written, or not at all", () => {
  for (const [fn, names] of WRITTEN) {
    deepStrictEqual(parameterNames(fn), names, `${fn}`);
  }
});

Deno.test("the texts of a page can be set while its server serves", async () => {
  await using served = await serveForTest(
    new DocXMLRPCServer(LOOPBACK, {
      logRequests: false,
      documentation: { title: "Before", introduction: "Kept <1>" },
    }),
  );
  const { server } = served;
  const read = async () => {
    const response = await fetch(urlOf(server), {
      headers: { connection: "close" },
    });
    return await response.text();
  };
  match(await read(), /<title>Before<\/title>/);
  server.setServerTitle("After <2>");
  server.setServerName("Name <3>");
  const html = await read();
  match(html, /<title>After &lt;2&gt;<\/title>/);
  match(html, /<h1>Name &lt;3&gt;<\/h1>\n<p>Kept &lt;1&gt;<\/p>/);
  server.setServerDocumentation("Says self.add");
  match(await read(), /<p>Says self\.add<\/p>/);
  deepStrictEqual(server.documentation, {
    title: "After <2>",
    name: "Name <3>",
    introduction: "Says self.add",
  });
  for (
    const set of [
      () => server.setServerTitle(1 as unknown as string),
      () => server.setServerName(null as unknown as string),
      () => server.setServerDocumentation({} as unknown as string),
    ]
  ) throws(set, { name: "TypeError", message: /must be a text, received/ });
  strictEqual(server.documentation.title, "After <2>");
});

Deno.test("texts that would be on no page are refused", async () => {
  class Own extends DocXMLRPCRequestHandler {
    static override readonly documentation: XMLRPCDocumentation = {};
  }
  await using server = new DocXMLRPCServer(LOOPBACK, Own);
  throws(() => server.setServerTitle("No"), {
    name: "TypeError",
    message: /title of the documentation: the handler class "Own" has its own/,
  });
  throws(
    () =>
      new ThreadingDocXMLRPCServer(LOOPBACK, Undocumented, {
        documentation: { title: "No" },
      }),
    {
      name: "TypeError",
      message:
        /would be on no page, as handlers run in threads or processes; add to the class Undocumented: static override readonly documentation/,
    },
  );
  await using threads = new ThreadingDocXMLRPCServer(LOOPBACK, Undocumented, {
    workers: 1,
  });
  throws(() => threads.setServerName("No"), {
    name: "TypeError",
    message: /name of the documentation: handlers run in threads or processes/,
  });
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
    await using served = await serveForTest(
      new DocXMLRPCServer(LOOPBACK, { logRequests: false }),
    );
    const { server } = served;
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
