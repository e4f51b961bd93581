import type { TCPAddr } from "../../../mod.ts";

/** Changes what a client sends before it is passed on. */
export type Meddle = (
  bytes: Uint8Array<ArrayBuffer>,
  server: Deno.TcpConn,
) => Promise<void>;

/** Stands between one client and a server. */
export class Meddler implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  /** Settles when both sides have ended. */
  readonly ended: Promise<void>;

  constructor(address: Deno.ConnectOptions, meddle: Meddle) {
    this.ended = this.#pass(address, meddle);
  }

  get addr(): TCPAddr {
    return this.#listener.addr as TCPAddr;
  }

  async #pass(address: Deno.ConnectOptions, meddle: Meddle): Promise<void> {
    using client = await this.#listener.accept();
    using server = await Deno.connect(address);
    server.setNoDelay(true);
    await Promise.all([
      forward(client, (bytes) => meddle(bytes, server))
        .then(() => server.closeWrite()).catch(() => {}),
      forward(server, (bytes) => writeAll(client, bytes))
        .then(() => client.closeWrite()).catch(() => {}),
    ]);
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

async function forward(
  from: Deno.Conn,
  take: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let n; (n = await from.read(buffer)) !== null;) {
    await take(buffer.slice(0, n));
  }
}

/** Writes all of `bytes`. */
export async function writeAll(
  to: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await to.write(bytes.subarray(done));
  }
}
