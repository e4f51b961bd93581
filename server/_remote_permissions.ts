import { fileURLToPath } from "node:url";

/**
 * Checks that a module may be imported by a thread: files take the read
 * permission there.
 *
 * @throws {Deno.errors.NotCapable} If it is missing.
 */
export function checkImportable(url: string | URL): void {
  const { protocol, href } = new URL(url);
  if (protocol !== "file:") return;
  const path = fileURLToPath(href);
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Cannot create server: its threads import "${path}", which requires read access; run again with --allow-read of it and of what it imports, or of their folder`,
  );
}
