import { deepStrictEqual, match, strictEqual } from "node:assert";
import { pattern, sha256 } from "../peers/_peers.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { FilesSite } from "./_files_site.ts";

const curl = new Program("curl", "curl");
const python = new Program("python3", "python3");

// No ~/.curlrc, no proxy, paths as they are given; it gives up by itself.
const ALONE = [
  ...["-q", "--silent", "--show-error", "--noproxy", "*"],
  ...["--path-as-is", "--max-time", "40"],
];

testWith([curl], "curl fetches a file and asks about it", async () => {
  await using site = await FilesSite.serve({ "a b.txt": "text" });
  strictEqual(await curl.run([...ALONE, site.url("/a%20b.txt")]), "text");
  const head = await curl.run([...ALONE, "--head", site.url("/a%20b.txt")]);
  match(head, /^HTTP\/1\.1 200 OK\r\n/);
  match(head, /\r\nContent-Length: 4\r\n/);
  const old = await curl.run([
    ...ALONE,
    "--http1.0",
    "-i",
    site.url("/a%20b.txt"),
  ]);
  match(old, /\r\nConnection: close\r\n/);
  match(old, /\r\n\r\ntext$/);
});

testWith([curl], "curl fetches a name that it does not encode", async () => {
  await using site = await FilesSite.serve({ "ü😀.txt": "text" });
  strictEqual(await curl.run([...ALONE, site.url("/ü😀.txt")]), "text");
});

testWith([curl], "curl fetches ranges of a file", async () => {
  await using site = await FilesSite.serve({ "a.txt": "0123456789" });
  const part = (range: string, ...more: string[]) =>
    curl.run([...ALONE, "--range", range, ...more, site.url("/a.txt")]);
  strictEqual(await part("2-4"), "234");
  strictEqual(await part("-3"), "789");
  strictEqual(await part("8-"), "89");
  const several = await part("0-1,5-6");
  match(several, /Content-Range: bytes 0-1\/10\r\n\r\n01\r\n/);
  match(several, /Content-Range: bytes 5-6\/10\r\n\r\n56\r\n--\S+--\r\n$/);
  match(await part("10-", "-i"), /^HTTP\/1\.1 416 /);
});

testWith(
  [curl],
  "curl goes on with a download that was cut short",
  async () => {
    await using site = await FilesSite.serve({});
    await using folder = new Folder();
    const bytes = pattern(3_000_000);
    await Deno.writeFile(site.at("file"), bytes);
    const output = folder.at("output");
    await Deno.writeFile(output, bytes.subarray(0, 1_234_567));
    await curl.run([
      ...[...ALONE, "--continue-at", "-", "--output", output],
      site.url("/file"),
    ]);
    strictEqual(sha256(await Deno.readFile(output)), sha256(bytes));
  },
);

testWith([curl], "curl fetches again only what has changed", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  await using folder = new Folder();
  const [output, etag] = [folder.at("output"), folder.at("etag")];
  await site.age("a.txt");
  const fetched = () =>
    curl.run([
      ...[...ALONE, "--etag-save", etag, "--etag-compare", etag],
      ...["--output", output, "--write-out", "%{http_code}"],
      site.url("/a.txt"),
    ]);
  strictEqual(await fetched(), "200");
  strictEqual(await fetched(), "304");
  await Deno.writeTextFile(site.at("a.txt"), "other text");
  strictEqual(await fetched(), "200");
  strictEqual(await Deno.readTextFile(output), "other text");
  const since = (date: string) =>
    curl.run([
      ...[...ALONE, "--time-cond", date, "--write-out", "%{http_code}"],
      ...["--output", output, site.url("/a.txt")],
    ]);
  strictEqual(await since("2019-01-01"), "200");
  strictEqual(
    await since(new Date(Date.now() + 86_400_000).toUTCString()),
    "304",
  );
});

