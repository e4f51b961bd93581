import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { Reply } from "./_replies.ts";

/** The bytes of a text each of whose characters is one. */
export function bytesIn(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The body of a reply, out of its content coding. */
export function decoded({ headers, body }: Reply): string {
  const bytes = bytesIn(body);
  switch (headers.get("content-encoding")) {
    case "br":
      return new TextDecoder().decode(brotliDecompressSync(bytes));
    case "gzip":
      return new TextDecoder().decode(gunzipSync(bytes));
    case null:
      return new TextDecoder().decode(bytes);
  }
  throw new TypeError("The reply is in another coding");
}

/** Text that is shorter when it is compressed, and has `length` bytes. */
export function wordy(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) {
    text += `${i * 7919 % 1000} is no word, and ${i} is another; `;
  }
  return text.slice(0, length);
}
