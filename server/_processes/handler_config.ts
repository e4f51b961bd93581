import { isGranted } from "../../handlers/_granted.ts";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The names of Deno's configuration, in the order in which Deno looks. */
const NAMES = ["deno.json", "deno.jsonc"];

/** What says in a command line which configuration is used. */
const SAYS_WHICH = /^(-c|--config|--no-config)(=|$)/;

/**
 * The flag by which a process uses the configuration that Deno would find for a
 * module, which has the names that the module may import. Deno finds it by the
 * file that is run, and the main module of a process is no file.
 *
 * @param moduleUrl The URL of the module.
 * @param denoArgs Flags that may have said it already.
 * @returns No flag if this process may not look for it, or there is none.
 */
export function configFlags(
  moduleUrl: string,
  denoArgs: readonly string[],
): string[] {
  if (
    !moduleUrl.startsWith("file:") ||
    denoArgs.some((flag) => SAYS_WHICH.test(flag))
  ) return [];
  const { found, hidden } = search(moduleUrl);
  // An outer one would not be the one that Deno finds.
  return found === undefined || hidden.length > 0 ? [] : [`--config=${found}`];
}

/**
 * What to do besides, where a process has not found the names that its handler
 * imports: nothing, if there is no configuration, or none that was not looked at.
 *
 * @param moduleUrl The URL of the handler's module.
 */
export function findRemedy(moduleUrl: string): string {
  if (!moduleUrl.startsWith("file:")) return "";
  const { found, hidden } = search(moduleUrl);
  if (hidden.length === 0) return "";
  const remedy = ", or let this process find it: run again with --allow-read=";
  return found === undefined
    ? `${remedy}${
      hidden[0]
    } or, if it is further out, with that of each deno.json and deno.jsonc on the way to it`
    : `${remedy}${[...hidden, found]}`;
}

/**
 * Looks for the configuration of a module, from its folder outwards.
 *
 * @returns The first that is there and may be looked at, and those inside of it that
 * may not.
 */
function search(
  moduleUrl: string,
): { readonly found?: string; readonly hidden: readonly string[] } {
  const hidden: string[] = [];
  let folder = dirname(fileURLToPath(moduleUrl));
  while (true) {
    for (const name of NAMES) {
      const path = join(folder, name);
      if (!isGranted({ name: "read", path })) hidden.push(path);
      else if (isFile(path)) return { found: path, hidden };
    }
    const outer = dirname(folder);
    if (outer === folder) return { hidden };
    folder = outer;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
