import { deepStrictEqual, ok, strictEqual } from "node:assert";
import {
  contentRange,
  parseByteRanges,
} from "../../handlers/http/_files/byte_ranges.ts";
import { parseHttpDate } from "../../handlers/http/_files/http_date.ts";
import { MultipartRanges } from "../../handlers/http/_files/multipart_ranges.ts";
import {
  checkPreconditions,
  isRangeWanted,
} from "../../handlers/http/_files/preconditions.ts";
import {
  folderPath,
  parseTargetPath,
} from "../../handlers/http/_files/target_path.ts";
import { HTTPError } from "../../server/http/mod.ts";
import {
  below,
  bytesOf,
  inRound,
  mutate,
  oneOf,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** Some text as a header might have it, damaged half of the time. */
function damagedText(next: Random, text: string, others: string[]): string {
  if (next() < 0.5) return text;
  const mutated = mutate(next, bytesOf(text), others.map(bytesOf), 8 * 1024);
  // What no header can hold does not come so far.
  return latin1(mutated).replaceAll(/[\0\r\n]/g, " ").trim();
}

/** A number that is near the ends of what there is. */
function near(next: Random, size: number): string {
  const number = oneOf(next, [
    0,
    1,
    below(next, size + 1),
    size - 1,
    size,
    size + 1,
    2 ** 53,
    10 ** 30,
  ]);
  return `${"0".repeat(below(next, 2))}${BigInt(Math.max(0, number))}`;
}

function rangeHeader(next: Random, size: number): string {
  const specs = Array.from({ length: 1 + below(next, 6) }, () =>
    oneOf(next, [
      () => `${near(next, size)}-${near(next, size)}`,
      () => `${near(next, size)}-`,
      () => `-${near(next, size)}`,
    ])());
  return `bytes=${specs.join(oneOf(next, [",", ", ", " ,,"]))}`;
}

/** Which bytes of a small file a header asks for, one by one; RFC 9110, 14.1.2. */
function bytesAskedFor(header: string, size: number): Set<number> | undefined {
  const [, set] = /^bytes=(.*)$/i.exec(header) ?? [];
  const specs = set?.split(",")
    .map((spec) => spec.trim()).filter((spec) => spec !== "");
  if (specs === undefined || specs.length === 0) return undefined;
  const asked = new Set<number>();
  for (const spec of specs) {
    const [, first, last, suffix] = /^(?:(\d+)-(\d*)|-(\d+))$/.exec(spec) ?? [];
    if (first === undefined && suffix === undefined) return undefined;
    for (let at = 0; at < size; at++) {
      const isIn = suffix === undefined
        ? at >= Number(first) && (last === "" || at <= Number(last))
        : at >= size - Number(suffix);
      if (isIn) asked.add(at);
    }
  }
  return asked;
}

/**
 * Tries `Range` headers on small files: what is sent is what is asked for, also
 * where it is sent in parts.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzRanges(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const size = below(next, 40);
    const whole = rangeHeader(next, size);
    const header = damagedText(next, whole, ["bytes=0-,", "-1,", "9-3,"]);
    const input = bytesOf(header);
    await inRound(seed, round, input, () => {
      const ranges = withinTurn(input, () => parseByteRanges(header, size));
      if (ranges === undefined) return;
      ok(ranges.length <= 64);
      const sent = new Set<number>();
      for (const range of ranges) {
        ok(range.length > 0 && range.from >= 0);
        ok(range.from + range.length <= size);
        for (let i = 0; i < range.length; i++) {
          ok(!sent.has(range.from + i), "A byte is sent twice");
          sent.add(range.from + i);
        }
        strictEqual(
          contentRange(range, size),
          `bytes ${range.from}-${range.from + range.length - 1}/${size}`,
        );
      }
      deepStrictEqual(sent, bytesAskedFor(header, size));
      if (ranges.length > 0) requireParts(ranges, size);
    });
  }
}

/** Puts the parts together as they are sent, and takes them apart again. */
function requireParts(
  ranges: NonNullable<ReturnType<typeof parseByteRanges>>,
  size: number,
): void {
  const content = "0123456789abcdefghijklmnopqrstuvwxyzABCD".slice(0, size);
  const multipart = new MultipartRanges(ranges, "text/plain", size);
  const body =
    multipart.parts.map(({ before, range }) =>
      before + content.slice(range.from, range.from + range.length)
    ).join("") + multipart.end;
  strictEqual(body.length, multipart.length);
  const boundary = /boundary=(.*)$/.exec(multipart.contentType)![1]!;
  const parts = `\r\n${body}`.split(`\r\n--${boundary}`);
  strictEqual(parts.shift(), "");
  strictEqual(parts.pop(), "--\r\n");
  deepStrictEqual(
    parts.map((part) => part.split("\r\n\r\n")),
    ranges.map((range) => [
      `\r\nContent-Type: text/plain\r\nContent-Range: ${
        contentRange(range, size)
      }`,
      content.slice(range.from, range.from + range.length),
    ]),
  );
}

const MODIFIED = Date.UTC(2020, 1, 3, 4, 5, 6);
const DATES: Readonly<Record<string, number | undefined>> = {
  "Mon, 03 Feb 2020 04:05:05 GMT": -1,
  "Mon, 03 Feb 2020 04:05:06 GMT": 0,
  "Monday, 03-Feb-20 04:05:06 GMT": 0,
  "Mon Feb  3 04:05:06 2020": 0,
  "Mon, 03 Feb 2020 04:05:07 GMT": 1,
  "Mon, 30 Feb 2020 04:05:06 GMT": undefined,
  "yesterday": undefined,
};
const TAGS = ['"a"', 'W/"a"', '"b"', 'W/"b"', '"a,b"', '""', "*"];

/** What is answered on conditions that are well-formed; RFC 9110, 13.2.2. */
function expectedStatus(headers: Headers, etag: string): 200 | 304 | 412 {
  const tags = (name: string) => headers.get(name)?.split(" ");
  const date = (name: string) => DATES[headers.get(name) ?? ""];
  const opaque = (tag: string) => tag.replace("W/", "");
  const match = tags("if-match");
  const unmodified = date("if-unmodified-since");
  if (match !== undefined) {
    const isStrong = (tag: string) => tag === etag && !tag.startsWith("W/");
    if (match[0] !== "*" && !match.some(isStrong)) return 412;
  } else if (unmodified !== undefined && unmodified < 0) return 412;
  const noneMatch = tags("if-none-match");
  const modified = date("if-modified-since");
  if (noneMatch !== undefined) {
    const isSame = (tag: string) => opaque(tag) === opaque(etag);
    return noneMatch[0] === "*" || noneMatch.some(isSame) ? 304 : 200;
  }
  return modified !== undefined && modified >= 0 ? 304 : 200;
}

/**
 * Tries the conditions of requests: well-formed ones are answered as the RFC
 * says, and damaged ones at once.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzPreconditions(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const etag = oneOf(next, ['"a"', 'W/"a"', '"a,b"']);
    const validators = { etag, lastModified: MODIFIED, isDateStrong: true };
    const headers = new Headers();
    for (const name of ["if-match", "if-none-match"]) {
      if (next() < 0.5) continue;
      const list = Array.from(
        { length: 1 + below(next, 3) },
        () => oneOf(next, TAGS.slice(0, -1)),
      ).join(" ");
      headers.set(name, next() < 0.1 ? "*" : list);
    }
    for (const name of ["if-unmodified-since", "if-modified-since"]) {
      if (next() < 0.5) headers.set(name, oneOf(next, Object.keys(DATES)));
    }
    const input = bytesOf(JSON.stringify([...headers]));
    await inRound(seed, round, input, () => {
      strictEqual(
        checkPreconditions(headers, validators),
        expectedStatus(headers, etag),
      );
    });
    const damaged = damagedText(next, [...headers.values()].join(","), TAGS);
    await inRound(seed, round, bytesOf(damaged), () => {
      for (
        const name of [
          ...["if-match", "if-none-match", "if-range"],
          ...["if-unmodified-since", "if-modified-since"],
        ]
      ) {
        const one = new Headers({ [name]: damaged });
        const status = withinTurn(
          bytesOf(damaged),
          () => checkPreconditions(one, validators),
        );
        ok([200, 304, 412].includes(status));
        isRangeWanted(one, validators);
      }
      const date = parseHttpDate(damaged);
      ok(date === undefined || Number.isInteger(date));
    });
  }
}

const SEGMENTS = [
  ...[
    "",
    ".",
    "..",
    "a",
    "%2e%2e",
    "%2E",
    "%2f",
    "%5c",
    "%00",
    "%25",
    "%c3%a9",
  ],
  ...[
    "%ff",
    "%",
    "%4",
    "a b",
    "\xe9",
    "\xc3\xa9",
    "con",
    "cgi-bin",
    "..%2f",
    "~",
  ],
];
const BEFORE = ["", "", "", "http://a", "https://a:1", "http:", "//", "*", "?"];

/**
 * Tries targets: none leads out of the root, and a folder's own path leads to
 * it.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzTargets(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const path = Array.from(
      { length: 1 + below(next, oneOf(next, [3, 8, 2_000])) },
      () => `/${oneOf(next, SEGMENTS)}`,
    ).join("");
    const target = damagedText(
      next,
      oneOf(next, BEFORE) + path + oneOf(next, ["", "", "?", "?a=/../b", "#c"]),
      [...BEFORE, ...SEGMENTS],
    );
    const input = bytesOf(target);
    await inRound(seed, round, input, () => {
      let names: readonly string[];
      try {
        ({ names } = withinTurn(input, () => parseTargetPath(target)));
      } catch (error) {
        if (!(error instanceof HTTPError)) throw error;
        ok([400, 404].includes(error.status));
        return;
      }
      for (const name of names) {
        ok(!["", ".", ".."].includes(name) && !/[\0/]/.test(name));
      }
      const folder = folderPath(names);
      ok(!folder.startsWith("//"));
      deepStrictEqual(parseTargetPath(folder), {
        names,
        isFolder: true,
        query: "",
      });
    });
  }
}
