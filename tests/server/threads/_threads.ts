import {
  type TCPServerOptions,
  type ThreadingOptions,
  ThreadingTCPServer,
  ThreadingUDPServer,
} from "../../../mod.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { acceptMode } from "./_accept_modes.ts";
import { Datagrams, Obedient } from "./_threading_handlers.ts";

/** A server with threads, of which the environment says who accepts. */
export class Threads extends ThreadingTCPServer {
  constructor(
    ...[address, handler, options]: ConstructorParameters<
      typeof ThreadingTCPServer
    >
  ) {
    super(address, handler, { accept: acceptMode(), ...options });
  }
}

/** Serves with obedient handlers, in one thread unless it is told otherwise. */
export function startThreads(
  options: TCPServerOptions & ThreadingOptions = {},
  servedOptions: ServedOptions = {},
): Promise<TestServer<Threads>> {
  return serveForTest(Obedient, {
    server: Threads,
    options: { workers: 1, ...options },
    ...servedOptions,
  });
}

/** The same for datagrams. */
export function startDatagramThreads(
  options: ConstructorParameters<typeof ThreadingUDPServer>[2] = {},
): Promise<TestServer<InstanceType<typeof ThreadingUDPServer>>> {
  return serveForTest(Datagrams, {
    server: ThreadingUDPServer,
    options: { workers: 1, ...options },
  });
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
