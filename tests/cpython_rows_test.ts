// The rows of READMEs about CPython's tests: each of its tests once, with a test
// here that exists, or why there is none.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  DOCXMLRPC,
  type Expected,
  expectedOfHTTP,
  XMLRPC,
} from "./peers/_cpython_suite/expected.ts";

const TESTS = import.meta.dirname!;

/** A table about a module of tests of CPython 3.11. */
interface Table {
  /** How its heading begins. */
  readonly heading: string;
  /** How many tests the module has, those inherited by several classes once. */
  readonly count: number;
}

/** The tables by the folder of their README; its tests are named without it. */
const TABLES: Readonly<Record<string, readonly Table[]>> = {
  ".": [{ heading: "## What CPython's `test_socketserver` checks", count: 27 }],
  http: [{ heading: "## What CPython's `test_httpservers` checks", count: 76 }],
  xmlrpc: [
    { heading: "### test_xmlrpc", count: 93 },
    { heading: "### test_docxmlrpc", count: 9 },
  ],
  poll: [
    { heading: "### test_poll", count: 7 },
    { heading: "### test_select", count: 6 },
    { heading: "### test_selectors", count: 23 },
    { heading: "### test_epoll", count: 10 },
    // Those that are made by assigning a name to another's too.
    { heading: "### test_socket", count: 327 },
    { heading: "### test_asyncore", count: 31 },
    { heading: "### test_asynchat", count: 14 },
  ],
};

/** What becomes of CPython's own tests here, by the folder and heading of their table. */
const OUTCOMES: readonly (readonly [string, string, Expected])[] = [
  // The rows tell of what is seen without root's rights, too.
  [
    "http",
    "## What CPython's `test_httpservers` checks",
    expectedOfHTTP(false),
  ],
  ["xmlrpc", "### test_xmlrpc", XMLRPC],
  ["xmlrpc", "### test_docxmlrpc", DOCXMLRPC],
];

interface Row {
  /** CPython's tests, with their class where the table has classes. */
  readonly theirs: readonly string[];
  readonly here: string;
}

/** The rows below headings, up to the next heading. */
async function rowsOf(folder: string, heading: string): Promise<Row[]> {
  const readme = await Deno.readTextFile(`${TESTS}/${folder}/README.md`);
  const at = new RegExp(`^${RegExp.escape(heading)}(?=[\n,])`, "m");
  const [, section] = readme.split(at);
  ok(section !== undefined, `${folder}/README.md has no ${heading}`);
  const rows: Row[] = [];
  let ofClass = "";
  for (const line of section.split(/^##/m)[0]!.split("\n").slice(1)) {
    if (!line.startsWith("|")) continue;
    // A name may have a bar, behind a backslash.
    const cells = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) =>
      cell.trim()
    );
    const [first] = cells;
    const theirs = cells.at(-2)!;
    if (cells.length === 3) ofClass = /^`(\w+)`$/.exec(first!)?.[1] ?? "";
    if (first!.startsWith("**")) ofClass = first!.replaceAll("*", "");
    const names = Array.from(
      theirs.matchAll(/`((?:\w+\.)?test\w+)`/g),
      ([, name]) =>
        ofClass === "" || name!.includes(".") ? name! : `${ofClass}.${name}`,
    );
    if (names.length > 0) {
      rows.push({ theirs: names, here: cells.at(-1)! });
      continue;
    }
    match(first!, /^(\*\*\w+\*\*|[a-zA-Z]+|-+)$/, `A row of none: ${line}`);
  }
  return rows;
}

/** `…` stands for a hole of a name. */
const HOLE = "…";

