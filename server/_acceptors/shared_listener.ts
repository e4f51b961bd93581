/**
 * One listening socket for all threads of the process that ask for it.
 *
 * `Deno.listen` has an option `loadBalanced`, which is in Deno's source and not in
 * its types: listeners with the same address in one process then share one socket,
 * and whoever is free accepts. They find one another by the address as it was
 * asked for, so two servers that both ask for port 0, or both for a port that is
 * taken, would share one without knowing. So a port is first taken for this server
 * alone, by a listener that shares nothing, and then listened at again.
 */

import { isGranted } from "../../handlers/_granted.ts";

/** How many ports are tried, where each was taken by somebody else meanwhile. */
const MOST_TRIES = 100;

/** The options of `Deno.listen`, as this version has them. */
type ShareableOptions = Deno.TcpListenOptions & {
  readonly loadBalanced?: boolean;
};

/** Why a socket cannot be shared. */
export interface Unshared {
  /** What is missing, as the end of a sentence. */
  readonly missing: string;
}

/**
 * Listens where other threads can listen too.
 *
 * @param options Those of `Deno.listen`.
 * @returns The listener, or why other threads cannot listen there.
 * @throws What `Deno.listen` throws.
 */
export function listenShared(
  options: Deno.TcpListenOptions,
): Deno.TcpListener | Unshared {
  const chosen = options.port !== 0;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    // Throws what is wrong with the address, and where somebody has the port.
    const alone = Deno.listen(options);
    const { port } = alone.addr;
    // Between the two listeners of one server, another thread could have the same
    // port chosen and share it. Each that was chosen a port listens at its
    // neighbour as well meanwhile, and gives way where it cannot. Linux chooses
    // odd ports for those who listen and even ones for clients, whose ports stay
    // taken for a minute, so the neighbour is the next of the same kind.
    const neighbour = chosen ? undefined : listenAt({
      ...options,
      port: port ^ 2,
    });
    alone.close();
    if (neighbour === null) continue;
    try {
      if (!isPermitted(options.hostname, port)) {
        return { missing: `permission to listen on port ${port}` };
      }
      const shared = joinListener({ ...options, port });
      if (canJoin(options, port)) return shared;
      shared.close();
      return {
        missing: `a Deno that lets threads share a listening socket`,
      };
    } catch (error) {
      if (chosen || !(error instanceof Deno.errors.AddrInUse)) throw error;
    } finally {
      neighbour?.close();
    }
  }
  return { missing: "a free port" };
}

/** Listens where another thread of this process does. */
export function joinListener(
  options: Deno.TcpListenOptions,
): Deno.TcpListener {
  return Deno.listen(sharedOptions(options));
}

/** What to tell `Deno.listen` to listen where another thread does. */
export function sharedOptions(
  options: Deno.TcpListenOptions,
): Deno.TcpListenOptions & { transport?: "tcp" } {
  // An address of TLS has more, which is nobody's business here.
  const { hostname, port, tcpBacklog } = options;
  const shared: ShareableOptions = {
    ...hostname === undefined ? {} : { hostname },
    ...tcpBacklog === undefined ? {} : { tcpBacklog },
    port: port ?? 0,
    loadBalanced: true,
  };
  return shared as Deno.TcpListenOptions & { transport?: "tcp" };
}

/** Whether a second listener at the same address is let in. */
function canJoin(options: Deno.TcpListenOptions, port: number): boolean {
  try {
    joinListener({ ...options, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Listens, if that may be and nobody else does: `null` if somebody does. */
function listenAt(
  options: Deno.TcpListenOptions,
): Deno.TcpListener | null | undefined {
  if (!isPermitted(options.hostname, options.port!)) return undefined;
  try {
    return Deno.listen(options);
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}

/** Whether listening there needs nobody to be asked. */
function isPermitted(hostname = "0.0.0.0", port: number): boolean {
  const host = hostname.includes(":") && !hostname.startsWith("[")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
  return isGranted({ name: "net", host });
}
