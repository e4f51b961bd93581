import { deepStrictEqual, ok, throws } from "node:assert";
import config from "../../deno.json" with { type: "json" };
import { type Block, blockNamed, blocksOf, textOf } from "./_blocks.ts";
import { DOCUMENTS } from "./_names.ts";
import consumer from "./consumer.json" with { type: "json" };

const blocks = DOCUMENTS.flatMap(blocksOf);

/** What the tests here say, this file left out. */
const tests = [...Deno.readDirSync(import.meta.dirname!)]
  .filter(({ name }) => name.endsWith("_test.ts") && name !== "blocks_test.ts")
  .map(({ name }) => Deno.readTextFileSync(`${import.meta.dirname}/${name}`))
  .join("\n");

/**
 * Whether `deno test --doc` runs only a part of a block, or none: what is behind
 * `import.meta.main` it leaves out, what is exported it leaves to others, and README.md
 * it is not given, whose programs serve until they are ended.
 */
function isForTests({ name, code }: Block): boolean {
  return name.startsWith("README.md: ") || code.includes("import.meta.main") ||
    /^export /m.test(code);
}

Deno.test("every block of the documents that --doc does not run is run here", () => {
  const ours = blocks.filter(isForTests);
  ok(ours.length > 20, `${ours.length} blocks`);
  deepStrictEqual(
    ours.map(({ name }) => name).filter((name) => !tests.includes(`"${name}"`)),
    [],
  );
});

Deno.test("blocks are found by their headings, and others are refused", () => {
  for (const block of blocks) deepStrictEqual(blockNamed(block.name), block);
  const fences = DOCUMENTS.map((document) =>
    textOf(document).split(/^ *```ts/m).length - 1
  );
  deepStrictEqual(blocks.length, fences.reduce((a, b) => a + b));
  throws(() => blockNamed("docs/guide/tls.md: No such heading"), {
    name: "RangeError",
    message: /TLS, .*From plain to TLS/,
  });
});

Deno.test("what readers import is mapped to this checkout, entry by entry", () => {
  const paths = Object.fromEntries(
    Object.entries(config.exports).map(([entry, path]) => [
      entry.replace(".", config.name),
      path.replace("./", "../../"),
    ]),
  );
  deepStrictEqual(consumer.imports, paths);
});
