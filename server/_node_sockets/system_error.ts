import process from "node:process";

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** The errors of Deno for those of the system. */
const CLASSES: Readonly<Record<string, ErrorClass>> = {
  EACCES: Deno.errors.PermissionDenied,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  EBADF: Deno.errors.BadResource,
  ENOENT: Deno.errors.NotFound,
};

/** The name of what the system has answered, such as `EADDRINUSE`. */
export function errorName(status: number): string {
  return process.getBuiltinModule("node:util").getSystemErrorName(status);
}

/** The same as an error of the class that Deno's own sockets would throw. */
export function systemError(status: number): Error {
  const name = errorName(status);
  const Class = CLASSES[name];
  return Class === undefined
    ? Object.assign(new Error(name), { code: name })
    : new Class(name);
}
