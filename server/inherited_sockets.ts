import { expectServing, isSuccessor } from "./_node_sockets/handover.ts";
import type { InheritedAddress } from "./_node_sockets/adopt.ts";
import { readVariable } from "./_node_sockets/variable.ts";

/** The first descriptor that systemd passes; sd_listen_fds(3). */
const FIRST = 3;
/** More descriptors than a process may usually have. */
const MOST = 65_536;

/** A listening socket that this process was started with, and its name. */
export interface InheritedSocket extends InheritedAddress {
  /** What the socket unit's `FileDescriptorName=` says, `"unknown"` without. */
  readonly name: string;
}

/**
 * Lists the sockets that this process was started with by systemd, or by whoever
 * speaks its protocol: `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`, see
 * sd_listen_fds(3); or by `restart()`. Give one to a server as its address.
 *
 * Needs `--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES`.
 *
 * @returns The sockets in their order, none where `LISTEN_PID` is another process's
 * or missing.
 * @throws {Deno.errors.InvalidData} If `LISTEN_FDS` is no number of sockets.
 * @throws {Deno.errors.NotCapable} If the env permission is missing.
 *
 * @example A server that systemd starts
 * ```ts
 * import { inheritedSockets, TCPServer } from "@wire/socketserver";
 *
 * export function serve(): TCPServer {
 *   const socket = inheritedSockets().find(({ name }) => name === "web");
 *   return new TCPServer(
 *     socket === undefined ? { port: 1234 } : { fd: socket.fd },
 *     async ({ wfile }) => await wfile.write("Thank you for connecting"),
 *   );
 * }
 * ```
 */
export function inheritedSockets(): InheritedSocket[] {
  const read = (name: string) => readVariable(name, "list inherited sockets");
  const pid = read("LISTEN_PID");
  const isHandedOver = isSuccessor(pid);
  if (pid !== String(Deno.pid) && !isHandedOver) return [];
  const said = read("LISTEN_FDS") ?? "0";
  const count = /^\d{1,5}$/.test(said) ? Number(said) : Infinity;
  if (count > MOST) {
    throw new Deno.errors.InvalidData(
      `Cannot list inherited sockets: LISTEN_FDS must be their number, received ${
        Deno.inspect(said, { strAbbreviateSize: 40 })
      }`,
    );
  }
  if (isHandedOver) expectServing(FIRST, count);
  const names = read("LISTEN_FDNAMES")?.split(":") ?? [];
  return Array.from({ length: count }, (_, i) => ({
    fd: FIRST + i,
    name: names[i] || "unknown",
  }));
}
