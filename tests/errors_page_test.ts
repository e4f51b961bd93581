import { deepStrictEqual, ok } from "node:assert";
import { join } from "node:path";
import { type ErrorText, errorTextsOf } from "./_error_texts.ts";

const ROOT = join(import.meta.dirname!, "..");

/** The folders whose errors docs/errors.md explains. */
const FOLDERS = ["server", "handlers", "poll"];

/** Texts that no user meets as they are, and what becomes of them. */
const INTERNAL: ReadonlyMap<string, string> = new Map([
  ["write … bytes of a body", "what cannot be done, in another text"],
  ["wait for the response", "what cannot be done, in another text"],
  ["send descriptor …", "what cannot be done, in another text"],
  ["tell the descriptor", "what cannot be done, in another text"],
  ["wait for events", "what cannot be done, in another text"],
  ["Cannot … in time", "ends a wait that has no end"],
  ["code …, message …", "a line of the log about an answer"],
  ["The script is not needed any more", "ends a script whose client has gone"],
  ["failed to lookup address information", "goes into “Cannot listen on …”"],
  ["the path is longer than SUN_LEN allows", "becomes “Cannot listen on …”"],
  [
    "Class constructor Worker cannot be invoked without 'new'",
    "what the real Worker says",
  ],
  [
    "Cannot allocate a ring of … bytes: the capacity must be a power of two from 16 to 2^30",
    "its size is a constant",
  ],
]);

/** Faults of frames between threads and processes are one item of the page. */
const isOfFrames = ({ type, path }: ErrorText) =>
  type === "ProtocolError" && path.startsWith("server/");

function sourcesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(
    ({ name, isDirectory }) => {
      const path = `${folder}/${name}`;
      if (isDirectory) return sourcesIn(path);
      return name.endsWith(".ts") ? [path] : [];
    },
  );
}

const sources = FOLDERS.flatMap(sourcesIn).map((path) =>
  [path, Deno.readTextFileSync(join(ROOT, path))] as const
);
const found = sources.flatMap(([path, source]) => errorTextsOf(path, source));
const met = found.filter((each) => !isOfFrames(each));

/** The page, an item a line. */
const page = Deno.readTextFileSync(join(ROOT, "docs/errors.md"))
  .replaceAll(/\n +/g, " ");

/** What each text of the page is followed by, its class among it. */
const explained = new Map<string, string>();
for (const item of page.split("\n")) {
  // A text that has a back quote in it stands between two of them and a space.
  const [, , text, rest] = /^- (`+) ?(.*?) ?\1(?!`)(.*)$/.exec(item) ?? [];
  if (text !== undefined) explained.set(text, rest!);
}

Deno.test("texts of errors are found, with holes, in every form", () => {
  const source = `
    // new Error("in a comment")
    /* "Cannot be in a comment" */
    if (/["'\`]/.test(text)) throw new Deno.errors.NotFound(
      \`Cannot find "\${name.replace(/"/g, "\\\\\\"")}": \${
        x ? \`it is \${{ a: "}" }.a}\` : "gone"
      }; look\`,
    );
    throw new HTTPError(400, "No host");
    throw new DOMException(message, "AbortError");
    throw timeoutError("It took long");
    throw new TypeError("Cannot use " + \`"\${["x"][0]}" as \` + "a name");
    return refuse('Cannot do', "it's late");
    limitTime(options.timeout, \`It waited \${ms} ms\`, late);
    return \`The reply took longer than \${ms} ms\`;
    const half = a / 2 + "of / it" / 3;
    new Map("no error"); done("neither");
  `;
  deepStrictEqual(
    errorTextsOf("a.ts", source).map(({ text, type }) => [text, type]),
    [
      ['Cannot find "…": …; look', "NotFound"],
      ["No host", "HTTPError"],
      ["It took long", undefined],
      ['Cannot use "…" as a name', "TypeError"],
      ["Cannot do", undefined],
      ["It waited … ms", "DOMException"],
      ["The reply took longer than … ms", undefined],
    ],
  );
});

Deno.test("docs/errors.md has every text of an error that a user can meet", () => {
  ok(met.length > 450, `${met.length} texts`);
  const missing = met
    .filter(({ text }) => !explained.has(text) && !INTERNAL.has(text))
    .map(({ text, path }) => `${path}: ${text}`);
  deepStrictEqual(missing, []);
});

Deno.test("docs/errors.md has the class of each error whose source says it", () => {
  const wrong = met
    .filter(({ text, type }) =>
      type !== undefined && explained.get(text)?.includes(`\`${type}\``) ===
        false
    )
    .map(({ text, type }) => `${type}: ${text}`);
  deepStrictEqual(wrong, []);
});

Deno.test("docs/errors.md has no text that is not in the sources", () => {
  // These two are no text of their own, or have the name of what they tell of in it.
  const headings = ["ProtocolError", "A … that ran no request"];
  const texts = new Set([...found.map(({ text }) => text), ...headings]);
  deepStrictEqual(
    [...explained.keys()].filter((text) => !texts.has(text)),
    [],
  );
});

Deno.test("what docs/errors.md leaves out is in the sources, and not on it", () => {
  const texts = new Set(found.map(({ text }) => text));
  deepStrictEqual(
    [...INTERNAL.keys()].filter((text) =>
      !texts.has(text) || explained.has(text)
    ),
    [],
  );
});

Deno.test("docs/errors.md names options and methods that exist", () => {
  // In one word, as an option has it; commands and flags are more.
  const names = [...explained.values(), page.slice(0, page.indexOf("\n- "))]
    .flatMap((text) => [...text.matchAll(/`(?:\w+\.)*(\w+)(?:\(\))?`/g)])
    .map(([, name]) => name!)
    .filter((name) => /[a-z][A-Z]/.test(name) && !(name in globalThis));
  ok(names.length > 60, `${names.length} names`);
  const words = new Set(
    sources.flatMap(([, source]) => source.match(/\w+/g) ?? []),
  );
  deepStrictEqual(names.filter((name) => !words.has(name)), []);
});
