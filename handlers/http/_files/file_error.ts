import { HTTPError } from "../http_error.ts";

/** Errors of the file system which tell that nothing has the name. */
const MISSING: readonly string[] = [
  "ENOENT",
  "ENOTDIR",
  "ELOOP",
  "ENAMETOOLONG",
];

/**
 * What a client is told of an error of the file system.
 *
 * @param error The error.
 * @returns An error to answer with, or the same one where the client's request
 * did not lead to it.
 */
export function answerTo(error: unknown): unknown {
  if (isMissing(error)) return new HTTPError(404, undefined, { cause: error });
  if (
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable
  ) {
    return new HTTPError(403, undefined, { cause: error });
  }
  return error;
}

/**
 * Whether an error tells that nothing has the name: also one that is too long,
 * below a file, or a link to itself.
 */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    MISSING.includes((error as { readonly code?: string } | null)?.code ?? "");
}
