import { PROXIED } from "../../handlers/_proxied.ts";
import { addBorrower } from "../../handlers/streams/_lending.ts";
import {
  giveBuffer,
  SMALL_BUFFER,
  takeBuffer,
} from "../../handlers/streams/_small_buffers.ts";
import type { ProxyHeader } from "../../handlers/proxy_header.ts";
import { WrappedConnection } from "../../handlers/_wrapped_connection.ts";
import { lengthOfV2 } from "./header_v2.ts";
import { noHeader } from "./malformed.ts";
import { type Beginning, lookAt } from "./read_header.ts";

/** What a connection begins with. */
export type Begun =
  /** A header has come, or the first bytes are none and need be none. */
  | "client"
  /** Nothing has come, and nothing will. */
  | "nobody";

/**
 * A connection that may begin with a PROXY header. Once that has been received it
 * reads what comes behind.
 */
export class ProxiedConnection<Address extends Deno.Addr>
  extends WrappedConnection<Address> {
  #header: ProxyHeader | undefined;
  /** What came with the header, and was not read. */
  #held: Uint8Array | undefined;

  override get [PROXIED](): this {
    return this;
  }

  /** The header, if one has come. */
  get header(): ProxyHeader | undefined {
    return this.#header;
  }

  override read(buffer: Uint8Array): Promise<number | null> {
    return this.#held === undefined
      ? this.inner.read(buffer)
      : Promise.resolve(this.#takeHeld(this.#held, buffer));
  }

  #takeHeld(held: Uint8Array, buffer: Uint8Array): number {
    const n = Math.min(held.length, buffer.length);
    buffer.set(n < held.length ? held.subarray(0, n) : held);
    this.#held = n < held.length ? held.subarray(n) : undefined;
    return n;
  }

  /**
   * Receives the header. Called once, before anything else is read.
   *
   * @param maxLength The longest that is taken, in bytes.
   * @param isOptional Whether other bytes may come in its place.
   * @throws {Deno.errors.InvalidData} If it breaks the protocol, or is missing.
   * @throws {Deno.errors.UnexpectedEof} If the connection ends inside it.
   */
  async receive(maxLength: number, isOptional: boolean): Promise<Begun> {
    let buffer = takeBuffer(SMALL_BUFFER);
    let length = 0;
    try {
      let n: number | null;
      let bytes: Uint8Array;
      let found: Beginning;
      do {
        if (length === buffer.length) buffer = larger(buffer);
        n = await this.inner.read(
          length === 0 ? buffer : buffer.subarray(length),
        );
        length += n ?? 0;
        bytes = buffer.subarray(0, length);
        found = lookAt(bytes, maxLength);
      } while (n !== null && n !== 0 && isPart(found));
      return this.#begin(bytes, found, isOptional);
    } catch (error) {
      const isGone = length === 0 &&
        error instanceof Deno.errors.ConnectionReset;
      if (isGone) return "nobody";
      throw error;
    } finally {
      giveBuffer(buffer);
    }
  }

  #begin(bytes: Uint8Array, found: Beginning, isOptional: boolean): Begun {
    if (typeof found === "object") {
      this.#header = found.header;
      this.#hold(bytes, found.length);
      return "client";
    }
    if (isOptional && found !== "header to come") {
      this.#hold(bytes, 0);
      return "client";
    }
    if (bytes.length === 0) return "nobody";
    if (found === "no header") throw noHeader();
    throw new Deno.errors.UnexpectedEof(
      `Cannot read the PROXY header: the connection ended after ${bytes.length} bytes of it`,
    );
  }

  #hold(bytes: Uint8Array, from: number): void {
    if (bytes.length > from) this.#held = bytes.slice(from);
  }
}

addBorrower(ProxiedConnection.prototype);

function isPart(found: Beginning): boolean {
  return found === "perhaps a header" || found === "header to come";
}

/**
 * Makes room for a whole header where a small buffer is full of the first part of
 * it: then it is of version 2, and says how long it is.
 */
function larger(full: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const buffer = takeBuffer(lengthOfV2(full));
  buffer.set(full);
  giveBuffer(full);
  return buffer;
}
