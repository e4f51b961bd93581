import { Folder } from "../../_program.ts";
import { readAll } from "../../_loopback.ts";
import type { Told } from "./_told_handler.ts";

const encoder = new TextEncoder();

export const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  encoder.encode(text);

export const tcp = (hostname: string, port: number): Deno.NetAddr => ({
  ...{ transport: "tcp", hostname, port },
});

/** The ends of a connection over IPv4. */
export const FOUR = {
  source: tcp("192.0.2.7", 56324),
  destination: tcp("192.0.2.11", 443),
};

/** The ends of one over IPv6. */
export const SIX = {
  source: tcp("2001:db8::7", 1),
  destination: tcp("2001:db8::11", 65535),
};

/** Bytes one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Who may send headers in these tests. */
export const LOCAL = ["127.0.0.0/8"];

/** Writes all of something. */
export async function writeAll(
  connection: Deno.Conn,
  data: Uint8Array,
): Promise<void> {
  for (let done = 0; done < data.length;) {
    done += await connection.write(data.subarray(done));
  }
}

/** Connects, sends bytes in parts, ends its side, and reads to the end. */
export async function send(
  address: Deno.Addr,
  ...parts: readonly Uint8Array[]
): Promise<string> {
  const connection = await Deno.connect(address as Deno.ConnectOptions);
  try {
    for (const part of parts) await writeAll(connection, part);
    await connection.closeWrite();
  } catch {
    // A server that refuses may be quicker: what it has sent is read all the same.
  }
  try {
    return await readAll(connection);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return "";
    throw error;
  }
}

/** As `send`, to a handler that tells what it sees. */
export async function told(
  address: Deno.Addr,
  ...parts: readonly Uint8Array[]
): Promise<Told> {
  const text = await send(address, ...parts);
  if (text === "") throw new Error("The server told nothing");
  return JSON.parse(text);
}

/** The path of a socket in a folder of its own. */
export class SocketPath implements AsyncDisposable {
  readonly #folder = new Folder();
  readonly path: string = this.#folder.at("socket");

  [Symbol.asyncDispose](): Promise<void> {
    return this.#folder[Symbol.asyncDispose]();
  }
}
