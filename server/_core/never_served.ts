import { describeAddress } from "../../handlers/_describe_address.ts";

/** A server, as a message names it. */
interface Named {
  readonly constructor: { readonly name: string };
  readonly addr: Deno.Addr;
}

/** Servers that were neither told to serve nor closed. */
const idle = new Set<Named>();

/**
 * Notes a server that has not served yet. A program that forgets to tell it to
 * ends at once, with exit code 0, and is told why.
 */
export function awaitServing(server: Named): void {
  if (idle.size === 0) addEventListener("unload", tell);
  idle.add(server);
}

/** Forgets a server that serves, or is closed. */
export function forgetServing(server: Named): void {
  if (idle.delete(server) && idle.size === 0) {
    removeEventListener("unload", tell);
  }
}

function tell(): void {
  for (const server of idle) {
    console.warn(
      `${server.constructor.name} on ${
        describeAddress(server.addr)
      } was never told to serve; call serveForever() or handleRequest()`,
    );
  }
}