testWith([curl], "curl follows the redirection to the slash", async () => {
  await using site = await FilesSite.serve({ "a b/index.html": "page" });
  strictEqual(
    await curl.run([
      ...[...ALONE, "--location", "--write-out", " %{url_effective}"],
      site.url("/a%20b?x=1"),
    ]),
    `page ${site.url("/a%20b/?x=1")}`,
  );
});

testWith([curl], "curl finds no way out of the directory", async () => {
  await using site = await FilesSite.serve({ "folder/a": "" });
  for (
    const target of [
      ...["/../secret", "/folder/../../secret", "/%2e%2e/secret"],
      ...[
        "/..%2fsecret",
        "/%252e%252e/secret",
        "/..%5csecret",
        "/..%00/secret",
      ],
    ]
  ) {
    const code = await curl.run([
      ...[...ALONE, "--output", "/dev/null", "--write-out", "%{http_code}"],
      site.url(target),
    ]);
    strictEqual(code, "404", target);
  }
});

/** Prints what a client of CPython's saw of each URL. */
const CLIENT = String.raw`
import json, sys, urllib.error, urllib.request

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for request in json.loads(sys.stdin.read()):
    try:
        with opener.open(urllib.request.Request(**request), timeout=40) as answer:
            body = answer.read().decode("latin-1")
            seen = [answer.status, answer.url, answer.headers.get_content_type(), body]
    except urllib.error.HTTPError as error:
        error.read()
        seen = [error.code, error.url, error.headers.get_content_type(), ""]
    print(json.dumps(seen))
`;

testWith([python], "CPython's urllib fetches files and listings", async () => {
  await using site = await FilesSite.serve({
    "a.txt": "0123456789",
    "sub/index.html": "page",
    "list/odd & <name>": "",
  });
  const requests = [
    { url: site.url("/a.txt") },
    { url: site.url("/a.txt"), headers: { Range: "bytes=3-5" } },
    { url: site.url("/a.txt"), headers: { "If-None-Match": "*" } },
    { url: site.url("/a.txt"), headers: { "If-Match": '"x"' } },
    { url: site.url("/sub") },
    { url: site.url("/a.txt"), method: "HEAD" },
    { url: site.url("/a.txt"), data: null, method: "POST" },
    { url: site.url("/none") },
    { url: site.url("/list") },
  ];
  const output = await python.run(["-c", CLIENT], JSON.stringify(requests));
  const seen = output.trim().split("\n").map((line) => JSON.parse(line));
  const listing = seen.pop();
  deepStrictEqual(seen, [
    [200, site.url("/a.txt"), "text/plain", "0123456789"],
    [206, site.url("/a.txt"), "text/plain", "345"],
    // It gives an answer without a type that of plain text.
    [304, site.url("/a.txt"), "text/plain", ""],
    [412, site.url("/a.txt"), "text/html", ""],
    [200, site.url("/sub/"), "text/html", "page"],
    [200, site.url("/a.txt"), "text/plain", ""],
    [501, site.url("/a.txt"), "text/html", ""],
    [404, site.url("/none"), "text/html", ""],
  ]);
  deepStrictEqual(listing.slice(0, 3), [200, site.url("/list/"), "text/html"]);
  match(
    listing[3],
    /<a href="odd%20%26%20%3Cname%3E">.*odd &amp; &lt;name&gt;/,
  );
});

/** Prints the links that CPython's parser of HTML finds on a page. */
const LINKS = String.raw`
import html.parser, json, sys, urllib.request

class Links(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        if tag == "a":
            print(json.dumps(dict(attributes)["href"]))

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Links().feed(opener.open(sys.argv[1], timeout=40).read().decode())
`;

testWith(
  [python],
  "CPython's html.parser finds the links of a listing",
  async () => {
    await using site = await FilesSite.serve({
      "a&b": "",
      "<i>'\"": "",
      "c/": "",
    });
    const output = await python.run(["-c", LINKS, site.url("/")]);
    const links = output.trim().split("\n").map((line) => JSON.parse(line));
    deepStrictEqual(links.slice(-3), ["c/", "%3Ci%3E'%22", "a%26b"]);
  },
);
