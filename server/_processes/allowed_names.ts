import type { MayResolve } from "../_bridge/near_datagram.ts";

/**
 * Says which names of hosts a process with such a permission may have looked up:
 * those that it could look up itself.
 *
 * @param net The permission for the network that it is given.
 */
export function allowedNames(
  net: Deno.PermissionOptionsObject["net"],
): MayResolve {
  if (net === true) return () => true;
  if (!Array.isArray(net)) return () => false;
  const allowed = new Set<string>(net.map((item) => item.toLowerCase()));
  return (hostname, port) => {
    const name = hostname.toLowerCase();
    return allowed.has(name) || allowed.has(`${name}:${port}`);
  };
}
