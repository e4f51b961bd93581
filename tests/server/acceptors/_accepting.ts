import {
  type TCPServerOptions,
  type ThreadingOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { LOOPBACK, Reports, serve } from "../../_serve.ts";
import { order } from "../threads/_threads.ts";
import { Commanded } from "./_accepted_handlers.ts";

/** What a server reported, and of whom. */
export class Told extends Reports {
  readonly clients: (Deno.NetAddr | undefined)[] = [];

  readonly tell = (
    error: unknown,
    _request?: unknown,
    client?: Deno.NetAddr,
  ): void => {
    this.clients.push(client);
    this.take(error);
  };
}

/** A server whose threads accept, which keeps what it reports. */
export class Accepting extends ThreadingTCPServer {
  readonly told = new Told();
  override handleError(
    error: unknown,
    request?: Deno.TcpConn,
    client?: Deno.NetAddr,
  ): void {
    this.told.tell(error, request, client);
  }
}

/** Such a server, which serves. */
export function startAccepting(
  options: TCPServerOptions & ThreadingOptions = {},
): Accepting {
  return serve(
    new Accepting(LOOPBACK, Commanded, {
      workers: 2,
      accept: "threads",
      ...options,
    }),
  );
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
