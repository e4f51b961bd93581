import type { ProxyHeader } from "../../handlers/proxy_header.ts";

/** A PROXY header as JSON, in which bytes are an object that has them in base64. */
export function packProxy(header: ProxyHeader): string {
  return JSON.stringify(
    header,
    (_, value: unknown) =>
      value instanceof Uint8Array ? { bytes: value.toBase64() } : value,
  );
}

/** The header that was packed. */
export function unpackProxy(packed: string): ProxyHeader {
  const header: ProxyHeader = JSON.parse(packed, (_, value) => {
    const bytes: unknown = value?.bytes;
    return typeof bytes === "string" ? Uint8Array.fromBase64(bytes) : value;
  });
  // JSON leaves out what is undefined.
  const { source, destination } = header;
  return { ...header, source, destination };
}
