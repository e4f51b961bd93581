import { dirname } from "node:path";
import { HTTPServer, SimpleHTTPRequestHandler } from "../../server/http/mod.ts";
import type { HTTPCompression, SymlinkPolicy } from "../../server/http/mod.ts";
import { Folder } from "../_program.ts";
import { LOOPBACK, Reports, serve } from "../_serve.ts";
import { requestOf } from "./_cgi_site.ts";
import { type Reply, replyTo } from "./_replies.ts";

/** What a test sets of its handler class. */
export interface FilesOptions {
  readonly followSymlinks?: SymlinkPolicy;
  readonly listsDirectories?: boolean;
  readonly indexPages?: readonly string[];
  readonly extensionsMap?: Readonly<Record<string, string>>;
  readonly maxListedEntries?: number;
  readonly compression?: Partial<HTTPCompression> | boolean;
}

/**
 * A server of a folder of its own. Beside what is served, that folder has
 * a file that must not be.
 */
export class FilesSite implements AsyncDisposable {
  readonly server: ReportingServer;
  readonly #folder = new Folder();

  /**
   * @param files The text of files by their names; a folder of none has a slash
   * at the end.
   */
  constructor(
    files: Readonly<Record<string, string>>,
    options: FilesOptions = {},
  ) {
    const directory = this.at("");
    Deno.mkdirSync(directory);
    Deno.writeTextFileSync(this.beside("secret"), SECRET);
    for (const [name, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(`${this.at(name)}.`), { recursive: true });
      if (!name.endsWith("/")) Deno.writeTextFileSync(this.at(name), text);
    }
    const base = SimpleHTTPRequestHandler;
    this.server = serve(
      new ReportingServer(
        LOOPBACK,
        class extends SimpleHTTPRequestHandler<Deno.NetAddr> {
          static override readonly directory = directory;
          static override readonly followSymlinks = options.followSymlinks ??
            base.followSymlinks;
          static override readonly listsDirectories =
            options.listsDirectories ?? base.listsDirectories;
          static override readonly indexPages = options.indexPages ??
            base.indexPages;
          static override readonly extensionsMap = options.extensionsMap ??
            base.extensionsMap;
          static override readonly maxListedEntries =
            options.maxListedEntries ?? base.maxListedEntries;
          static override readonly compression = options.compression ??
            base.compression;
          override logMessage() {}
        },
      ),
    );
  }

  /** The path of a file that is served. */
  at(name: string): string {
    return this.#folder.at(`site/${name}`);
  }

  /** The path of a file outside the directory that is served. */
  beside(name: string): string {
    return this.#folder.at(name);
  }

  /** The URL of something that is served. */
  url(target: string): string {
    return `http://127.0.0.1:${this.server.addr.port}${target}`;
  }

  /** Dates a file back, so that its tag is strong. */
  async age(name: string, date: Date = LONG_AGO): Promise<void> {
    await Deno.utime(this.at(name), date, date);
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect(this.server.addr);
  }

  /** Sends a request on a connection of its own and reads to its end. */
  send(request: string): Promise<Reply> {
    return replyTo(this.server.addr, request);
  }

  get(target: string, ...headers: readonly string[]): Promise<Reply> {
    return this.send(requestOf(`GET ${target}`, headers));
  }

  head(target: string, ...headers: readonly string[]): Promise<Reply> {
    return this.send(requestOf(`HEAD ${target}`, headers));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** What is in the file that must not be served. */
export const SECRET = "nobody may read this";
export const LONG_AGO = new Date("2020-02-03T04:05:06.789Z");
/** The same as HTTP says it. */
export const LONG_AGO_TEXT = "Mon, 03 Feb 2020 04:05:06 GMT";

class ReportingServer extends HTTPServer {
  readonly reports = new Reports();
  override handleError(error: unknown) {
    this.reports.take(error);
  }
}
