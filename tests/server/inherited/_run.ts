import { strictEqual } from "node:assert";
import { Child, Folder } from "../../_program.ts";

/**
 * Runs a program outside the configuration of this repository.
 *
 * @param code What it does with `s`, this module.
 * @param env What its environment has beside this process's.
 * @param flags Its permissions.
 * @returns What it prints.
 */
export async function run(
  code: string,
  env: Record<string, string>,
  flags: readonly string[] = ["-A"],
): Promise<string> {
  await using folder = new Folder();
  const file = folder.at("program.ts");
  const mod = new URL("../../../mod.ts", import.meta.url).href;
  await Deno.writeTextFile(file, `import * as s from "${mod}";\n${code}`);
  await using child = new Child(
    Deno.execPath(),
    ["run", "--quiet", "--no-config", "--no-prompt", ...flags, file],
    env,
  );
  const { code: exit, stdout, stderr } = await child.output();
  strictEqual(exit, 0, stderr);
  return new TextDecoder().decode(stdout).trim();
}
