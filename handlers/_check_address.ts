import { checkKeys, type Elsewhere } from "./_known_keys.ts";
import { inspectBounded } from "./_inspect_bounded.ts";

/** What an address is written like, by its kind. */
const FORMS = {
  host: '{ hostname: "127.0.0.1", port: 8000 }',
  path: '{ path: "/run/name.sock" }',
} as const;

/** Keys of addresses of another kind. */
const OF_OTHERS: Readonly<Record<keyof typeof FORMS, Elsewhere>> = {
  host: { keys: ["path"], where: "address of a Unix socket" },
  path: { keys: ["host", "hostname", "port"], where: "address of a host" },
};

/**
 * Checks that an address is an object, as an array or a text is in other languages,
 * and that it has no other keys than those that are looked at.
 *
 * @param kind What it is the address of: a host and port, or a path.
 * @param address The address.
 * @param known The keys that it may have.
 * @param action What fails otherwise.
 * @param elsewhere Keys that belong somewhere else.
 * @throws {TypeError} If it is no such object.
 */
export function checkAddress(
  kind: keyof typeof FORMS,
  address: object,
  known: readonly string[],
  action: string,
  elsewhere: readonly Elsewhere[] = [],
): void {
  checkIsAddress(kind, address, action);
  checkKeys(
    "address key",
    address,
    known,
    [...elsewhere, OF_OTHERS[kind]],
    action,
  );
}

/** @throws {TypeError} If an address is no object with keys. */
export function checkIsAddress(
  kind: keyof typeof FORMS,
  address: unknown,
  action: string,
): void {
  if (
    typeof address === "object" && address !== null && !Array.isArray(address)
  ) return;
  throw new TypeError(
    `Cannot ${action}: the address must be an object, received ${
      inspectBounded(address)
    }; write one such as ${FORMS[kind]}`,
  );
}

/**
 * Checks the host of an address.
 *
 * @throws {TypeError} If it is neither a name nor an IP address, as with a port.
 */
export function checkHostname(hostname: unknown, action: string): void {
  if (
    typeof hostname === "string" && /^[^\s[\]/]+$/.test(hostname) &&
    // An address of IPv6 has more of them.
    hostname.split(":").length !== 2
  ) return;
  throw new TypeError(
    `Cannot ${action}: hostname must be a name or an IP address, received ${
      inspectBounded(hostname)
    }; write the port as port, and IPv6 without brackets`,
  );
}

/**
 * Checks the port of an address.
 *
 * @param least 0 where the system may choose one.
 * @throws {RangeError} If it is not an integer from `least` to 65,535.
 * @throws {TypeError} If it is no number.
 */
export function checkPort(port: unknown, least: 0 | 1, action: string): void {
  if (typeof port !== "number") {
    throw new TypeError(
      `Cannot ${action}: port must be a number, received ${
        inspectBounded(port)
      }${typeof port === "string" ? "; convert it by Number()" : ""}`,
    );
  }
  if (Number.isInteger(port) && port >= least && port <= 65_535) return;
  throw new RangeError(
    `Cannot ${action}: port must be an integer from ${least} to 65535, received ${port}`,
  );
}
