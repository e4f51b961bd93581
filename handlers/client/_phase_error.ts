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

/** What to do where a handshake has failed, if that is known. */
export function handshakeRemedy(error: unknown): string | undefined {
  if (error instanceof Deno.errors.UnexpectedEof) {
    return "the handshake was not complete: see what the server says of it";
  }
  if (!(error instanceof Deno.errors.InvalidData)) return undefined;
  // Deno has the same words for one that has expired.
  if (/unable to (verify|get)|self-signed/.test(error.message)) {
    return "name who has signed the server's certificate by the TLS option ca, and see that it is valid now";
  }
  if (/: it is not for .*, but for (?!no host$)/s.test(error.message)) {
    return "if this is the server that is meant, have the TLS option serverName be a name that it has";
  }
  return /InvalidContentType/.test(error.message)
    ? "what the server answers is no TLS: correct the port, or speak without TLS there"
    : undefined;
}

/** Whether a name could not be resolved: Deno has no class for that. */
export function isUnresolved(error: unknown): boolean {
  return error instanceof Error &&
    /failed to lookup address|no such host|resolved address/i.test(
      error.message,
    );
}
