import { readAll } from "../_loopback.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Sends bytes on a connection of their own and reads to its end.
 *
 * @returns What came back.
 */
export async function exchange(
  addr: Deno.NetAddr,
  ...parts: readonly string[]
): Promise<string> {
  const connection = await Deno.connect({
    hostname: addr.hostname,
    port: addr.port,
  });
  for (const part of parts) await connection.write(encoder.encode(part));
  return await readAll(connection);
}

/** Reads until what has come ends like this. */
export async function readUntil(
  connection: Deno.Conn,
  end: string,
): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(64 * 1024);
  while (!text.endsWith(end)) {
    const n = await connection.read(buffer);
    if (n === null) throw new Error(`The connection ended after: ${text}`);
    text += decoder.decode(buffer.subarray(0, n), { stream: true });
  }
  return text;
}

/** Reads until what has come fits, or the end. */
export async function readMatch(
  connection: Deno.Conn,
  ending: RegExp = /./s,
): Promise<string> {
  const buffer = new Uint8Array(10_000);
  let text = "";
  while (!ending.test(text)) {
    const n = await connection.read(buffer);
    if (n === null) break;
    text += decoder.decode(buffer.subarray(0, n));
  }
  return text;
}

/** A request that ends its connection. */
export function closing(line: string, ...headers: readonly string[]): string {
  return [line, "Host: test", "Connection: close", ...headers, "", ""]
    .join("\r\n");
}
