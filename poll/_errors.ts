import { errnoName } from "./_errno.ts";
import { libc } from "./_libc.ts";
import { readText } from "./_memory.ts";

type ErrorClass = new (message: string) => Error;

/** Where Deno has a class of its own for an error number. */
const classes: Record<string, ErrorClass> = {
  EACCES: Deno.errors.PermissionDenied,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  EAGAIN: Deno.errors.WouldBlock,
  EBADF: Deno.errors.BadResource,
  EBUSY: Deno.errors.Busy,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  ECONNRESET: Deno.errors.ConnectionReset,
  EEXIST: Deno.errors.AlreadyExists,
  EINPROGRESS: Deno.errors.WouldBlock,
  EINTR: Deno.errors.Interrupted,
  EISDIR: Deno.errors.IsADirectory,
  ELOOP: Deno.errors.FilesystemLoop,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
  ENOENT: Deno.errors.NotFound,
  ENOTCONN: Deno.errors.NotConnected,
  ENOTDIR: Deno.errors.NotADirectory,
  ENOTSUP: Deno.errors.NotSupported,
  EOPNOTSUPP: Deno.errors.NotSupported,
  EPERM: Deno.errors.PermissionDenied,
  EPIPE: Deno.errors.BrokenPipe,
  ETIMEDOUT: Deno.errors.TimedOut,
};

/** An error of libc: of Deno's class if there is one, with `code` in any case. */
export function systemError(
  number: number,
  call: string,
  action: string,
): Error & { code: string } {
  const code = errnoName(number);
  const Class = classes[code] ?? Error;
  const error = new Class(
    `Cannot ${action}: ${call} failed with ${code}, ${describe(number)}`,
  );
  return Object.assign(error, { code });
}

/** The error of using what was closed. */
export function closedError(
  action: string,
  what: string,
): Error & { code: string } {
  return Object.assign(
    new Deno.errors.BadResource(`Cannot ${action}: ${what} is closed`),
    { code: "EBADF" },
  );
}

/** The error of a timeout of ours, not the kernel's. */
export function timedOut(
  action: string,
  timeout: number,
): Error & { code: string } {
  return Object.assign(
    new Deno.errors.TimedOut(
      `Cannot ${action}: it took longer than ${timeout} ms`,
    ),
    { code: "ETIMEDOUT" },
  );
}

/** libc's own words for an error number. */
function describe(number: number): string {
  return readText(libc().strerror(number)).toLowerCase();
}
