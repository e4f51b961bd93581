/**
 * What a step has failed with, as an error of the same class that names the step
 * and the address.
 *
 * @param what What could not be done, as the error begins.
 * @param phase The step.
 * @param error What it has failed with.
 * @param remedy What to do about it, if that is known.
 */
export function phaseError(
  what: string,
  phase: string,
  error: unknown,
  remedy: string | undefined,
): unknown {
  // One of DOM takes other arguments, and is the caller's own, or names all.
  if (!(error instanceof Error) || error instanceof DOMException) return error;
  const Same = error.constructor as ErrorConstructor;
  return new Same(
    `${what} (${phase}): ${error.message}${
      remedy === undefined ? "" : `; ${remedy}`
    }`,
    { cause: error },
  );
}

/** Whether a name could not be resolved: Deno has no class for that. */
export function isUnresolved(error: unknown): boolean {
  return error instanceof Error &&
    /failed to lookup address|no such host|resolved address/i.test(
      error.message,
    );
}
