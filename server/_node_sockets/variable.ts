import { isGranted } from "../../handlers/_granted.ts";

/**
 * Reads a variable of the environment, by which whoever has started this process
 * tells it something.
 *
 * @param name Its name.
 * @param action What fails otherwise.
 * @param others Further ones that are read where it is set: the error names all.
 * @throws {Deno.errors.NotCapable} If that is not permitted.
 */
export function readVariable(
  name: string,
  action: string,
  others: readonly string[] = [],
): string | undefined {
  const isVisible = (variable: string) => isGranted({ name: "env", variable });
  if (isVisible(name)) return Deno.env.get(name);
  const hidden = [name, ...others].filter((each) => !isVisible(each));
  throw new Deno.errors.NotCapable(
    `Cannot ${action}: requires env access, run again with --allow-env=${hidden}`,
  );
}
