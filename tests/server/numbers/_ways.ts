import {
  type ConnectionInfo,
  ForkingTCPServer,
  type ServerStats,
  type TCPServer,
  type TCPServerOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { Watched } from "./_watched_handlers.ts";

type Handler = ConstructorParameters<typeof TCPServer>[1];

/** Serves in each of the ways to run handlers. */
export const WAYS: Readonly<
  Record<
    string,
    (
      options?: TCPServerOptions,
      handler?: unknown,
    ) => Promise<TestServer<TCPServer>>
  >
> = {
  "on the event loop": (options = {}, handler = Watched) =>
    serveForTest(handler as Handler, { options }),
  "in threads that accept": (options, handler = Watched) =>
    serveForTest(handler as typeof Watched, {
      server: ThreadingTCPServer,
      options: { accept: "threads", workers: 2, ...options },
    }),
  "in threads where main accepts": (options, handler = Watched) =>
    serveForTest(handler as typeof Watched, {
      server: ThreadingTCPServer,
      options: { accept: "main", workers: 2, ...options },
    }),
  "in processes": (options, handler = Watched) =>
    serveForTest(handler as typeof Watched, {
      server: ForkingTCPServer,
      options: {
        maxChildren: 2,
        connectionsPerChild: 10,
        requestsPerChild: 1_000,
        ...options,
      },
    }),
};

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
