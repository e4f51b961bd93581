import { CGIHTTPRequestHandler } from "../../handlers/http/cgi_http_request_handler.ts";
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
}

/** A server of files and scripts, and all it has logged and reported. */
export class Site extends HTTPServer {
  readonly log: string[];
  readonly reports = new Reports();

  constructor(options: SiteOptions = {}) {
    const log: string[] = [];
    super(
      LOOPBACK,
      class extends CGIHTTPRequestHandler<Deno.NetAddr> {
        static override readonly directory = options.directory ?? SITE;
        static override readonly cgiDirectories = options.cgiDirectories ??
          CGIHTTPRequestHandler.cgiDirectories;
        static override readonly cgiTimeout = options.cgiTimeout ?? 20_000;
        static override readonly cgiEnvironment = options.cgiEnvironment ?? {};
        static override readonly passesAuthorization =
          options.passesAuthorization ?? false;
        static override readonly maxSpooledBody = options.maxSpooledBody ??
          CGIHTTPRequestHandler.maxSpooledBody;
        override logRequest(): void {}
        override logError(message: string): void {
          log.push(message);
        }
      },
    );
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
  post(
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
