import { countIn, countOut, type Traffic } from "../../handlers/_traffic.ts";
import { addBorrower } from "../../handlers/streams/_lending.ts";
import { WrappedConnection } from "../../handlers/_wrapped_connection.ts";

/**
 * A connection that notes when it last carried a byte, and counts them. Only servers
 * with an `idleTimeout` or `countBytes` wrap their connections in it.
 */
export class IdleConnection<Address extends Deno.Addr>
  extends WrappedConnection<Address> {
  /** When a byte was last read or written, in `performance.now()` time. */
  lastActive: number = performance.now();
  /** Where its bytes are counted, once its request has begun. */
  traffic: Traffic | undefined;

  override async read(buffer: Uint8Array): Promise<number | null> {
    const n = await this.inner.read(buffer);
    this.lastActive = performance.now();
    if (n !== null && this.traffic !== undefined) countIn(this.traffic, n);
    return n;
  }

  override async write(data: Uint8Array): Promise<number> {
    const n = await this.inner.write(data);
    this.lastActive = performance.now();
    if (this.traffic !== undefined) countOut(this.traffic, n);
    return n;
  }
}

addBorrower(IdleConnection.prototype);
