import { ok, strictEqual } from "node:assert";
import { Folder } from "../_program.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;

/** Tests that are run with something else in the place of this module. */
export interface Again {
  /** The address of what takes its place. */
  readonly mod: string;
  /** The tests, by their paths from this folder. */
  readonly files: readonly string[];
  /** The names of those tests that are about something else. */
  readonly leaveOut: RegExp;
  /** What their environment has beside this process's. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs tests once more, and fails where one of them does or none is run. */
export async function runAgain(
  { mod, files, leaveOut, env = {} }: Again,
): Promise<void> {
  await using folder = new Folder();
  const map = folder.at("import_map.json");
  await Deno.writeTextFile(
    map,
    JSON.stringify({
      imports: { [MOD]: mod },
      scopes: { [mod]: { [MOD]: MOD } },
    }),
  );
  const here = import.meta.dirname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "-A", "--no-check", "--parallel"],
      ...[`--import-map=${map}`, `--preload=${here}/_leave_out.ts`],
      ...files.map((file) => `${here}/${file}`),
    ],
    env: {
      ...env,
      ...{ NO_COLOR: "true", IMPORT_MAP: map, LEAVE_OUT: leaveOut.source },
    },
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  strictEqual(code, 0, `${said.slice(-20_000)}${decoder.decode(stderr)}`);
  const [, passed] = /^ok \| (\d+) passed/m.exec(said) ?? [];
  ok(Number(passed) > files.length, said.slice(-1_000));
}
