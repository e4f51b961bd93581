import { PATIENCE } from "./_patience.ts";

export const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** Sends `data`, ends the writing side and reads everything that comes back. */
export async function ask(
  address: Deno.ConnectOptions | Deno.UnixConnectOptions | Deno.Addr,
  data = "",
): Promise<string> {
  const conn = await Deno.connect(address as Deno.ConnectOptions);
  if (data !== "") await conn.write(new TextEncoder().encode(data));
  await conn.closeWrite();
  return await readAll(conn);
}

/** Reads until the end of the stream, then closes the connection. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  return await new Response(
    conn.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).text();
}

/** Resets a connection: closing with the peer's bytes unread makes the kernel send RST. */
export async function reset(conn: Deno.Conn): Promise<void> {
  // Waits until there is something that will stay unread.
  await conn.read(new Uint8Array(1));
  conn.close();
}

/** An address of this machine where nobody else listens: it has 16 million. */
export function ownLoopback(): string {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
  return `127.${a}.${b}.${1 + c! % 254}`;
}

/**
 * Waits until a port is free that somebody has just closed. What another file of
 * tests starts has the descriptors of this process for a moment, between fork(2)
 * and execve(2).
 */
async function untilFree(
  isFree: () => boolean | Promise<boolean>,
): Promise<void> {
  const latest = performance.now() + PATIENCE;
  while (!await isFree()) {
    if (performance.now() > latest) {
      throw new Error(`Waited ${PATIENCE / 1000} s in vain for a free port`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function bindAgain<Bound>(bind: () => Bound): Promise<Bound> {
  let bound: Bound | undefined;
  await untilFree(() => {
    try {
      bound = bind();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return false;
      throw error;
    }
  });
  return bound!;
}

/** Listens where somebody has just stopped. */
export function listenAgain(
  address: Deno.TcpListenOptions,
): Promise<Deno.TcpListener> {
  return bindAgain(() => Deno.listen(address));
}

/** Binds a datagram socket where somebody has just closed one. */
export function listenDatagramAgain(
  address: Deno.UdpListenOptions,
): Promise<Deno.DatagramConn> {
  return bindAgain(() => Deno.listenDatagram({ transport: "udp", ...address }));
}

/** Fails where an address does not refuse connections at last. */
export async function refuses(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Promise<void> {
  await untilFree(async () => {
    try {
      (await Deno.connect({ hostname, port })).close();
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return true;
      // It was in the queue as the last who had the descriptor closed it.
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  });
}

/**
 * Whether an error says only that a client has left: what the server learns of that,
 * and whether it is writing meanwhile, is chance.
 */
export function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    // It had left before it was accepted.
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.UnexpectedEof;
}

/** Whether this machine has the IPv6 loopback address. */
export function hasIPv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
