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
  const { path, isFound } = search(moduleUrl);
  return isFound ? [`--config=${path}`] : [];
}

/**
 * What to do besides, where a process has not found the names that its handler
 * imports: nothing, if there is no configuration, or none that was not looked at.
 *
 * @param moduleUrl The URL of the handler's module.
 */
export function findRemedy(moduleUrl: string): string {
  if (!moduleUrl.startsWith("file:")) return "";
  const { path, isFound } = search(moduleUrl);
  return path === undefined || isFound
    ? ""
    : `, or let this process find it: run again with --allow-read=${path}`;
}

/**
 * Looks for the configuration of a module.
 *
 * @returns The first that is there, or else the first that may not be looked at.
 */
function search(
  moduleUrl: string,
): { readonly path?: string; readonly isFound: boolean } {
  let folder = dirname(fileURLToPath(moduleUrl));
  while (true) {
    for (const name of NAMES) {
      const path = join(folder, name);
      // An outer one would not be the one that Deno finds.
      if (!isGranted({ name: "read", path })) return { path, isFound: false };
      if (isFile(path)) return { path, isFound: true };
    }
    const outer = dirname(folder);
    if (outer === folder) return { isFound: false };
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
