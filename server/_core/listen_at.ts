import { checkKeys } from "../../handlers/_known_keys.ts";
import { checkPort } from "./options.ts";

/** Options that are easily taken for parts of an address. */
const OPTIONS = ["backlog", "maxConnections", "signal", "idleTimeout"];

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
 * @throws {TypeError} If the address has another key.
 */
export function listenAt<Socket>(
  transport: "tcp" | "udp",
  address: ListenAddress,
  more: readonly string[],
  listen: () => Socket,
): Socket {
  checkKeys("address key", address, [
    ...["hostname", "port", "transport"],
    ...more,
  ], { keys: OPTIONS, where: "options, the third argument" });
  checkPort(address);
  const { transport: said = transport } = address as { transport?: unknown };
  if (said !== transport) {
    throw new TypeError(
      `Cannot create server: transport must be "${transport}", received ${
        Deno.inspect(said)
      }`,
    );
  }
  try {
    return listen();
  } catch (error) {
    const remedy = remedyOf(error);
    if (remedy === undefined) throw error;
    const { hostname = "0.0.0.0", port } = address;
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
