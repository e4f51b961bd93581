import { deepStrictEqual, match, strictEqual } from "node:assert";
import { createHash } from "node:crypto";
import type { DirectoryEntry } from "../../server/http/mod.ts";
import {
  orderIn,
  sortEntries,
} from "../../handlers/http/_files/directory_order.ts";
import { directoryPage } from "../../handlers/http/_files/directory_page.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { FilesSite } from "./_files_site.ts";

const chromium = new Program("chromium", "chromium");

const entry = (
  name: string,
  size = 0,
  time = 0,
  isDirectory = false,
): DirectoryEntry => ({ name, size, modified: new Date(time), isDirectory });

const ENTRIES = [
  entry("b", 30, 2),
  entry("file10", 10, 1),
  entry("file2", 10, 3),
  entry("y", 0, 2, true),
  entry("x", 0, 5, true),
  entry("a", 20, 2),
];

const sorted = (query: string) =>
  sortEntries(ENTRIES, orderIn(query)).map(({ name }) => name).join(" ");

Deno.test("sortEntries() puts directories first and counts numbers in names", () => {
  strictEqual(sorted(""), "x y a b file2 file10");
  strictEqual(sorted("?sort=name&order=desc"), "y x file10 file2 b a");
});

Deno.test("sortEntries() sorts by size and date, and then by name", () => {
  strictEqual(sorted("?sort=size"), "x y file2 file10 a b");
  strictEqual(sorted("?sort=size&order=desc"), "x y b a file2 file10");
  strictEqual(sorted("?sort=date&order=asc"), "y x file10 a b file2");
  strictEqual(sorted("?sort=date&order=desc"), "x y file2 a b file10");
});

Deno.test("orderIn() takes what it does not know for nothing", () => {
  for (
    const query of [
      ...["", "?", "?sort", "?sort=toString", "?sort=Size", "?order=up", "?x"],
      ...["?sort=%ff", "?sort=__proto__", "?<script>"],
    ]
  ) {
    deepStrictEqual(orderIn(query), { by: "name", descending: false }, query);
  }
});

/** The pages' links to what they list, in order. */
function links(page: string): string[] {
  const body = page.slice(page.indexOf("<tbody>"));
  return [...body.matchAll(/<a href="([^"]*)">/g)]
    // All else that HTML would escape, URLs escape.
    .map(([, link]) => link!.replaceAll("&#39;", "'"));
}

function pageOf(names: string[], ...entries: DirectoryEntry[]): string {
  return directoryPage({
    names,
    entries,
    order: { by: "name", descending: false },
  });
}

Deno.test("directoryPage() links to its columns, and turns the current one round", () => {
  const heads = (by: "name" | "size" | "date", descending: boolean) =>
    [
      ...directoryPage({ names: [], entries: [], order: { by, descending } })
        .matchAll(/<th scope="col"([^>]*)><a href="([^"]*)">/g),
    ].map(([, sort, link]) => `${sort}${link}`);
  deepStrictEqual(heads("name", false), [
    ' aria-sort="ascending"?sort=name&amp;order=desc',
    "?sort=size&amp;order=asc",
    "?sort=date&amp;order=asc",
  ]);
  deepStrictEqual(heads("size", true), [
    "?sort=name&amp;order=asc",
    ' aria-sort="descending"?sort=size&amp;order=asc',
    "?sort=date&amp;order=asc",
  ]);
});

Deno.test("directoryPage() shows sizes that a person can read", () => {
  const shown = (size: number) =>
    /<span title="([^"]*)">([^<]*)</.exec(pageOf([], entry("a", size)))!
      .slice(1);
  deepStrictEqual(shown(0), ["0 bytes", "0 B"]);
  deepStrictEqual(shown(1), ["1 byte", "1 B"]);
  deepStrictEqual(shown(1023), ["1,023 bytes", "1023 B"]);
  deepStrictEqual(shown(1024), ["1,024 bytes", "1.00 KiB"]);
  deepStrictEqual(shown(10_240), ["10,240 bytes", "10.0 KiB"]);
  deepStrictEqual(shown(150_000), ["150,000 bytes", "146 KiB"]);
  deepStrictEqual(shown(2 ** 20 - 1), ["1,048,575 bytes", "1.00 MiB"]);
  deepStrictEqual(shown(5 * 2 ** 30), ["5,368,709,120 bytes", "5.00 GiB"]);
});

Deno.test("directoryPage() shows dates by the minute", () => {
  match(
    pageOf([], entry("a", 0, Date.UTC(2024, 1, 29, 23, 59, 58))),
    /<time datetime="2024-02-29T23:59:58\.000Z">2024-02-29<span class="time"> 23:59<\/span><\/time>/,
  );
});

Deno.test("directoryPage() leads to each folder on the way", () => {
  const page = pageOf(["a b", "<c>", "d"]);
  match(
    page,
    /<h1><a href="\/"><bdi>Index<\/bdi><\/a>.*<a href="\/a%20b\/"><bdi>a b<\/bdi><\/a>.*<a href="\/a%20b\/%3Cc%3E\/"><bdi>&lt;c&gt;<\/bdi><\/a>.*<span aria-current="page"><bdi>d<\/bdi><\/span><\/h1>/,
  );
  match(page, /<title>Index of \/a b\/&lt;c&gt;\/d\/<\/title>/);
  deepStrictEqual(links(page), ["../"]);
  deepStrictEqual(links(pageOf([])), []);
  match(page, /Nothing is here/);
});

