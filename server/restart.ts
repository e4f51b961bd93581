import { isGranted } from "../handlers/_granted.ts";
import { LONGEST_DELAY } from "../handlers/_time_limit.ts";
import { checkKeys } from "../handlers/_known_keys.ts";
import { checkTime } from "./_core/options.ts";
import {
  DESCRIPTOR,
  HANDED_OVER,
  type Inheritable,
  inheritableOf,
} from "./_node_sockets/handover.ts";
import { closeDescriptor, Successor } from "./_node_sockets/successor.ts";
import { DatagramServer } from "./datagram_server.ts";
import type { ShutdownOptions } from "./server_options.ts";
import { UDPServer } from "./udp_server.ts";

const DEFAULT_READY_TIMEOUT = 30_000;

/** A server that can be restarted: one of connections. */
export interface RestartableServer {
  /**
   * Accepts nothing more, and lets what runs finish.
   *
   * @param options How long that may take.
   * @returns A promise that resolves when no request is in progress.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** Options of {@linkcode restart}. */
export interface RestartOptions extends ShutdownOptions {
  /**
   * The arguments of `deno` for the successor, its permissions among them, such as
   * `["run", "--allow-net=0.0.0.0:8080", "--allow-env", "main.ts"]`. It has no
   * permission but those.
   */
  readonly args: readonly string[];
  /**
   * The names that its `inheritedSockets()` tells, one for each server.
   *
   * @default {["unknown"]}
   */
  readonly names?: readonly string[];
  /** What its environment has beside this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * How long it may take until it serves, in milliseconds.
   *
   * @default {30000}
   */
  readonly readyTimeout?: number;
}

/**
 * Has another process go on with the listening sockets of servers, without a client
 * that is refused or reset: starts it, waits until it serves, accepts nothing more
 * here, and waits until all requests have ended.
 *
 * The successor finds the sockets by `inheritedSockets()`, as if systemd had started
 * it, and is ready when it serves each of them. One that does not get ready is
 * ended, and the servers go on as they were.
 *
 * The socket of a server must be inherited itself (`{ fd }`), or have been opened
 * with `inheritable: true`. Two processes that each open the port with `reusePort`
 * are no way to do this: clients in the queue of the one that ends are reset, 1.1 %
 * of them where that was measured.
 *
 * Servers of datagrams cannot be restarted so. Two processes may open the port of a
 * `UDPServer` with `reuseAddress`: on Linux the one that has opened it last gets all
 * that comes from then on, and the other is shut down, which serves what it has.
 *
 * Needs `--allow-run=deno --allow-env`, and is not for Windows.
 *
 * @param servers The server, or several.
 * @param options Its arguments, and how long all may take.
 * @returns The number of its process, when the last request here has ended.
 * @throws {Deno.errors.ConnectionAborted} If the successor ends before it serves.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {Deno.errors.TimedOut} If it does not serve in time.
 * @throws {RangeError} If a time is out of range.
 * @throws {TypeError} If a server's socket cannot be inherited, or an option is not
 * one.
 *
 * @example A server that starts anew on SIGHUP
 * ```ts
 * import { inheritedSockets, restart, TCPServer } from "@wire/socketserver";
 *
 * export async function main(): Promise<void> {
 *   const [socket] = inheritedSockets();
 *   const server = new TCPServer(
 *     socket === undefined
 *       ? { port: 8080, inheritable: true }
 *       : { fd: socket.fd },
 *     async ({ wfile }) => await wfile.write("Thank you for connecting"),
 *   );
 *   const flags = ["--allow-net=0.0.0.0:8080", "--allow-env", "--allow-run=deno"];
 *   Deno.addSignalListener("SIGHUP", async () => {
 *     await restart(server, { args: ["run", ...flags, "main.ts"] });
 *     Deno.exit();
 *   });
 *   await server.serveForever();
 * }
 * ```
 */
export async function restart(
  servers: RestartableServer | readonly RestartableServer[],
  options: RestartOptions,
): Promise<number> {
  const all = Array.isArray(servers) ? servers : [servers];
  const names = checkOptions(all, options);
  checkPermissions();
  const { readyTimeout = DEFAULT_READY_TIMEOUT, gracePeriod } = options;
  const sockets = all.map(socketOf);
  const descriptors: number[] = [];
  let successor: Successor;
  try {
    for (const socket of sockets) descriptors.push(socket[DESCRIPTOR]());
    successor = new Successor(
      options.args,
      { ...Deno.env.toObject(), ...options.env },
      descriptors,
      names,
    );
  } finally {
    for (const descriptor of descriptors) closeDescriptor(descriptor);
  }
  await successor.ready(Math.min(readyTimeout, LONGEST_DELAY));
  for (const socket of sockets) socket[HANDED_OVER]();
  await Promise.all(
    all.map((server) =>
      server.shutdown(gracePeriod === undefined ? {} : { gracePeriod })
    ),
  );
  return successor.pid;
}

function socketOf(server: object, i: number): Inheritable {
  const socket = inheritableOf(server);
  if (socket !== undefined) return socket;
  throw new TypeError(`Cannot restart server ${i}: ${whyNot(server)}`);
}

function whyNot(server: object): string {
  if (server instanceof UDPServer) {
    return "a socket of datagrams cannot be inherited; open it with reuseAddress: true, have another process listen at its address in the same way, which on Linux gets all that comes from then on, and then shut this server down";
  }
  if (server instanceof DatagramServer) {
    return "a socket of datagrams cannot be inherited; shut it down, and start the other process when that is over";
  }
  return "its socket cannot be inherited; open it with inheritable: true, or have systemd start this process with it";
}

/** Checks first what Deno would ask for. */
function checkPermissions(): void {
  const needs = [
    [{ name: "env" }, "env access", "--allow-env"],
    [
      { name: "run", command: "deno" },
      `run access to "deno"`,
      "--allow-run=deno",
    ],
  ] as const;
  for (const [descriptor, access, flag] of needs) {
    if (isGranted(descriptor)) continue;
    throw new Deno.errors.NotCapable(
      `Cannot restart: requires ${access}, run again with ${flag}`,
    );
  }
}

/** @returns The names of the sockets. */
function checkOptions(
  servers: readonly unknown[],
  options: RestartOptions,
): readonly string[] {
  checkKeys(
    "option",
    options,
    ["args", "names", "env", "readyTimeout", "gracePeriod"],
    undefined,
    "restart",
  );
  const { args, readyTimeout = DEFAULT_READY_TIMEOUT } = options;
  checkTime("readyTimeout", readyTimeout);
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string")) {
    throw new TypeError(
      `Cannot restart: args must be the arguments of deno, received ${
        Deno.inspect(args)
      }`,
    );
  }
  const { names = servers.map(() => "unknown") } = options;
  const isName = (name: unknown) =>
    typeof name === "string" && /^[^:\0]+$/.test(name);
  if (names.length === servers.length && names.every(isName)) return names;
  throw new TypeError(
    `Cannot restart: names must be one for each server, without a colon, received ${
      Deno.inspect(names)
    }`,
  );
}
