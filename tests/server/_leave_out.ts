/**
 * Leaves out tests by their names: `deno test` can only choose by them. Those that
 * hang are ended, so that they are told by name.
 */
import { PATIENCE } from "../_patience.ts";

const names = new RegExp(Deno.env.get("LEAVE_OUT")!);
const { test } = Deno;

const chosen = (
  first: string | Deno.TestDefinition,
  fn: () => void | Promise<void>,
) => {
  const definition = typeof first === "string" ? { name: first, fn } : first;
  if (names.test(definition.name)) return;
  Reflect.apply(test, Deno, [{ timeout: 2 * PATIENCE, ...definition }]);
};

Object.assign(Deno, { test: Object.assign(chosen, test) });
