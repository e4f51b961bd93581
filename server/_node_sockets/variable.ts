import { isGranted } from "../../handlers/_granted.ts";

/**
 * Reads a variable of the environment, by which whoever has started this process
 * tells it something.
 *
 * @param name Its name.
 * @param action What fails otherwise.
 * @throws {Deno.errors.NotCapable} If that is not permitted.
 */
export function readVariable(name: string, action: string): string | undefined {
  if (isGranted({ name: "env", variable: name })) return Deno.env.get(name);
  throw new Deno.errors.NotCapable(
    `Cannot ${action}: requires env access, run again with --allow-env=${name}`,
  );
}
