import type { ProxyHeader } from "../../handlers/proxy_header.ts";
import { readV1, SIGNATURE_V1 } from "./header_v1.ts";
import { readV2, SIGNATURE_V2 } from "./header_v2.ts";

/** What the first bytes of a connection are. */
export type Beginning =
  /** A header and its length, in bytes. */
  | { readonly header: ProxyHeader; readonly length: number }
  /** A part of a header, beyond doubt or perhaps. */
  | "header to come"
  | "perhaps a header"
  | "no header";

/**
 * Looks at the first bytes of a connection.
 *
 * @param bytes All that has come.
 * @param maxLength The longest header that is taken, in bytes.
 * @throws {Deno.errors.InvalidData} If they are a header that breaks the protocol.
 */
export function lookAt(bytes: Uint8Array, maxLength: number): Beginning {
  if (begins(bytes, SIGNATURE_V2)) {
    return bytes.length < SIGNATURE_V2.length
      ? "perhaps a header"
      : readV2(bytes, maxLength) ?? "header to come";
  }
  if (begins(bytes, SIGNATURE_V1)) {
    return bytes.length < SIGNATURE_V1.length
      ? "perhaps a header"
      : readV1(bytes) ?? "header to come";
  }
  return "no header";
}

/** Whether they are equal as far as both go. */
function begins(bytes: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.min(bytes.length, signature.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== signature[i]) return false;
  }
  return true;
}
