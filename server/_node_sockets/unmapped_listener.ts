import { mappedIPv4 } from "../../handlers/_ip_text.ts";
import { WrappedListener } from "./wrapped_listener.ts";

/**
 * Whether clients of a listener may have an address of IPv4 that is written as one
 * of IPv6: where it listens on both.
 */
export function mayMap({ addr }: { readonly addr: Deno.NetAddr }): boolean {
  return addr.hostname.includes(":");
}

/** A listener on IPv6 that tells addresses of IPv4 as such. */
export class UnmappedListener
  extends WrappedListener<Deno.TcpConn, Deno.TcpConn, Deno.NetAddr> {
  protected override wrap(connection: Deno.TcpConn): Deno.TcpConn {
    for (const name of ["localAddr", "remoteAddr"] as const) {
      const address = connection[name];
      const hostname = mappedIPv4(address.hostname);
      if (hostname === undefined) continue;
      Object.defineProperty(connection, name, {
        value: { ...address, hostname },
      });
    }
    return connection;
  }
}
