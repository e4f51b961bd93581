import {
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import type { RequestHandlerClass } from "../../mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { patiently } from "../_patience.ts";
import { Folder } from "../_program.ts";
import { LOOPBACK, Reports, serve } from "../_serve.ts";
import { selfSignedCertificate } from "../../server/testing/mod.ts";
import { readBytes, repliesIn, type Reply, writeBytes } from "./_replies.ts";
import { FetchTarget, Target } from "./_target_handlers.ts";

/** The ways that a handler is reached. */
export const WAYS = [
  "TCP",
  "TCP, with fetch",
  "TLS",
  "a Unix socket",
  "threads",
  "threads, the main thread accepts",
  "processes",
] as const;

/** One of them. */
export type Way = typeof WAYS[number];

/** Where a server listens, which is closed in the end. */
interface Launched {
  readonly server: AsyncDisposable & {
    handleError: (error: unknown) => unknown;
  };
  readonly connect: () => Promise<Deno.Conn>;
}

/** The handlers of a server that is attacked. */
export interface Handlers {
  readonly base: RequestHandlerClass<Deno.Conn, Deno.Addr>;
  readonly fetch: RequestHandlerClass<Deno.Conn, Deno.Addr>;
}

const TARGETS: Handlers = { base: Target, fetch: FetchTarget };

async function launch(
  way: Way,
  folder: Folder,
  handlers: Handlers,
): Promise<Launched> {
  switch (way) {
    case "TLS": {
      const { cert, key } = await selfSignedCertificate();
      const server = serve(
        new HTTPSServer({ ...LOOPBACK, cert, key }, handlers.base),
      );
      const client = { hostname: "localhost", port: server.addr.port };
      return {
        server,
        connect: () => Deno.connectTls({ ...client, caCerts: [cert] }),
      };
    }
    case "a Unix socket": {
      const path = folder.at("server");
      const server = serve(new UnixStreamServer({ path }, handlers.base));
      return {
        server,
        connect: () => Deno.connect({ transport: "unix", path }),
      };
    }
    default: {
      const server = serve(overTCP(way, handlers));
      return { server, connect: () => Deno.connect(server.addr) };
    }
  }
}

function overTCP(way: Way, { base, fetch }: Handlers): HTTPServer {
  switch (way) {
    case "threads":
      return new ThreadingHTTPServer(LOOPBACK, base, { workers: 1 });
    case "threads, the main thread accepts":
      return new ThreadingHTTPServer(LOOPBACK, base, {
        workers: 1,
        accept: "main",
      });
    case "processes":
      return new ForkingHTTPServer(LOOPBACK, base, {
        maxChildren: 1,
        requestsPerChild: Infinity,
        connectionsPerChild: 100,
      });
    case "TCP, with fetch":
      return new HTTPServer(LOOPBACK, fetch);
    default:
      return new HTTPServer(LOOPBACK, base);
  }
}

/** A server that can be attacked. */
export class Attacked implements AsyncDisposable {
  readonly reports = new Reports();
  readonly #stack: AsyncDisposableStack;
  readonly connect: () => Promise<Deno.Conn>;

  private constructor(
    stack: AsyncDisposableStack,
    { server, connect }: Launched,
  ) {
    this.#stack = stack;
    this.connect = connect;
    server.handleError = this.reports.take;
    stack.use(server);
  }

  static async start(
    way: Way = "TCP",
    handlers: Handlers = TARGETS,
  ): Promise<Attacked> {
    const stack = new AsyncDisposableStack();
    const folder = stack.use(new Folder());
    return new Attacked(stack, await launch(way, folder, handlers));
  }

  /** Sends bytes on a connection of their own and gives all that comes back. */
  async send(bytes: string, options: SendOptions = {}): Promise<Reply[]> {
    using connection = await this.connect();
    const sent = writeBytes(connection, bytes).then(async () => {
      if (options.closeWrite) await connection.closeWrite();
    });
    const [text] = await patiently(
      Promise.all([readBytes(connection), sent]),
      () => `the end of the answer to ${JSON.stringify(bytes.slice(0, 200))}`,
    );
    return repliesIn(text, bytes.startsWith("HEAD"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** How {@linkcode Attacked.send} ends. */
export interface SendOptions {
  /** Whether the client ends its side, as one that has no more to ask. */
  readonly closeWrite?: boolean;
}
