import { deepStrictEqual, strictEqual } from "node:assert";

const README = await Deno.readTextFile(`${import.meta.dirname}/README.md`);

interface Row {
  /** The name of CPython's test. */
  readonly theirs: string;
  readonly ours: string;
  readonly file: string | undefined;
}

/** The rows of the table about CPython's tests. */
const rows: readonly Row[] = README.split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, theirs]) => theirs?.startsWith("`test_"))
  .map(([, theirs, ours, file]) => ({
    theirs: theirs!,
    ours: ours!,
    file: file === "none" ? undefined : file!.replaceAll("`", ""),
  }));

Deno.test("tests/README.md has each of CPython's 27 cases once", () => {
  strictEqual(rows.length, 27);
  strictEqual(new Set(rows.map(({ theirs }) => theirs)).size, 27);
});

Deno.test("tests/README.md names tests that exist", async () => {
  const unknown: string[] = [];
  for (const { ours, file } of rows) {
    if (file === undefined) continue;
    const url = new URL(`server/${file}`, import.meta.url);
    const source = await Deno.readTextFile(url);
    // A test that is there for several servers or stages has a name with a hole.
    const made = [
      ours.replace(/^\w+Server /, "${Server.name} "),
      ours.replace(/reset .* harm/, "reset ${stage} harm"),
    ];
    const quoted = [`"${ours}"`, ...made.map((name) => `\`${name}\``)];
    if (!quoted.some((name) => source.includes(name))) unknown.push(ours);
  }
  deepStrictEqual(unknown, []);
});

Deno.test("tests/README.md names files that exist", async () => {
  for (const [, name] of README.matchAll(/`(tests\/[^`\s]+)`/g)) {
    await Deno.stat(new URL(`../${name}`, import.meta.url));
  }
});
