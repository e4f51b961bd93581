/**
 * What Deno, and this module, say of a permission that is missing. It is looked for
 * in what a process has written, which is why it is of a bounded length.
 */
const MISSING =
  /requires ([\w, ]{1,40}) access(?: to "([^"\n]{1,500})")?[^,\n]{0,80}, run again with[^\n]*/i;
/** Flags, which say what they allow in the errors of this module. */
const FLAGS = /--allow-(\w{1,10})(?:=(\S{1,500}))?/g;

/**
 * What to do where a process must not do something: the flag that the error names is
 * one of the server, which processes do not inherit.
 *
 * @param text The error, or what has been printed with it in it.
 * @returns The remedy, if it is such an error.
 */
export function permissionRemedy(text: string): string | undefined {
  const [line, name, wanted] = MISSING.exec(text) ?? [];
  if (line === undefined) return undefined;
  const flags = [...line.matchAll(FLAGS)];
  // Deno's errors have a flag that would allow more than what they say is wanted.
  const list = flags.some(([, , value]) => value !== undefined)
    ? flags.map(([, name, value]) => entry(name!, value))
    : [entry(name!, wanted)];
  return `processes inherit no permission, allow it by the server's option permissions: { ${
    list.join(", ")
  } }`;
}

function entry(name: string, value: string | undefined): string {
  return `${name}: ${value === undefined ? "true" : JSON.stringify([value])}`;
}

/**
 * Has an error that a handler has thrown in a process say what to do, where a
 * permission is missing.
 *
 * @returns The error.
 */
export function addPermissionRemedy(error: unknown): unknown {
  try {
    if (!(error instanceof Deno.errors.NotCapable)) return error;
    const { message, stack } = error;
    const remedy = permissionRemedy(message);
    if (remedy === undefined || message.endsWith(remedy)) return error;
    error.message = `${message}; ${remedy}`;
    // It begins with the message, and is what is printed.
    if (stack !== undefined) {
      error.stack = stack.replace(message, () => error.message);
    }
  } catch {
    // A handler may throw what cannot be read or set.
  }
  return error;
}
