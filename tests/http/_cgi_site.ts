import {
  CGIHTTPRequestHandler,
  type CGIUser,
} from "../../handlers/http/cgi_http_request_handler.ts";
import {
  type ScriptRoom,
  scriptRoomOf,
} from "../../handlers/http/_cgi/script_room.ts";
import { HTTPServer } from "../../server/http/http_server.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../server/testing/mod.ts";
import { type Reply, replyTo } from "./_replies.ts";

/** A folder with files and scripts. */
export const SITE = `${import.meta.dirname}/_cgi_scripts`;

/** What a test sets of its handler class. */
export interface SiteOptions {
  readonly directory?: string;
  readonly cgiDirectories?: readonly string[];
  readonly cgiTimeout?: number;
  readonly cgiEnvironment?: Record<string, string>;
  readonly passesAuthorization?: boolean;
  readonly maxSpooledBody?: number;
  readonly maxScripts?: number;
  readonly cgiQueueTimeout?: number;
  readonly cgiUser?: CGIUser | "nobody" | "server";
  /** Called with the status of each response. */
  readonly onRequest?: (code: unknown) => void;
}

/** A server of files and scripts, and all it has logged. */
export class Site implements AsyncDisposable {
  readonly served: TestServer<HTTPServer>;
  readonly log: string[];
  /** What its scripts wait for. */
  readonly room: ScriptRoom;

  private constructor(
    served: TestServer<HTTPServer>,
    log: string[],
    room: ScriptRoom,
  ) {
    this.served = served;
    this.log = log;
    this.room = room;
  }

  static async serve(
    options: SiteOptions = {},
    servedOptions: ServedOptions = {},
  ): Promise<Site> {
    const log: string[] = [];
    class Scripts extends CGIHTTPRequestHandler<Deno.NetAddr> {
      static override readonly directory = options.directory ?? SITE;
      static override readonly cgiDirectories = options.cgiDirectories ??
        CGIHTTPRequestHandler.cgiDirectories;
      static override readonly cgiTimeout = options.cgiTimeout ?? 20_000;
      static override readonly cgiEnvironment = options.cgiEnvironment ?? {};
      static override readonly passesAuthorization =
        options.passesAuthorization ?? false;
      static override readonly maxSpooledBody = options.maxSpooledBody ??
        CGIHTTPRequestHandler.maxSpooledBody;
      static override readonly maxScripts = options.maxScripts ??
        CGIHTTPRequestHandler.maxScripts;
      static override readonly cgiQueueTimeout = options.cgiQueueTimeout ??
        CGIHTTPRequestHandler.cgiQueueTimeout;
      static override readonly cgiUser = options.cgiUser ??
        CGIHTTPRequestHandler.cgiUser;
      override logRequest(code: unknown): void {
        options.onRequest?.(code);
      }
      override logError(message: string): void {
        log.push(message);
      }
    }
    return new Site(
      await serveForTest(Scripts, { server: HTTPServer, ...servedOptions }),
      log,
      scriptRoomOf(Scripts),
    );
  }

  get addr(): HTTPServer["addr"] {
    return this.served.addr;
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect(this.addr);
  }

  /** Sends a request on a connection of its own and reads to its end. */
  send(request: string): Promise<Reply> {
    return replyTo(this.addr, request);
  }

  /** Asks for something by GET. */
  get(target: string, ...headers: readonly string[]): Promise<Reply> {
    return this.send(requestOf(`GET ${target}`, headers));
  }

  /** Sends something by POST. */
  postTo(
    target: string,
    body: string,
    ...headers: readonly string[]
  ): Promise<Reply> {
    const length = `Content-Length: ${new TextEncoder().encode(body).length}`;
    return this.send(requestOf(`POST ${target}`, [length, ...headers]) + body);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.served[Symbol.asyncDispose]();
  }
}

/** A request that ends its connection. */
export function requestOf(line: string, headers: readonly string[] = []) {
  return [
    `${line} HTTP/1.1`,
    "Host: example.test",
    "Connection: close",
    ...headers,
    "",
    "",
  ].join("\r\n");
}
