import { checkPort } from "./options.ts";

/**
 * Listens on a host and port. What Deno throws keeps its class, and gets a
 * message that names the address and the remedy.
 *
 * @throws {RangeError} If the port is out of range.
 */
export function listenAt<Socket>(
  address: { readonly hostname?: string; readonly port: number },
  listen: () => Socket,
): Socket {
  checkPort(address);
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
