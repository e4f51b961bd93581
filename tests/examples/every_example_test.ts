import { deepStrictEqual, strictEqual } from "node:assert";
import { commandOf, exampleNames } from "./_example.ts";

Deno.test("every example starts with the command that runs it", () => {
  for (const name of exampleNames()) {
    const { flags } = commandOf(name);
    // No example is given more than it needs.
    strictEqual(flags.includes("-A"), false, name);
    strictEqual(flags.includes("--allow-all"), false, name);
  }
});

Deno.test("every example is run by a test of its name", () => {
  const tests = [...Deno.readDirSync(import.meta.dirname!)].map(({ name }) =>
    name
  );
  deepStrictEqual(
    exampleNames().filter((name) => !tests.includes(`${name}_test.ts`)),
    [],
  );
});