/** The names of a file's tests. */
function testsOf(source: string): string[] {
  const calls = /\b(?:Deno\.test|test\w*)\(\s*(?:\{\s*name:\s*)?/;
  const programs = /(?:\[[^\]]*\],\s*)?/;
  const name = /(?:"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`)/;
  const test = new RegExp(calls.source + programs.source + name.source, "g");
  return Array.from(
    source.matchAll(test),
    ([, text, template]) => text ?? template!.replaceAll(/\$\{[^}]*\}/g, HOLE),
  );
}

/**
 * Whether a row may claim a test by this name: that or its beginning, with its
 * holes filled or not, and without one that only tells what it is about. What
 * fills them must be in the source.
 */
function isName(claim: string, test: string, source: string): boolean {
  return [test, test.replace(/^…(?:: | )/, "")].some((name) => {
    const parts = name.split(HOLE);
    // What is all hole would be any name.
    if (!parts.some((part) => part.trim().length > 6)) return false;
    const holes = new RegExp(`^${parts.map(RegExp.escape).join("(.+)")}$`);
    const [, ...filled] = holes.exec(claim) ?? [];
    return name.startsWith(claim) ||
      filled.length > 0 && filled.every((text) => source.includes(text));
  });
}

/** The file of a name in a row, in the folder of its README or from all tests. */
async function fileOf(folder: string, name: string): Promise<string> {
  const base = folder === "." ? "server" : folder;
  const file = name === "own_process" ? "_own_process.ts" : `${name}_test.ts`;
  for (const path of [`${TESTS}/${base}/${file}`, `${TESTS}/${file}`]) {
    try {
      await Deno.stat(path);
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`${folder}/README.md names no file of tests: ${name}`);
}

for (const [folder, tables] of Object.entries(TABLES)) {
  for (const { heading, count } of tables) {
    const table = heading.replaceAll(/[#`]/g, "").trim();

    Deno.test(`${folder}/README.md, ${table}: each of CPython's tests has one row`, async () => {
      const rows = await rowsOf(folder, heading);
      const all = rows.flatMap(({ theirs }) => theirs);
      deepStrictEqual(
        all.filter((name, i) => all.indexOf(name) !== i),
        [],
      );
      strictEqual(all.length, count);
    });

    Deno.test(`${folder}/README.md, ${table}: each row names tests that exist, or says why there are none`, async () => {
      const unknown: string[] = [];
      for (const { here } of await rowsOf(folder, heading)) {
        const claims = [...here.matchAll(/([\w/]+): ("[^"]+"(?:, "[^"]+")*)/g)];
        // Every quotation is of a test.
        const quoted = claims.flatMap(([, , names]) => names!.split('", "'));
        strictEqual(here.split('"').length - 1, 2 * quoted.length, here);
        ok(
          claims.length > 0 || /^do(es)? not apply: ./.test(here),
          `Neither a test nor a reason: ${here}`,
        );
        for (const [, file, names] of claims) {
          const source = await Deno.readTextFile(await fileOf(folder, file!));
          const tests = testsOf(source);
          for (const [, claim] of names!.matchAll(/"([^"]+)"/g)) {
            if (!tests.some((test) => isName(claim!, test, source))) {
              unknown.push(`${file}: ${claim}`);
            }
          }
        }
      }
      deepStrictEqual(unknown, []);
    });
  }
}

/** Whether a row says that what it shows is not what CPython's test asserts. */
function tellsOfDifference({ here }: Row): boolean {
  return /\bdiffers\b|do(es)? not apply/i.test(here);
}

for (const [folder, heading, { pass, differ }] of OUTCOMES) {
  const rowOf = (rows: readonly Row[], test: string) => {
    // A table of one class has tests without it.
    const names = [test, test.split(".")[1]!];
    const row = rows.find(({ theirs }) =>
      theirs.some((name) => names.includes(name))
    );
    ok(row !== undefined, `No row is about ${test}`);
    return row;
  };

  Deno.test(`${folder}/README.md, ${heading}: what of CPython's own tests fails here is told of`, async () => {
    const rows = await rowsOf(folder, heading);
    const silent = Object.keys(differ).filter((failing) =>
      !tellsOfDifference(rowOf(rows, failing))
    );
    deepStrictEqual(silent, []);
  });

  Deno.test(`${folder}/README.md, ${heading}: what of CPython's own tests passes here is said to apply`, async () => {
    const rows = await rowsOf(folder, heading);
    const passing = Object.entries(pass).flatMap(([ofClass, tests]) =>
      tests.split(" ").map((test) => `${ofClass}.test_${test}`)
    );
    const denied = passing.filter((test) =>
      tellsOfDifference(rowOf(rows, test))
    );
    deepStrictEqual(denied, []);
  });
}

Deno.test("a row may claim a test by its name alone, whole or its beginning", () => {
  const test = "over …, odd requests are answered";
  const source = 'for (const way of ["TCP", "TLS"])';
  for (
    const claim of [
      test,
      "over …, odd requests",
      "over TCP, odd requests are answered",
    ]
  ) ok(isName(claim, test, source), claim);
  const refuses = "closed, it refuses everything";
  ok(isName(refuses, `…: ${refuses}`, source));
  for (
    const claim of [
      ...["odd requests", "over TCP, odd requests", "x"],
      "over UDP, odd requests are answered",
    ]
  ) ok(!isName(claim, test, source), claim);
  ok(!isName("any", "…", "any"));
});
