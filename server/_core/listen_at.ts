import {
  checkAddress,
  checkHostname,
  checkPort,
} from "../../handlers/_check_address.ts";
import { missingOf, needsOfHost } from "../../handlers/_granted.ts";

/** What is easily taken for parts of an address, as `Deno.serve` has some of it. */
const ELSEWHERE = [
  {
    keys: [
      ...["backlog", "maxConnections", "signal", "idleTimeout"],
      ...["onListen", "onError"],
    ],
    where: "options, the third argument",
  },
  { keys: ["handler"], where: "second argument" },
];

/** An address to listen at. */
interface ListenAddress {
  readonly hostname?: string;
  readonly port: number;
}

/**
 * Listens on a host and port. What Deno throws keeps its class, and gets a
 * message that names the address and the remedy.
 *
 * @param transport The only `transport` that the address may name, as the `addr`
 * of a server does.
 * @param address Where to listen.
 * @param more The keys that such an address may have beside those two.
 * @param listen Opens the socket.
 * @throws {RangeError} If the port is out of range.
 * @throws {TypeError} If the address is no object, has another key, or one of
 * another type.
 */
export function listenAt<Socket>(
  transport: "tcp" | "udp",
  address: ListenAddress,
  more: readonly string[],
  listen: () => Socket,
): Socket {
  const action = "create server";
  checkAddress(
    "host",
    address,
    ["hostname", "port", "transport", ...more],
    action,
    ELSEWHERE,
  );
  const { transport: said = transport } = address as { transport?: unknown };
  if (said !== transport) {
    throw new TypeError(
      `Cannot create server: transport must be "${transport}", received ${
        Deno.inspect(said)
      }`,
    );
  }
  const { hostname = "0.0.0.0", port } = address;
  checkPort(port, 0, action);
  // Deno takes the brackets that a URL has, too.
  const bare = /^\[(.+)\]$/.exec(hostname)?.[1] ?? hostname;
  checkHostname(bare, action);
  try {
    return listen();
  } catch (error) {
    // Deno names no more of the flag than that there is one.
    if (error instanceof Deno.errors.NotCapable) {
      throw missingOf(
        needsOfHost({ hostname: bare, port }),
        "listen on",
        error,
      ) ??
        error;
    }
    const remedy = remedyOf(error);
    if (remedy === undefined) throw error;
    const Same = (error as Error).constructor as ErrorConstructor;
    throw new Same(
      `Cannot listen on ${hostname}:${port}: ${
        (error as Error).message
      }; ${remedy}`,
      { cause: error },
    );
  }
}

function remedyOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.AddrInUse) {
    return "stop the program that has it, or choose another port, 0 for any that is free";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "the address must be one of this machine's";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "ports below 1024 take a privileged user";
  }
  if (
    error instanceof Error &&
    /failed to lookup address|no such host|resolved address/i.test(
      error.message,
    )
  ) {
    return "the host name must resolve";
  }
  return undefined;
}
