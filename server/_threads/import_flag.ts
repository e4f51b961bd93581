import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { isGranted } from "../../handlers/_granted.ts";

/** What a thread imports of this module: a handler's imports may be all of it. */
const OWN_FILES = ["../../mod.ts", "../../server", "../../handlers"];

/**
 * The flag that permits a thread what it was refused while it imported its handler.
 * Deno names the first file alone, and those behind it one run after the other.
 *
 * @param permission The name of the permission: "read".
 * @param refused What it was refused.
 * @param handlerUrl The URL of the handler's module.
 */
export function importFlag(
  permission: string,
  refused: string,
  handlerUrl: string,
): string {
  const wanted = permission === "read"
    ? missingFiles(refused, handlerUrl)
    : [refused];
  // Deno takes two commas for one that is not between values.
  const list = wanted.map((each) => each.replaceAll(",", ",,")).join(",");
  return `--allow-${permission}=${list}`;
}

/** Those that it must not read, as far as is known what it is going to import. */
function missingFiles(refused: string, handlerUrl: string): string[] {
  const missing = [
    ...OWN_FILES.map((path) => new URL(path, import.meta.url).href),
    handlerUrl,
  ]
    .filter((url) => url.startsWith("file:"))
    .map((url) => fileURLToPath(url))
    .filter((path) => !isGranted({ name: "read", path }));
  const isNamed = missing.some((path) =>
    refused === path || refused.startsWith(path + sep)
  );
  return isNamed ? missing : [...missing, refused];
}
