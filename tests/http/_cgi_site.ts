import {
  CGIHTTPRequestHandler,
  type CGIUser,
} from "../../handlers/http/cgi_http_request_handler.ts";
import {
  type ScriptRoom,
  scriptRoomOf,
} from "../../handlers/http/_cgi/script_room.ts";
import { HTTPServer } from "../../server/http/http_server.ts";
import { LOOPBACK, Reports, serve } from "../_serve.ts";
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

/** A server of files and scripts, and all it has logged and reported. */
export class Site extends HTTPServer {
  readonly log: string[];
  /** What its scripts wait for. */
  readonly room: ScriptRoom;
  readonly reports = new Reports();

  constructor(options: SiteOptions = {}) {
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
    super(LOOPBACK, Scripts);
    this.room = scriptRoomOf(Scripts);
    this.log = log;
    serve(this);
  }

  override handleError(error: unknown): void {
    this.reports.take(error);
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
