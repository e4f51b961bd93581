import { WrappedListener } from "./wrapped_listener.ts";

/** How IPv6 writes an address of IPv4 (RFC 4291, section 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Whether clients of a listener may have an address of IPv4 that is written as one
 * of IPv6: where it listens on both.
 */
export function mayMap({ addr }: { readonly addr: Deno.NetAddr }): boolean {
  return addr.hostname.includes(":");
}

/** A listener on IPv6 that tells addresses of IPv4 as such. */
export class UnmappedListener extends WrappedListener<Deno.TcpConn> {
  protected override wrap(connection: Deno.TcpConn): Deno.TcpConn {
    for (const name of ["localAddr", "remoteAddr"] as const) {
      const address = connection[name];
      const mapped = MAPPED.exec(address.hostname);
      if (mapped === null) continue;
      Object.defineProperty(connection, name, {
        value: { ...address, hostname: mapped[1] },
      });
    }
    return connection;
  }
}
