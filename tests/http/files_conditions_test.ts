import { deepStrictEqual, strictEqual } from "node:assert";
import { parseHttpDate } from "../../handlers/http/_files/http_date.ts";
import {
  checkPreconditions,
  isRangeWanted,
} from "../../handlers/http/_files/preconditions.ts";
import {
  type Validators,
  validatorsOf,
} from "../../handlers/http/_files/validators.ts";
import { FilesSite, LONG_AGO_TEXT } from "./_files_site.ts";

const MODIFIED = "Mon, 03 Feb 2020 04:05:06 GMT";
const EARLIER = "Mon, 03 Feb 2020 04:05:05 GMT";
const LATER = "Mon, 03 Feb 2020 04:05:07 GMT";

const strong: Validators = {
  etag: '"x"',
  lastModified: Date.parse(MODIFIED),
  isDateStrong: true,
};
const weak: Validators = { ...strong, etag: 'W/"x"', isDateStrong: false };

function outcomes(
  validators: Validators,
  name: string,
  values: readonly string[],
): number[] {
  return values.map((value) =>
    checkPreconditions(new Headers({ [name]: value }), validators)
  );
}

Deno.test("parseHttpDate() reads the three forms of RFC 9110", () => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37);
  strictEqual(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), time);
  strictEqual(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), time);
  strictEqual(parseHttpDate("Sun Nov  6 08:49:37 1994"), time);
  strictEqual(
    parseHttpDate("Tue, 30 Jun 2015 23:59:60 GMT"),
    Date.UTC(2015, 6, 1),
  );
});

Deno.test("parseHttpDate() takes two digits for a year less than 50 ahead", () => {
  const year = new Date().getUTCFullYear();
  const parsed = (year: number) =>
    new Date(
      parseHttpDate(
        `Friday, 06-Nov-${`${year % 100}`.padStart(2, "0")} 08:49:37 GMT`,
      )!,
    ).getUTCFullYear();
  strictEqual(parsed(year), year);
  strictEqual(parsed(year + 49), year + 49);
  strictEqual(parsed(year - 49), year - 49);
});

Deno.test("parseHttpDate() finds no date in anything else", () => {
  const texts = [
    ...["", "now", "1994", "0", "Sun, 06 Nov 1994", "1994-11-06T08:49:37Z"],
    ...["Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET"],
    ...["Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT"],
    ...["Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 nov 1994 08:49:37 GMT"],
  ];
  for (const text of texts) strictEqual(parseHttpDate(text), undefined, text);
});

Deno.test("checkPreconditions() compares If-Match strongly", () => {
  const values = ["*", '"x"', '"a", "x"', '"a"', 'W/"x"', "x"];
  deepStrictEqual(outcomes(strong, "If-Match", values), [
    ...[200, 200, 200, 412, 412, 412],
  ]);
  deepStrictEqual(outcomes(weak, "If-Match", values), [
    ...[200, 412, 412, 412, 412, 412],
  ]);
});

Deno.test("checkPreconditions() compares If-None-Match weakly", () => {
  const values = ["*", '"x"', 'W/"x"', '"a",W/"x"', '"a"', '"a,\\"', "x", ""];
  for (const validators of [strong, weak]) {
    deepStrictEqual(outcomes(validators, "If-None-Match", values), [
      ...[304, 304, 304, 304, 200, 200, 200, 200],
    ]);
  }
});

Deno.test("checkPreconditions() compares dates by the second", () => {
  const values = [EARLIER, MODIFIED, LATER, "never"];
  deepStrictEqual(outcomes(strong, "If-Modified-Since", values), [
    ...[200, 304, 304, 200],
  ]);
  deepStrictEqual(outcomes(strong, "If-Unmodified-Since", values), [
    ...[412, 200, 200, 200],
  ]);
});

Deno.test("checkPreconditions() goes by the tags where there are tags and dates", () => {
  const check = (headers: Record<string, string>) =>
    checkPreconditions(new Headers(headers), strong);
  strictEqual(
    check({ "If-None-Match": '"a"', "If-Modified-Since": LATER }),
    200,
  );
  strictEqual(
    check({ "If-None-Match": '"x"', "If-Modified-Since": EARLIER }),
    304,
  );
  strictEqual(
    check({ "If-Match": '"x"', "If-Unmodified-Since": EARLIER }),
    200,
  );
  strictEqual(check({ "If-Match": '"a"', "If-Unmodified-Since": LATER }), 412);
});

