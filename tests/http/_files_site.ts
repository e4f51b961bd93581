import { dirname } from "node:path";
import { HTTPServer, SimpleHTTPRequestHandler } from "../../server/http/mod.ts";
import type { HTTPCompression, SymlinkPolicy } from "../../server/http/mod.ts";
import { patiently } from "../_patience.ts";
import { Folder } from "../_program.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../server/testing/mod.ts";
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
  readonly #folder = new Folder();
  #served: TestServer<HTTPServer> | undefined;

  private constructor() {}

  /**
   * @param files The text of files by their names; a folder of none has a slash
   * at the end.
   */
  static async serve(
    files: Readonly<Record<string, string>>,
    options: FilesOptions = {},
    servedOptions: ServedOptions = {},
  ): Promise<FilesSite> {
    const site = new FilesSite();
    const directory = site.at("");
    Deno.mkdirSync(directory);
    Deno.writeTextFileSync(site.beside("secret"), SECRET);
    for (const [name, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(`${site.at(name)}.`), { recursive: true });
      if (!name.endsWith("/")) Deno.writeTextFileSync(site.at(name), text);
    }
    const base = SimpleHTTPRequestHandler;
    site.#served = await serveForTest(
      class extends SimpleHTTPRequestHandler<Deno.NetAddr> {
        static override readonly directory = directory;
        static override readonly followSymlinks = options.followSymlinks ??
          base.followSymlinks;
        static override readonly listsDirectories = options.listsDirectories ??
          base.listsDirectories;
        static override readonly indexPages = options.indexPages ??
          base.indexPages;
        static override readonly extensionsMap = options.extensionsMap ??
          base.extensionsMap;
        static override readonly maxListedEntries = options.maxListedEntries ??
          base.maxListedEntries;
        static override readonly compression = options.compression ??
          base.compression;
        override logMessage() {}
      },
      { server: HTTPServer, ...servedOptions },
    );
    return site;
  }

  get served(): TestServer<HTTPServer> {
    return this.#served!;
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
    return `http://127.0.0.1:${this.served.addr.port}${target}`;
  }

  /** Dates a file back. Its tag is still weak for two seconds. */
  async age(name: string, date: Date = LONG_AGO): Promise<void> {
    await Deno.utime(this.at(name), date, date);
  }

  /** Waits until what was written is old enough for tags that are strong. */
  async untilStrong(
    target: string,
    ...headers: readonly string[]
  ): Promise<void> {
    const isStrong = async () =>
      (await this.head(target, ...headers)).headers.get("etag")!
        .startsWith('"');
    await patiently(
      (async () => {
        while (!await isStrong()) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      })(),
      () => "a strong tag",
    );
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect(this.served.addr);
  }

  /** Sends a request on a connection of its own and reads to its end. */
  send(request: string): Promise<Reply> {
    return replyTo(this.served.addr, request);
  }

  get(target: string, ...headers: readonly string[]): Promise<Reply> {
    return this.send(requestOf(`GET ${target}`, headers));
  }

  head(target: string, ...headers: readonly string[]): Promise<Reply> {
    return this.send(requestOf(`HEAD ${target}`, headers));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** What is in the file that must not be served. */
export const SECRET = "nobody may read this";
export const LONG_AGO = new Date("2020-02-03T04:05:06.789Z");
/** The same as HTTP says it. */
export const LONG_AGO_TEXT = "Mon, 03 Feb 2020 04:05:06 GMT";