const ODD_NAMES = [
  '<script>alert("1")</script>'.replace("/", "\u2215"),
  "javascript:alert(1)",
  "http:\\\\evil.test",
  "a&amp;b",
  "a'b\"c",
  "100%.txt",
  "%41",
  "a?b#c",
  "a b+c",
  "line\nfeed",
  "\u202egnp.exe",
  "ünï😀",
  " ",
  "...",
];

Deno.test("directoryPage() keeps names from being markup or other links", () => {
  const page = pageOf([], ...ODD_NAMES.map((name) => entry(name)));
  strictEqual(page.includes("<script"), false);
  deepStrictEqual(
    links(page).map((link) =>
      decodeURIComponent(new URL(link, "http://own.test/x/").pathname)
    ),
    ODD_NAMES.map((name) => `/x/${name}`),
  );
  match(page, /<bdi>line␊feed<\/bdi>/);
  match(pageOf([], entry("<test&>.txt")), />&lt;test&amp;&gt;\.txt</);
});

Deno.test("SimpleHTTPRequestHandler lists what it then serves", async () => {
  await using site = await FilesSite.serve({
    ...Object.fromEntries(ODD_NAMES.map((name) => [name, `text of ${name}`])),
    ".hidden": "text of .hidden",
    "folder/": "",
  });
  const { status, headers, body } = await site.get("/");
  strictEqual(status, 200);
  strictEqual(headers.get("content-type"), "text/html;charset=utf-8");
  strictEqual(headers.get("x-content-type-options"), "nosniff");
  const found = links(body);
  strictEqual(found[0], "folder/");
  strictEqual(found.length, ODD_NAMES.length + 2);
  for (const link of found) {
    const response = await fetch(site.url(`/${link}`));
    strictEqual(response.status, 200, link);
    const text = await response.text();
    if (link !== "folder/") {
      strictEqual(text, `text of ${decodeURIComponent(link)}`);
    }
  }
});

Deno.test("SimpleHTTPRequestHandler lists a directory sorted as its query says", async () => {
  await using site = await FilesSite.serve({ a: "1", b: "333", c: "22" });
  const order = async (query: string) =>
    links((await site.get(`/${query}`)).body).join("");
  strictEqual(await order(""), "abc");
  strictEqual(await order("?sort=name&order=desc"), "cba");
  strictEqual(await order("?sort=size"), "acb");
  strictEqual(await order("?sort=size&order=desc"), "bca");
  await site.age("c");
  strictEqual((await order("?sort=date"))[0], "c");
  strictEqual(await order("?x=%BB"), "abc");
  // Of what it does not know nothing is on the page.
  const plain = await site.get("/");
  for (const query of ["?x=123", "?x=%BB"]) {
    strictEqual((await site.get(`/${query}`)).body, plain.body);
  }
});

Deno.test("SimpleHTTPRequestHandler lists an empty directory, also to HEAD", async () => {
  await using site = await FilesSite.serve({ "empty/": "" });
  const { headers, body } = await site.get("/empty/");
  match(body, /<p>0 folders, 0 files<\/p>/);
  match(body, /Nothing is here/);
  const head = await site.head("/empty/");
  strictEqual(
    head.headers.get("content-length"),
    headers.get("content-length"),
  );
});

Deno.test("SimpleHTTPRequestHandler lists thousands of entries", async () => {
  const count = 3000;
  await using site = await FilesSite.serve({});
  for (let i = 0; i < count; i++) {
    Deno.writeTextFileSync(site.at(`file ${i}`), "");
  }
  const found = links((await site.get("/")).body);
  strictEqual(found.length, count);
  strictEqual(found.at(-1), `file%20${count - 1}`);
});

testWith(
  [new Program("python3", "python3")],
  "SimpleHTTPRequestHandler leaves out names that are not UTF-8",
  async () => {
    await using site = await FilesSite.serve({ a: "" });
    const python = new Program("python3", "python3");
    await python.run([
      "-c",
      String.raw`import sys; open(sys.argv[1].encode() + b"\xff\xfe", "w")`,
      site.at("b"),
    ]);
    deepStrictEqual(links((await site.get("/")).body), ["a"]);
  },
);

Deno.test("SimpleHTTPRequestHandler permits a listing its own style alone", async () => {
  await using site = await FilesSite.serve({ a: "" });
  const { headers, body } = await site.get("/");
  const policy = headers.get("content-security-policy")!;
  const style = /<style>(.*)<\/style>/s.exec(body)![1]!;
  const hash = createHash("sha256").update(style).digest("base64");
  match(policy, /^default-src 'none'; /);
  strictEqual(policy.includes(`style-src 'sha256-${hash}';`), true);
  // Nothing in it that the policy would forbid.
  strictEqual(/<script|<link|<img|style=|url\(|@import/i.test(body), false);
});

testWith(
  [chromium],
  "Chromium shows a listing in its style, and has nothing to complain of",
  async () => {
    await using site = await FilesSite.serve({
      "<b>bold": "",
      "folder/a": "",
    });
    await using profile = new Folder();
    await using child = chromium.start(
      ...["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging"],
      ...["--log-level=0", `--user-data-dir=${profile.path}`],
      ...["--virtual-time-budget=2000", "--dump-dom", site.url("/")],
    );
    const { stdout, stderr } = await child.output();
    const page = new TextDecoder().decode(stdout);
    match(page, /<bdi>&lt;b&gt;bold<\/bdi>/);
    strictEqual(/CONSOLE|Content Security Policy/.test(stderr), false, stderr);
  },
);
