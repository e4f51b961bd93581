import {
  type ConnectionInfo,
  ForkingTCPServer,
  type ServerStats,
  TCPServer,
  type TCPServerOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { LOOPBACK, serve } from "../../_serve.ts";
import { Watched } from "./_watched_handlers.ts";

type Handler = ConstructorParameters<typeof TCPServer>[1];

/** A server of each way to run handlers, which serves and reports nothing. */
export const WAYS: Readonly<
  Record<string, (options?: TCPServerOptions, handler?: unknown) => TCPServer>
> = {
  "on the event loop": (options, handler = Watched) =>
    serve(new TCPServer(LOOPBACK, handler as Handler, quiet(options))),
  "in threads that accept": (options, handler = Watched) =>
    serve(
      new ThreadingTCPServer(LOOPBACK, handler as typeof Watched, {
        ...{ accept: "threads", workers: 2 },
        ...quiet(options),
      }),
    ),
  "in threads where main accepts": (options, handler = Watched) =>
    serve(
      new ThreadingTCPServer(LOOPBACK, handler as typeof Watched, {
        ...{ accept: "main", workers: 2 },
        ...quiet(options),
      }),
    ),
  "in processes": (options, handler = Watched) =>
    serve(
      new ForkingTCPServer(LOOPBACK, handler as typeof Watched, {
        maxChildren: 2,
        connectionsPerChild: 10,
        requestsPerChild: 1_000,
        ...quiet(options),
      }),
    ),
};

function quiet(options: TCPServerOptions = {}): TCPServerOptions {
  return { onError: () => {}, ...options };
}

const encoder = new TextEncoder();

/** A client that sends lines and reads what comes. */
export class Client implements Disposable {
  readonly conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  static async connect({ addr }: TCPServer): Promise<Client> {
    return new Client(await Deno.connect(addr));
  }

  /** Sends a line. */
  async send(line: string): Promise<void> {
    await this.conn.write(encoder.encode(`${line}\n`));
  }

  /** Sends a line, and returns what comes first after it. */
  async ask(line: string): Promise<string> {
    await this.send(line);
    return await this.read();
  }

  /** What comes next; empty at the end. */
  async read(): Promise<string> {
    const buffer = new Uint8Array(1_000);
    const n = await patiently(this.conn.read(buffer), () => "bytes");
    return new TextDecoder().decode(buffer.subarray(0, n ?? 0));
  }

  /** Waits until the server has closed it, however. */
  async closed(): Promise<void> {
    try {
      while (await this.read() !== "");
    } catch {
      // A reset is an end, too.
    }
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // Closed by the test.
    }
  }
}

/** Waits until the numbers of a server are as they should be. */
export async function statsWhen(
  server: { stats(): ServerStats },
  wanted: (stats: ServerStats) => boolean,
): Promise<ServerStats> {
  return await when(
    () => Promise.resolve(server.stats()),
    wanted,
  );
}

/** Waits until the connections of a server are as they should be. */
export async function listWhen(
  server: { connections(): Promise<ConnectionInfo[]> },
  wanted: (list: readonly ConnectionInfo[]) => boolean,
): Promise<ConnectionInfo[]> {
  return await when(() => server.connections(), wanted);
}

async function when<T>(
  look: () => Promise<T>,
  wanted: (seen: T) => boolean,
): Promise<T> {
  let seen: T;
  let given = false;
  const watch = async () => {
    while (!given && !wanted(seen = await look())) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return seen;
  };
  try {
    return await patiently(watch(), () => `else than ${Deno.inspect(seen)}`);
  } finally {
    given = true;
  }
}
