import { addBorrower } from "../../handlers/streams/_lending.ts";
import { WrappedConnection } from "../_core/wrapped_connection.ts";

/**
 * A connection that notes when it last carried a byte. Only servers with an
 * `idleTimeout` wrap their connections in it.
 */
export class IdleConnection<Address extends Deno.Addr>
  extends WrappedConnection<Address> {
  /** When a byte was last read or written, in `performance.now()` time. */
  lastActive: number = performance.now();

  override async read(buffer: Uint8Array): Promise<number | null> {
    const n = await this.inner.read(buffer);
    this.lastActive = performance.now();
    return n;
  }

  override async write(data: Uint8Array): Promise<number> {
    const n = await this.inner.write(data);
    this.lastActive = performance.now();
    return n;
  }
}

addBorrower(IdleConnection.prototype);
