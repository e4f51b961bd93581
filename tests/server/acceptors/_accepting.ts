import {
  type TCPServerOptions,
  type ThreadingOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../../server/testing/mod.ts";
import { order } from "../threads/_threads.ts";
import { Commanded } from "./_accepted_handlers.ts";

/** A server whose threads accept, which notes whose errors it is told of. */
export class Accepting extends ThreadingTCPServer {
  readonly clients: (Deno.NetAddr | undefined)[] = [];
  override handleError(
    _error: unknown,
    _request?: Deno.TcpConn,
    client?: Deno.NetAddr,
  ): void {
    this.clients.push(client);
  }
}

/** Such a server, which serves. */
export function startAccepting(
  options: TCPServerOptions & ThreadingOptions = {},
  servedOptions: ServedOptions = {},
): Promise<TestServer<Accepting>> {
  return serveForTest(Commanded, {
    server: Accepting,
    options: { workers: 2, accept: "threads", ...options },
    ...servedOptions,
  });
}

export const soon = <T>(coming: Promise<T>): Promise<T> =>
  patiently(coming, () => "an answer");

/** Gives an order, and reads what comes first. */
export async function begin(
  address: Deno.ConnectOptions,
  line: string,
): Promise<{ client: Deno.Conn; answer: string }> {
  const client = await order(address, line);
  const buffer = new Uint8Array(100);
  const n = await soon(client.read(buffer));
  return { client, answer: new TextDecoder().decode(buffer.subarray(0, n!)) };
}

/** Clients that are held, one on each of so many threads. */
export async function holdAll(
  address: Deno.ConnectOptions,
  threads: number,
): Promise<{ client: Deno.Conn; answer: string }[]> {
  const held = new Map<string, { client: Deno.Conn; answer: string }>();
  for (let tries = 0; held.size < threads; tries++) {
    if (tries > 100) throw new Error("Expected more threads to take part");
    const begun = await begin(address, "thread, then lines");
    // One that stayed might take the last place of a server that has few.
    if (held.has(begun.answer)) begun.client.close();
    else held.set(begun.answer, begun);
  }
  return [...held.values()];
}
