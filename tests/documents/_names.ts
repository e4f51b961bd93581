const ROOT = new URL("../../", import.meta.url);

/** The documents whose programs are run, by their paths from the root. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  ...[...Deno.readDirSync(new URL("docs/guide", ROOT))]
    .map(({ name }) => `docs/guide/${name}`).sort(),
  "docs/cookbook.md",
  "docs/operating.md",
];
