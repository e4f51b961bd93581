import { checkKeys } from "../../_known_keys.ts";
import { wrong } from "../../_settings.ts";
import type { XMLRPCDocumentation } from "../xmlrpc_documentation.ts";

const NAMES: readonly (keyof XMLRPCDocumentation)[] = [
  "title",
  "name",
  "introduction",
];

/**
 * Checks what a page of documentation is to say.
 *
 * @throws {TypeError} If something of it is no text, or has an unknown name.
 */
export function checkDocumentation(documentation: XMLRPCDocumentation): void {
  const action = "document methods";
  checkKeys("key", documentation, NAMES, undefined, action);
  for (const name of NAMES) {
    const text: unknown = documentation[name];
    if (text === undefined || typeof text === "string") continue;
    throw wrong(action, name, "a text", text);
  }
}
