import { deepStrictEqual, match, ok } from "node:assert";
import { join } from "node:path";
import { NEEDED_PROGRAMS } from "./_needed_programs.ts";

const ROOT = join(import.meta.dirname!, "..");
const README = await Deno.readTextFile(`${import.meta.dirname}/README.md`);

Deno.test("tests/http/README.md names a test of each requirement of HTTP", async () => {
  const http = new URL("http/README.md", import.meta.url);
  const required = (await Deno.readTextFile(http)).split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, rfc]) => /^911[02], /.test(rfc ?? ""));
  ok(required.length > 50, `${required.length} requirements`);
  const unknown: string[] = [];
  for (const [, , , test, file] of required) {
    const source = await Deno.readTextFile(
      new URL(`http/${file!.replaceAll("`", "")}`, import.meta.url),
    );
    // The formatter breaks none of their names, which may have a hole in front.
    if (!source.includes(test!)) unknown.push(test!);
  }
  deepStrictEqual(unknown, []);
});

Deno.test("tests/README.md names files that exist", async () => {
  for (const [, name] of README.matchAll(/`(tests\/[^`\s]+)`/g)) {
    await Deno.stat(new URL(`../${name}`, import.meta.url));
  }
});

/** The files in a folder and in those below it, by their paths from the root. */
function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(
    ({ name, isDirectory }) =>
      isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`],
  );
}

const FOLDERS = [
  ...[
    "server",
    "handlers",
    "poll",
    "docs",
    "examples",
    "bench/figures",
    "tests",
  ],
];
const files = ["mod.ts", ...FOLDERS.flatMap(filesIn)];

/** A row of a table "Source → tests". */
interface Coverage {
  /** The folder whose README has it. */
  readonly folder: string;
  /** What it says that is tested: files, folders or patterns. */
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

/** What a cell names, in back quotes and with a slash or a file's ending. */
function named(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`\s]+)`/g), ([, name]) => name!)
    .filter((name) => name.endsWith(".ts") || name.endsWith("/"));
}

const HEADING = "## Source → tests\n";

/** The last table of each README of the tests. */
const coverage: readonly Coverage[] = files
  .filter((path) => /^tests\/(.*\/)?README\.md$/.test(path))
  .flatMap((path) => {
    const text = Deno.readTextFileSync(join(ROOT, path));
    const folder = path.slice(0, -"/README.md".length);
    ok(text.includes(HEADING), `${path} has no table of sources and tests`);
    const [, table] = text.split(HEADING);
    return table!.trim().split("\n").slice(2).map((line) => {
      const cells = line.split("|");
      // Two, between three lines: a merge or a formatter may have torn the table.
      ok(cells.length === 4, `${path} has a row that is none: ${line}`);
      const [, sources, tests] = cells;
      return {
        folder,
        sources: named(sources!),
        tests: named(tests!).map((name) =>
          name.startsWith("tests/") ? name : `${folder}/${name}`
        ),
      };
    });
  });

/** The files that a name stands for: of a folder, all; `*` stays in its folder. */
function matching(name: string): string[] {
  if (name.endsWith("/")) return files.filter((path) => path.startsWith(name));
  const pattern = new RegExp(
    `^${RegExp.escape(name).replaceAll("\\*", "[^/]*")}$`,
  );
  return files.filter((path) => pattern.test(path));
}

Deno.test("the tables of sources and tests name files that exist", () => {
  const missing = coverage.flatMap(({ folder, sources, tests }) =>
    [...sources, ...tests]
      .filter((name) => matching(name).length === 0)
      .map((name) => `${folder}/README.md: ${name}`)
  );
  deepStrictEqual(missing, []);
});

Deno.test("every source of the library is in a table of sources and tests", () => {
  const covered = new Set(
    coverage.filter(({ tests }) => tests.length > 0)
      .flatMap(({ sources }) => sources).flatMap(matching),
  );
  const sources = files.filter((path) =>
    path.endsWith(".ts") && !/^(tests|examples)\//.test(path)
  );
  ok(sources.length > 100, `${sources.length} sources`);
  deepStrictEqual(sources.filter((path) => !covered.has(path)), []);
});

Deno.test("every test is in a table of sources and tests", () => {
  const covered = new Set(
    coverage.flatMap(({ tests }) => tests).flatMap(matching),
  );
  const tests = files.filter((path) => path.endsWith("_test.ts"));
  ok(tests.length > 100, `${tests.length} tests`);
  deepStrictEqual(tests.filter((path) => !covered.has(path)), []);
});

Deno.test("each folder of tests has a README with a table of sources and tests", () => {
  const folders = new Set(
    files.filter((path) => path.endsWith("_test.ts"))
      .map((path) => path.slice(0, path.lastIndexOf("/"))),
  );
  const described = new Set(coverage.map(({ folder }) => folder));
  // Their rows are in the README of the folder above.
  described.add("tests/handlers/streams");
  deepStrictEqual([...folders].filter((name) => !described.has(name)), []);
});

Deno.test("deno.json has a task for the tests of each subject, which is that of all", async () => {
  const { tasks } = JSON.parse(
    await Deno.readTextFile(join(ROOT, "deno.json")),
  ) as { readonly tasks: Readonly<Record<string, string>> };
  match(tasks.test!, / tests\/run\.ts$/);
  const subjects = Object.keys(tasks).filter((name) =>
    name.startsWith("test:")
  );
  ok(subjects.length >= 10, `${subjects.length} subjects`);
  for (const name of subjects) {
    const [, folder] = /^deno task test (tests\/\S+)$/.exec(tasks[name]!)!;
    ok(matching(`${folder}/`).length > 0, `${name}: ${folder}`);
  }
});

Deno.test("ARCHITECTURE.md names files and folders that exist", async () => {
  const text = await Deno.readTextFile(join(ROOT, "ARCHITECTURE.md"));
  const names = Array.from(
    text.matchAll(/(?<![\w./])[\w./]+(?:\.ts|\/)(?![\w/])/g),
    ([name]) => name,
  );
  ok(names.length > 80, `${names.length} names`);
  // A name may leave out the folder that its section is about.
  const exists = (name: string) =>
    files.some((path) => `/${path}`.includes(`/${name}`));
  deepStrictEqual(names.filter((name) => !exists(name)), []);
});

Deno.test("the programs that tests talk to are told before they are missed, and installed by .ci/run", () => {
  const told = new Set(NEEDED_PROGRAMS.map((each) => each.package));
  const used = new Set<string>();
  for (const path of files) {
    if (!path.startsWith("tests/") || !path.endsWith(".ts")) continue;
    const text = Deno.readTextFileSync(join(ROOT, path));
    for (
      const [, from] of text.matchAll(
        /new Program\(\s*"[^"]+",\s*"([^"]+)"/g,
      )
    ) used.add(from!);
  }
  ok(used.size > 10, `${used.size} packages`);
  deepStrictEqual([...used].filter((each) => !told.has(each)), []);
  const script = Deno.readTextFileSync(join(ROOT, ".ci/run"));
  // Debian is nowhere without these.
  const essential = ["bsdutils", "coreutils"];
  deepStrictEqual(
    NEEDED_PROGRAMS.map((each) => each.package)
      .filter((name) => !essential.includes(name) && !script.includes(name)),
    [],
  );
});