Deno.test("checkPreconditions() has the client's lost update go before its cache", () => {
  const check = (headers: Record<string, string>) =>
    checkPreconditions(new Headers(headers), strong);
  strictEqual(check({ "If-Match": '"a"', "If-None-Match": '"x"' }), 412);
  strictEqual(check({ "If-Match": '"x"', "If-None-Match": '"x"' }), 304);
  strictEqual(
    check({ "If-Unmodified-Since": EARLIER, "If-Modified-Since": LATER }),
    412,
  );
});

Deno.test("isRangeWanted() is sure of the file, or sends all of it", () => {
  const wanted = (validators: Validators, ifRange: string) =>
    isRangeWanted(new Headers({ "If-Range": ifRange }), validators);
  strictEqual(isRangeWanted(new Headers(), weak), true);
  strictEqual(wanted(strong, '"x"'), true);
  strictEqual(wanted(strong, '"a"'), false);
  strictEqual(wanted(strong, 'W/"x"'), false);
  strictEqual(wanted(weak, 'W/"x"'), false);
  strictEqual(wanted(strong, MODIFIED), true);
  strictEqual(wanted(strong, LATER), false);
  strictEqual(wanted(strong, EARLIER), false);
  strictEqual(wanted(weak, MODIFIED), false);
  strictEqual(wanted(strong, "x"), false);
});

Deno.test("validatorsOf() changes with size, time and state, and is weak at first", () => {
  const now = Date.parse(LATER);
  const of = (size: number, mtime: number, ctime: number, at = now) =>
    validatorsOf({
      size,
      mtime: new Date(mtime),
      ctime: new Date(ctime),
    } as Deno.FileInfo, at);
  const old = now - 10_000;
  const tags = [
    of(1, old, old),
    of(2, old, old),
    of(1, old - 1, old),
    of(1, old, old + 1),
  ].map(({ etag }) => etag);
  strictEqual(new Set(tags).size, tags.length);
  for (const etag of tags) strictEqual(/^"[^"]+"$/.test(etag), true, etag);
  strictEqual(of(1, now - 2_000, now - 2_000).etag.startsWith('W/"'), true);
  strictEqual(of(1, now - 2_001, now - 2_001).etag.startsWith('"'), true);
  // One that is changed and dated back is as young.
  strictEqual(of(1, old, now - 1).etag.startsWith('W/"'), true);
  strictEqual(of(1, old, now - 1).isDateStrong, false);
  strictEqual(of(1, now + 60_000, old).lastModified, now);
});

Deno.test("SimpleHTTPRequestHandler answers a browser's cache with 304", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  await site.age("a.txt");
  const first = await site.get("/a.txt");
  strictEqual(first.headers.get("last-modified"), LONG_AGO_TEXT);
  const etag = first.headers.get("etag")!;
  for (
    const header of [
      `If-None-Match: ${etag}`,
      `If-None-Match: "a", ${etag}`,
      `If-Modified-Since: ${LONG_AGO_TEXT}`,
    ]
  ) {
    for (const ask of ["get", "head"] as const) {
      const { status, headers, body } = await site[ask]("/a.txt", header);
      strictEqual(status, 304);
      strictEqual(body, "");
      strictEqual(headers.has("content-length"), false);
      strictEqual(headers.has("content-type"), false);
      strictEqual(headers.get("last-modified"), LONG_AGO_TEXT);
      strictEqual(
        headers.get("etag")?.replace("W/", ""),
        etag.replace("W/", ""),
      );
    }
  }
});

Deno.test("SimpleHTTPRequestHandler answers conditions that fail with 412", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  await site.age("a.txt");
  for (
    const header of ['If-Match: "a"', `If-Unmodified-Since: ${EARLIER}`]
  ) {
    strictEqual((await site.get("/a.txt", header)).status, 412);
    strictEqual((await site.head("/a.txt", header)).status, 412);
  }
});

Deno.test("SimpleHTTPRequestHandler sends a file anew that was changed", async () => {
  await using site = await FilesSite.serve({ "a.txt": "old!" });
  await site.age("a.txt");
  const etag = (await site.get("/a.txt")).headers.get("etag")!;
  const { ctime } = await Deno.stat(site.at("a.txt"));
  // Same size, and a time that was set back. The file system's clock moves in
  // steps of some milliseconds.
  do {
    await Deno.writeTextFile(site.at("a.txt"), "new!");
    await site.age("a.txt");
  } while (+(await Deno.stat(site.at("a.txt"))).ctime! === +ctime!);
  const reply = await site.get("/a.txt", `If-None-Match: ${etag}`);
  strictEqual(reply.status, 200);
  strictEqual(reply.body, "new!");
});
