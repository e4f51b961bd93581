import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { dirname, join, normalize } from "node:path";
import config from "../deno.json" with { type: "json" };

const ROOT = join(import.meta.dirname!, "..");
const UNPUBLISHED = config.publish.exclude;

/** Whether a path, from the root on, is among what is published. */
const isPublished = (path: string) =>
  !path.startsWith("..") &&
  !UNPUBLISHED.some((each) => path === each || path.startsWith(`${each}/`));

/** The documents that are published, by their paths from the root. */
function documentsIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!isPublished(path) || entry.name.startsWith(".")) return [];
    if (entry.isDirectory) return documentsIn(path);
    return path.endsWith(".md") ? [path] : [];
  });
}

const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));

/** What a document links to, pictures among it, and not what its code quotes. */
function linksOf(markdown: string): string[] {
  const prose = withoutCode(markdown).replaceAll(/`[^`\n]*`/g, "");
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link!);
}

const withoutCode = (markdown: string) =>
  markdown.replaceAll(/^```[^]*?^```$/gm, "").replaceAll(/^ {4}.*$/gm, "");

/** The names of a document's headings, as GitHub and JSR make them. */
function anchorsOf(markdown: string): Set<string> {
  return new Set(Array.from(
    withoutCode(markdown).matchAll(/^#+ (.*)$/gm),
    ([, heading]) =>
      heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
  ));
}

const documents = documentsIn(".");
const links = documents.flatMap((document) =>
  linksOf(read(document)).filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path, anchor] = link.split("#") as [string, string?];
      return {
        where: `${document}: ${link}`,
        path: path === "" ? document : normalize(join(dirname(document), path)),
        anchor,
      };
    })
);

Deno.test("links and anchors are found, and code is none", () => {
  const markdown = [
    "# How `it` is, 2nd",
    "[a](b.md) and [`c`](d/e.ts#f-g), ![h](i.svg) `[no](link)`",
    "```ts\n# no heading\na[0](1);\n```",
    "    [no](code)",
  ].join("\n");
  deepStrictEqual(linksOf(markdown), ["b.md", "d/e.ts#f-g", "i.svg"]);
  deepStrictEqual([...anchorsOf(markdown)], ["how-it-is-2nd"]);
});

Deno.test("what is published is told from what is not", () => {
  strictEqual(isPublished("docs/errors.md"), true);
  for (const path of ["tests/README.md", "bench", "../elsewhere.md"]) {
    strictEqual(isPublished(path), false, path);
  }
});

Deno.test("documents that are published link to what is there, and published", () => {
  ok(documents.length > 20, `${documents.length} documents`);
  ok(links.length > 100, `${links.length} links`);
  const wrong = links.filter(({ path }) => {
    try {
      Deno.statSync(join(ROOT, path));
      return !isPublished(path);
    } catch {
      return true;
    }
  });
  deepStrictEqual(wrong.map(({ where }) => where), []);
});

Deno.test("documents that are published link to headings that are there", () => {
  const anchored = links.filter(({ anchor }) => anchor !== undefined);
  ok(anchored.length > 10, `${anchored.length} links to headings`);
  const wrong = anchored.filter(({ path, anchor }) =>
    !anchorsOf(read(path)).has(anchor!)
  );
  deepStrictEqual(wrong.map(({ where }) => where), []);
});
