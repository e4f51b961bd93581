import {
  type TCPServerOptions,
  type ThreadingOptions,
  ThreadingTCPServer,
  ThreadingUDPServer,
} from "../../../mod.ts";
import { LOOPBACK, Reports, serve } from "../../_serve.ts";
import { acceptMode } from "./_accept_modes.ts";
import { Datagrams, Obedient } from "./_threading_handlers.ts";

/** A server with threads that keeps what it reports. */
export class Threads extends ThreadingTCPServer {
  constructor(
    ...[address, handler, options]: ConstructorParameters<
      typeof ThreadingTCPServer
    >
  ) {
    super(address, handler, { accept: acceptMode(), ...options });
  }

  readonly reports = new Reports();
  override handleError(error: unknown): void {
    this.reports.take(error);
  }
}

/** As {@linkcode Threads}, for datagrams. */
export class DatagramThreads extends ThreadingUDPServer {
  readonly reports = new Reports();
  override handleError(error: unknown): void {
    this.reports.take(error);
  }
}

/** A server of obedient handlers, in one thread unless it is told otherwise. */
export function startThreads(
  options: TCPServerOptions & ThreadingOptions = {},
): Threads {
  return serve(new Threads(LOOPBACK, Obedient, { workers: 1, ...options }));
}

/** The same for datagrams. */
export function startDatagramThreads(
  options: ConstructorParameters<typeof DatagramThreads>[2] = {},
): DatagramThreads {
  return serve(
    new DatagramThreads(LOOPBACK, Datagrams, { workers: 1, ...options }),
  );
}

/** A client that has given an order. */
export async function order(
  address: Deno.ConnectOptions,
  line: string,
): Promise<Deno.Conn> {
  const client = await Deno.connect(address);
  try {
    await client.write(new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

/** A client's datagrams and the answers to them. */
export class DatagramClient implements Disposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });

  async ask(address: Deno.NetAddr, text: string): Promise<string> {
    await this.send(address, text);
    return await this.receive();
  }

  async send(address: Deno.NetAddr, text: string): Promise<void> {
    await this.#socket.send(new TextEncoder().encode(text), address);
  }

  async receive(): Promise<string> {
    const [answer] = await this.#socket.receive();
    return new TextDecoder().decode(answer);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
