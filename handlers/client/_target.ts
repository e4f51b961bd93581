import { checkAddress, checkHostname, checkPort } from "../_check_address.ts";
import {
  missingOf,
  type Needs,
  needsOfHost,
  needsOfPath,
} from "../_granted.ts";

/** How many addresses are remembered that may be reached: to ask takes 8 µs. */
const MOST_REMEMBERED = 1_024;

const permitted = new Set<string>();

/** Where to connect to over a network. */
export interface HostAddress {
  /** @ignore */
  readonly transport?: "tcp" | "udp";
  /**
   * A name or an IP address.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /** The port, 1 to 65,535. */
  readonly port: number;
}

/** Where to connect to on this machine. */
export interface PathAddress {
  /** @ignore */
  readonly transport?: "unix" | "unixpacket";
  /**
   * The path of the socket's file; `"\0name"` is Linux's abstract namespace,
   * unix(7).
   */
  readonly path: string | null;
}

/** Where to connect to, checked and permitted. */
export type Target =
  | { readonly text: string; readonly hostname: string; readonly port: number }
  | { readonly text: string; readonly path: string };

/**
 * Checks an address, and that this process may connect there: Deno would ask in a
 * terminal, and all of the process would wait for the answer.
 *
 * @param address Where to connect to.
 * @param transports What it may say that it is of: over a network, and on paths.
 * @param action What fails otherwise.
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 * @throws {RangeError} If the port is out of range.
 * @throws {TypeError} If a key is unknown, or has another type.
 */
export function checkTarget(
  address: HostAddress | PathAddress,
  transports: readonly [network: string, path: string],
  action: string,
): Target {
  const isPath = typeof address === "object" && address !== null &&
    "path" in address;
  checkAddress(
    isPath ? "path" : "host",
    address,
    isPath ? ["path", "transport"] : ["hostname", "port", "transport"],
    action,
  );
  const transport = transports[isPath ? 1 : 0]!;
  if ((address.transport ?? transport) !== transport) {
    throw new TypeError(
      `Cannot ${action}: transport must be "${transport}", received ${
        Deno.inspect(address.transport)
      }`,
    );
  }
  const target = isPath ? pathOf(address, action) : hostOf(address, action);
  checkPermitted(
    "path" in target ? needsOfPath(target.path) : needsOfHost(target),
    `${action} to`,
  );
  return target;
}

/**
 * @param action What is done with the address, such as "connect to".
 * @throws {Deno.errors.NotCapable} If a permission is missing.
 */
export function checkPermitted(needs: Needs, action: string): void {
  if (permitted.has(needs.key)) return;
  const missing = missingOf(needs, action);
  if (missing !== undefined) throw missing;
  if (permitted.size === MOST_REMEMBERED) permitted.clear();
  permitted.add(needs.key);
}

function pathOf({ path }: PathAddress, action: string): Target {
  if (typeof path === "string" && path !== "") {
    return { text: JSON.stringify(path), path };
  }
  throw new TypeError(
    `Cannot ${action}: path must be that of a socket, received ${
      Deno.inspect(path)
    }`,
  );
}

function hostOf(
  { hostname = "127.0.0.1", port }: HostAddress,
  action: string,
): Target {
  checkPort(port, 1, action);
  checkHostname(hostname, action);
  const text = hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
  return { text, hostname, port };
}
