import { isGranted } from "../handlers/_granted.ts";
import { readVariable } from "./_node_sockets/variable.ts";

/** How long the service manager may take for a message, in milliseconds. */
const MOST_TIME = 5_000;

/**
 * Tells the service manager how this process is: `"READY=1"` when it serves,
 * `"STOPPING=1"` when it shuts down; see sd_notify(3). Several, one a line, go in one
 * message. `"WATCHDOG=1"` is told by {@linkcode sdWatchdog}.
 *
 * Needs `--unstable-net --allow-env=NOTIFY_SOCKET --allow-net`, and `--allow-read`
 * and `--allow-write` of that socket's path, `/run/systemd/notify` mostly.
 *
 * @param state What to tell.
 * @returns Whether there is a service manager that wants to know: without
 * `NOTIFY_SOCKET` in the environment it does nothing.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Deno.errors.NotSupported} If `--unstable-net` is missing.
 * @throws {Deno.errors.TimedOut} If the message is not taken within 5 seconds.
 *
 * @example A service of `Type=notify`
 * ```ts
 * import { sdNotify, TCPServer } from "@wire/socketserver";
 *
 * export async function serve(server: TCPServer): Promise<void> {
 *   const served = server.serveForever();
 *   await sdNotify("READY=1");
 *   await served;
 * }
 * ```
 */
export async function sdNotify(state: string): Promise<boolean> {
  const where = readVariable("NOTIFY_SOCKET", "notify the service manager");
  if (where === undefined || where === "") return false;
  if (Deno.listenDatagram === undefined) {
    throw new Deno.errors.NotSupported(
      'Cannot notify the service manager: Deno has no datagrams of Unix sockets, run again with the --unstable-net flag, or have "unstable": ["net"] in deno.json',
    );
  }
  const path = where.replace(/^@/, "\0");
  checkPermissions(path);
  // The name of an abstract socket, which needs no file and is free afterwards.
  const own = `\0socketserver-notify-${crypto.randomUUID()}`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: own });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.close();
  }, MOST_TIME);
  try {
    await socket.send(new TextEncoder().encode(state), {
      transport: "unixpacket",
      path,
    });
    return true;
  } catch (error) {
    if (!late) throw error;
    throw new Deno.errors.TimedOut(
      `Cannot notify the service manager: it did not take the message within ${MOST_TIME} ms`,
    );
  } finally {
    clearTimeout(timer);
    if (!late) socket.close();
  }
}

/**
 * Checks first what Deno would ask for.
 *
 * @param path Where the message goes.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 */
function checkPermissions(path: string): void {
  const needs: (readonly [Deno.PermissionDescriptor, flag: string])[] = [
    // No flag can name an abstract socket.
    [{ name: "net" }, "--allow-net"],
  ];
  if (!path.startsWith("\0")) {
    for (const name of ["read", "write"] as const) {
      needs.push([{ name, path }, `--allow-${name}=${path}`]);
    }
  }
  const missing = needs.filter(([descriptor]) => !isGranted(descriptor));
  if (missing.length === 0) return;
  const names = missing.map(([{ name }]) => name).join(", ");
  const flags = missing.map(([, flag]) => flag).join(" ");
  throw new Deno.errors.NotCapable(
    `Cannot notify the service manager: requires ${names} access, run again with ${flags}`,
  );
}
