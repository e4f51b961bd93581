/** Checks of what threads tell the main thread, which believes none of it. */

/** The longest text of an IP address, with a zone. */
const LONGEST_HOSTNAME = 255;

/** Whether it is a number of things. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** Whether it is the number of a request. */
export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number > 0;
}

/** The address of a client, if it is one. */
export function readClient(client: unknown): Deno.NetAddr | undefined {
  const { hostname, port } = (client ?? {}) as {
    readonly hostname?: unknown;
    readonly port?: unknown;
  };
  return typeof hostname === "string" && typeof port === "number" &&
      hostname.length <= LONGEST_HOSTNAME
    ? { hostname, port, transport: "tcp" }
    : undefined;
}
