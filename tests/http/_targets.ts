import {
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import type { RequestHandlerClass } from "../../mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { patiently } from "../_patience.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestableServer,
  type TestServer,
} from "../../server/testing/mod.ts";
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

/** A server, and how its clients connect. */
interface Launched {
  readonly served: TestServer<TestableServer>;
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
  handlers: Handlers,
  options: ServedOptions,
): Promise<Launched> {
  switch (way) {
    case "TLS": {
      const served = await serveForTest(handlers.base, {
        server: HTTPSServer,
        ...options,
      });
      const { cert } = served.certificate!;
      const client = { hostname: "localhost", port: served.addr.port };
      return {
        served,
        connect: () => Deno.connectTls({ ...client, caCerts: [cert] }),
      };
    }
    case "a Unix socket": {
      const served = await serveForTest(handlers.base, {
        server: UnixStreamServer,
        ...options,
      });
      const path = served.addr.path!;
      return {
        served,
        connect: () => Deno.connect({ transport: "unix", path }),
      };
    }
    default: {
      const served = await overTCP(way, handlers, options);
      return { served, connect: () => Deno.connect(served.addr) };
    }
  }
}

function overTCP(
  way: Way,
  { base, fetch }: Handlers,
  servedOptions: ServedOptions,
): Promise<TestServer<HTTPServer>> {
  switch (way) {
    case "threads":
      return serveForTest(base, {
        server: ThreadingHTTPServer,
        ...servedOptions,
        options: { workers: 1 },
      });
    case "threads, the main thread accepts":
      return serveForTest(base, {
        server: ThreadingHTTPServer,
        ...servedOptions,
        options: { workers: 1, accept: "main" },
      });
    case "processes":
      return serveForTest(base, {
        server: ForkingHTTPServer,
        ...servedOptions,
        options: {
          maxChildren: 1,
          requestsPerChild: Infinity,
          connectionsPerChild: 100,
        },
      });
    case "TCP, with fetch":
      return serveForTest(fetch, { server: HTTPServer, ...servedOptions });
    default:
      return serveForTest(base, { server: HTTPServer, ...servedOptions });
  }
}

/** A server that can be attacked. */
export class Attacked implements AsyncDisposable {
  readonly served: TestServer<TestableServer>;
  readonly connect: () => Promise<Deno.Conn>;

  private constructor({ served, connect }: Launched) {
    this.served = served;
    this.connect = connect;
  }

  static async start(
    way: Way = "TCP",
    handlers: Handlers = TARGETS,
    servedOptions: ServedOptions = {},
  ): Promise<Attacked> {
    return new Attacked(await launch(way, handlers, servedOptions));
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
    return this.served[Symbol.asyncDispose]();
  }
}

/** How {@linkcode Attacked.send} ends. */
export interface SendOptions {
  /** Whether the client ends its side, as one that has no more to ask. */
  readonly closeWrite?: boolean;
}
