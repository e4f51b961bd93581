import { isGranted } from "../../_granted.ts";
import { ScriptError } from "./script_error.ts";

/** Whom a script runs as. */
export interface CGIUser {
  /** The number of the user. */
  readonly uid: number;
  /** The number of the user's only group. */
  readonly gid: number;
}

/** The largest number that is somebody's: the one above says "no change". */
const LARGEST_ID = 2 ** 32 - 2;

/** Longer than any argument that a program may have: execve(2). */
const TOO_LONG_ARGUMENT = 2 * 1024 * 1024;

let nobodyFound: CGIUser | undefined;
let runsAsRootFound: boolean | undefined;

/** Whom scripts run as, as a handler class says it. */
export type UserSetting = CGIUser | "nobody" | "server";

/**
 * Checks what a handler class says.
 *
 * @throws {TypeError} If it is nobody.
 */
export function checkScriptUser(setting: UserSetting): void {
  if (setting === "server" || setting === "nobody") return;
  const { uid, gid, ...others } = Object(setting) as Partial<CGIUser>;
  if (isId(uid) && isId(gid) && Object.keys(others).length === 0) return;
  throw new TypeError(
    `Cannot run CGI scripts: cgiUser must be "nobody", "server" or an object of uid and gid, integers from 0 to ${LARGEST_ID}, received ${
      Deno.inspect(setting)
    }`,
  );
}

/**
 * Whom a script is to run as.
 *
 * @param setting What the handler class says.
 * @param file The script, which may be run.
 * @returns Whom, or `undefined` if as whoever runs the server.
 * @throws {TypeError} If the setting is none.
 * @throws {ScriptError} If it cannot be told who runs the server.
 */
export function scriptUser(
  setting: UserSetting,
  file: string,
): CGIUser | undefined {
  checkScriptUser(setting);
  if (setting === "server") return undefined;
  if (setting !== "nobody") return { uid: setting.uid, gid: setting.gid };
  if (Deno.build.os === "windows") return undefined;
  return runsAsRoot(file) ? nobodyFound ??= findNobody() : undefined;
}

function isId(id: unknown): id is number {
  return Number.isInteger(id) && id as number >= 0 &&
    id as number <= LARGEST_ID;
}

/**
 * Whether this process is root's. Deno tells that only to who has --allow-sys,
 * and nobody who runs scripts should need it: so a script is started as root
 * with an argument that is too long for any program. Who is not root may not
 * even try; who is, is told of the argument, and nothing was run.
 */
function runsAsRoot(file: string): boolean {
  if (runsAsRootFound !== undefined) return runsAsRootFound;
  return runsAsRootFound = isGranted({ name: "sys", kind: "uid" })
    ? Deno.uid() === 0
    : mayRunAsRoot(file);
}

/** @throws {ScriptError} If something else keeps programs from being started. */
function mayRunAsRoot(file: string): boolean {
  try {
    new Deno.Command(file, {
      args: ["x".repeat(TOO_LONG_ARGUMENT)],
      uid: 0,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EPERM") return false;
    if (code === "E2BIG") return true;
    throw new ScriptError(500, message);
  }
  throw new ScriptError(500, "it cannot be told whether the server is root's");
}

/**
 * Nobody's numbers: of the list of users where that may be read, else those that
 * most systems have. On Linux 65534 is also what the kernel takes for users that
 * it cannot name, user_namespaces(7); on macOS it is -2.
 */
function findNobody(): CGIUser {
  const path = "/etc/passwd";
  if (isGranted({ name: "read", path })) {
    try {
      const found = /^nobody:[^:\n]*:(\d+):(\d+):/m.exec(
        Deno.readTextFileSync(path),
      );
      if (found !== null) {
        return { uid: Number(found[1]), gid: Number(found[2]) };
      }
    } catch {
      // A system without such a list has these, too.
    }
  }
  const id = Deno.build.os === "darwin" ? LARGEST_ID : 65_534;
  return { uid: id, gid: id };
}
