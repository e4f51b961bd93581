import { checkFewKeys } from "../_known_keys.ts";
import type { RequestServer } from "../base_request_handler.ts";
import { join, sep } from "node:path";
import { BaseHTTPRequestHandler } from "./base_http_request_handler.ts";
import { contentType, UNKNOWN_TYPE } from "./_files/content_type.ts";
import { checkFieldText } from "./_connection/head.ts";
import {
  type DirectoryEntry,
  readEntries,
} from "./_files/directory_entries.ts";
import {
  type DirectoryOrder,
  orderIn,
  type SortKey,
} from "./_files/directory_order.ts";
import {
  type DirectoryListing,
  directoryPage,
  directoryPageParts,
} from "./_files/directory_page.ts";
import { DIRECTORY_POLICY } from "./_files/directory_style.ts";
import {
  checkExtraHeaders,
  type ExtraHeaders,
} from "./_files/extra_headers.ts";
import { answerFile, type FileParts } from "./_files/file_answer.ts";
import {
  findFile,
  type FoundFile,
  servedDirectory,
  type SymlinkPolicy,
} from "./_files/find_file.ts";
import { locate, type Location } from "./_files/locate.ts";
import { type HeldEntries, LARGE, ListingRoom } from "./_files/listing_room.ts";
import { sendBytes } from "./_files/send_bytes.ts";
import {
  folderPath,
  parseTargetPath,
  straightTarget,
  type TargetPath,
} from "./_files/target_path.ts";
import { wholeFile } from "./_files/whole_file.ts";
import { encodeAtOnce } from "./_compression/encoder.ts";
import { encodeStream } from "./_compression/encode_stream.ts";
import { AS_IT_IS, type FileForm, pageForm } from "./_compression/file_form.ts";
import { textSource } from "./_compression/text_source.ts";
import { compressionOf, type HTTPCompression } from "./http_compression.ts";
import {
  checkBoolean,
  checkNumber,
  checkTexts,
  checkTextsByName,
  wrong,
} from "../_settings.ts";
import { HTTPError } from "./http_error.ts";

const SYMLINK_POLICIES: readonly SymlinkPolicy[] = [
  "inside",
  "anywhere",
  "never",
];
/** What a listing is sent with besides; a handler class may not add them twice. */
const LISTING_HEADERS: ExtraHeaders = [
  ["Content-Security-Policy", DIRECTORY_POLICY],
  ["X-Content-Type-Options", "nosniff"],
];
const NO_OPTIONS: SimpleHTTPRequestHandlerOptions = {};
const listings = new ListingRoom();
const encoder = new TextEncoder();

export type {
  DirectoryEntry,
  DirectoryListing,
  DirectoryOrder,
  ExtraHeaders,
  SortKey,
  SymlinkPolicy,
};

/** Options of one {@linkcode SimpleHTTPRequestHandler}. */
export interface SimpleHTTPRequestHandlerOptions {
  /** The directory that it serves; by default the one of its class. */
  readonly directory?: string;
}

/**
 * A handler of HTTP that serves the files of a directory to GET and HEAD.
 *
 * - A directory is answered with its `index.html` or `index.htm`, else with a
 *   page that lists what is in it, sorted by what its query says
 *   (`?sort=size&order=desc`). Without a slash behind it, its path is
 *   redirected (301). At most `maxListedEntries` are listed. A few directories
 *   are read at once, and others wait for that for up to 30 seconds; large
 *   listings together have at most 100,000 entries until clients have taken
 *   them. Past either the answer is 503. A listing of 1,000 entries and more is sent as it is
 *   made, without `Content-Length`.
 * - Files have `Content-Type` by their ending, `Content-Length`,
 *   `Last-Modified` and `ETag`. The tag is weak for 2 seconds after a change,
 *   when another one could leave size and time the same.
 * - Conditions (`If-Match` and its like) are evaluated as RFC 9110, section
 *   13.2.2, says. One range is answered with 206, several with
 *   `multipart/byteranges`, at most 64; what overlaps is joined.
 * - Nothing outside the directory is served: a path that leads out is not
 *   found (404), a symbolic link that does is refused (403). So is what is
 *   neither a file nor a directory, without being opened. Who may rename files
 *   in the directory while they are served is trusted.
 * - Files whose name starts with a dot are served and listed.
 * - A file that is cut short while it is sent ends the connection, so that the
 *   client can tell; of one that grows, as much is sent as was announced.
 *
 * A subclass says what it serves by its static properties. In a thread or
 * process its module is imported anew: what it takes from `Deno.args` is the
 * same there, what was passed around in variables is not. What one instance
 * serves is its `directory`, which a constructor or a method may set: for each
 * host, for example.
 *
 * Needs `--allow-read=DIRECTORY`, and nothing else.
 *
 * @example A directory, in threads
 * ```ts
 * import { SimpleHTTPRequestHandler, ThreadingHTTPServer } from "@wire/socketserver/http";
 *
 * export class Site extends SimpleHTTPRequestHandler {
 *   static override readonly moduleUrl: string = import.meta.url;
 *   static override readonly directory: string = Deno.args[0] ?? ".";
 * }
 *
 * if (import.meta.main) {
 *   const server = new ThreadingHTTPServer({ port: 8000 }, Site);
 *   await server.serveForever();
 * }
 * ```
 */
export class SimpleHTTPRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends RequestServer = RequestServer,
> extends BaseHTTPRequestHandler<Address, Server> {
  /** The directory that is served; by default the current one. */
  static readonly directory: string = ".";
  /**
   * Which symbolic links are served: those that lead to something in the
   * directory (`inside`), all (`anywhere`), or none (`never`).
   */
  static readonly followSymlinks: SymlinkPolicy = "inside";
  /**
   * Whether files and listings are compressed for clients that take them so, and
   * how: `true`, or what differs from the defaults. A file beside another, with
   * `.br` or `.gz` behind its name, is sent in its place; what has none is
   * compressed as it is sent, but for ranges.
   *
   * @default {false}
   */
  static readonly compression: Partial<HTTPCompression> | boolean = false;
  /** What is served in the place of a directory, the first that is there. */
  static readonly indexPages: readonly string[] = ["index.html", "index.htm"];
  /** Whether a directory without an index page is listed; else it is 403. */
  static readonly listsDirectories: boolean = true;
  /** How many entries a page lists at most; it says so if there are more. */
  static readonly maxListedEntries: number = 50_000;
  /**
   * Types by the endings of names, in lower case with their dot, beside those
   * that are known and before them: `{ ".log": "text/plain" }`.
   */
  static readonly extensionsMap: Readonly<Record<string, string>> = {};
  /** The type of a file whose name tells nothing. */
  static readonly defaultContentType: string = UNKNOWN_TYPE;
  /**
   * Headers that files and listings are sent with besides, with statuses 200,
   * 206 and 304: `[["Access-Control-Allow-Origin", "*"]]`.
   */
  static readonly extraResponseHeaders: ExtraHeaders = [];

  /**
   * Checks what the class is set to, before anybody is served.
   *
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If a setting is of another type.
   * @ignore
   */
  static override checkSettings(): void {
    super.checkSettings();
    const { directory, followSymlinks } = this;
    if (typeof directory !== "string") {
      throw wrong("serve files", "directory", "a path", directory);
    }
    if (!SYMLINK_POLICIES.includes(followSymlinks)) {
      const names = '"inside", "anywhere" or "never"';
      throw wrong("serve files", "followSymlinks", names, followSymlinks);
    }
    checkTexts("serve files", "indexPages", this.indexPages);
    checkTextsByName("serve files", "extensionsMap", this.extensionsMap);
    compressionOf(this);
    checkFieldText(
      "serve files",
      "defaultContentType",
      this.defaultContentType,
    );
    checkExtraHeaders(this.extraResponseHeaders);
    checkBoolean("list directories", "listsDirectories", this.listsDirectories);
    checkNumber(
      "list directories",
      "maxListedEntries",
      this.maxListedEntries,
      1,
    );
  }

  /**
   * The directory that this instance serves; by default the one of its class.
   */
  directory: string;

  /**
   * Constructs a new instance. Servers do this, once for each connection.
   *
   * @param request The connection.
   * @param clientAddress The client's address.
   * @param server The server.
   * @param options What a subclass sets for this instance.
   * @throws {TypeError} If an option has an unknown name, or `directory` is no
   * text.
   */
  constructor(
    request: Deno.Conn<Address>,
    clientAddress: Address,
    server: Server,
    options: SimpleHTTPRequestHandlerOptions = NO_OPTIONS,
  ) {
    super(request, clientAddress, server);
    this.directory = this.#own.directory;
    if (options === NO_OPTIONS) return;
    checkFewKeys(options, ["directory"], "serve files");
    const { directory = this.directory } = options;
    if (typeof directory !== "string") {
      throw wrong("serve files", "directory", "a path", directory);
    }
    this.directory = directory;
  }

  /**
   * Sends a file, a listing or a redirection.
   *
   * @returns A promise that resolves when it is sent; a subclass may
   * return nothing.
   */
  doGET(): void | Promise<void> {
    return this.#serve();
  }

  /**
   * Sends the headers that GET would be answered with.
   *
   * @returns A promise that resolves when they are sent; a subclass may
   * return nothing.
   */
  doHEAD(): void | Promise<void> {
    return this.#serve();
  }

  /**
   * Where the file is that a target is for. The base looks in `directory`, with
   * the names of the target's path, each decoded; what leads out of it, and what
   * is no path, is answered with 404 and 400.
   *
   * A subclass may lead a target anywhere. What it returns is served if it is
   * there; where that is not in `directory`, a symbolic link is followed to what
   * is in the same folder (`followSymlinks`). The server calls it with a target
   * in which dots and doubled slashes are resolved, so that none leads out of
   * what a subclass puts in front of it.
   *
   * @param target A target of a request, with or without a query.
   * @returns The path of the file; with a slash at the end where the target has
   * one.
   * @throws {HTTPError} If the target is for no file.
   */
  translatePath(target: string): string {
    const { names, isFolder } = parseTargetPath(target);
    return join(this.directory, ...names) + (isFolder ? sep : "");
  }

  /**
   * Guesses the type of a file. The base does so by the name's ending; of text
   * it says that it is UTF-8.
   *
   * @param path The file's path below the directory, as it was asked for, with
   * the index page's name where that is sent.
   * @returns What `Content-Type` becomes.
   */
  guessType(path: string): string {
    const { extensionsMap, defaultContentType } = this.#own;
    return contentType(path, extensionsMap, defaultContentType);
  }

  /**
   * Answers for a directory that has no index page. The base sends the page that
   * `directoryPage` makes of what is in it. It is not called where
   * `listsDirectories` is false.
   *
   * @param path The path of the directory.
   * @returns A promise that resolves when the answer is sent.
   */
  async listDirectory(path: string): Promise<void> {
    const { followSymlinks, maxListedEntries } = this.#own;
    const { root, names } = await locate(this.directory, path);
    using held = await listings.read(
      JSON.stringify([followSymlinks, root.path, maxListedEntries, path]),
      () =>
        readEntries(
          path,
          (name) => findFile(root, [...names, name], followSymlinks),
          maxListedEntries,
        ),
    );
    await this.#sendListing(parseTargetPath(this.path), held);
  }

  /**
   * The page that lists a directory. It is sent with a `Content-Security-Policy`
   * that permits the base's own style and nothing else.
   *
   * @param listing What is in the directory.
   * @returns A page of HTML.
   */
  directoryPage(listing: DirectoryListing): string {
    return directoryPage(listing);
  }

  get #own(): typeof SimpleHTTPRequestHandler {
    return this.constructor as typeof SimpleHTTPRequestHandler;
  }

  async #serve(): Promise<void> {
    try {
      await this.#serveTarget(parseTargetPath(this.path));
    } catch (error) {
      // Whoever runs the server can do something about it.
      if (
        error instanceof HTTPError &&
        error.cause instanceof Deno.errors.NotCapable
      ) this.logError(error.cause.message);
      throw error;
    }
  }

  async #serveTarget(target: TargetPath): Promise<void> {
    const { followSymlinks, indexPages, listsDirectories } = this.#own;
    const { root, names } = await this.#locate(target);
    const find = (names: readonly string[]) =>
      findFile(root, names, followSymlinks);
    const found = await find(names);
    if (found.info.isFile) {
      // What the file links to would be looked for below it.
      if (target.isFolder) throw new HTTPError(404);
      return await this.#sendFile(found, target.names);
    }
    if (!target.isFolder) return this.#redirect(target);
    for (const page of indexPages) {
      const index = await findIndexPage(() => find([...names, page]));
      if (index === undefined) continue;
      return await this.#sendFile(index, [...target.names, page]);
    }
    if (!listsDirectories) throw new HTTPError(403);
    await this.listDirectory(found.path);
  }

  /** Where a target leads; a subclass may have it lead elsewhere. */
  async #locate(target: TargetPath): Promise<Location> {
    const { directory, translatePath } = this;
    return translatePath === SimpleHTTPRequestHandler.prototype.translatePath
      ? { root: await servedDirectory(directory), names: target.names }
      : await locate(directory, this.translatePath(straightTarget(target)));
  }

  #redirect({ names, query }: TargetPath): void {
    this.sendResponse(301);
    this.sendHeader("Location", folderPath(names) + query);
    this.sendHeader("Content-Length", "0");
    this.endHeaders();
  }

  async #sendListing(
    { names, query }: TargetPath,
    held: HeldEntries,
  ): Promise<void> {
    const order = orderIn(query);
    const entries = await held.sorted(order);
    const { isComplete } = held;
    const listing: DirectoryListing = { names, order, entries, isComplete };
    const isOwnPage = this.directoryPage !==
      SimpleHTTPRequestHandler.prototype.directoryPage;
    const page = isOwnPage || entries.length < LARGE
      ? encoder.encode(this.directoryPage(listing))
      : undefined;
    const type = "text/html;charset=utf-8";
    const compression = compressionOf(this.#own);
    const form = compression === undefined ? AS_IT_IS : pageForm(
      { type, size: page?.length },
      this.headers.get("accept-encoding") ?? undefined,
      compression,
    );
    const { coding } = form;
    const body = coding === undefined || page === undefined
      ? page
      : encodeAtOnce(page, coding, compression!);
    this.sendResponse(200);
    this.sendHeader("Content-Type", type);
    if (body !== undefined) {
      this.sendHeader("Content-Length", String(body.length));
    }
    this.#sendForm(form);
    for (const [name, value] of LISTING_HEADERS) this.sendHeader(name, value);
    this.#sendExtraHeaders(LISTING_HEADERS);
    this.endHeaders();
    if (body !== undefined) return await this.wfile.write(body);
    if (this.command === "HEAD") return;
    const parts = directoryPageParts(listing);
    if (coding === undefined) {
      for (const part of parts) await this.wfile.write(part);
    } else {
      await this.#sendStream(
        encodeStream(textSource(parts), coding, compression!, false),
      );
    }
  }

  async #sendFile(
    found: FoundFile,
    names: readonly string[],
  ): Promise<void> {
    const compression = compressionOf(this.#own);
    const answer = await answerFile(
      { ...found, type: this.guessType(`/${names.join("/")}`) },
      { method: this.command, headers: this.headers },
      compression,
      (time) => this.dateTimeString(time),
    );
    using file = answer.file;
    const { status, headers, content } = answer;
    this.sendResponse(status);
    for (const [name, value] of headers) this.sendHeader(name, value);
    this.#sendExtraHeaders();
    if (content?.kind === "parts") return await this.#sendParts(file, content);
    this.endHeaders();
    if (content?.kind === "bytes") return await this.wfile.write(content.bytes);
    if (content?.kind !== "encoded") return;
    const { coding, size } = content;
    const source = wholeFile(file, size);
    await this.#sendStream(encodeStream(source, coding, compression!, false));
  }

  /** Sends the headers together with the first bytes. */
  async #sendParts(
    file: Deno.FsFile,
    { parts, end }: FileParts,
  ): Promise<void> {
    const { wfile } = this;
    for (const part of parts) {
      await sendBytes(file, part.range, wfile, () => {
        if (part === parts[0]) this.endHeaders();
        if (part.before !== "") wfile.write(part.before);
      });
    }
    if (end !== "") await wfile.write(end);
  }

  async #sendStream(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) await this.wfile.write(chunk);
  }

  /** Sends the headers of the class, but for those that are sent already. */
  #sendExtraHeaders(sent: ExtraHeaders = []): void {
    for (const [name, value] of this.#own.extraResponseHeaders) {
      const isSent = sent.some(([other]) =>
        other.toLowerCase() === name.toLowerCase()
      );
      if (!isSent) this.sendHeader(name, value);
    }
  }

  /** Says what is compressed as it is sent, and that not everybody gets it so. */
  #sendForm({ coding, varies }: FileForm): void {
    if (coding !== undefined) this.sendHeader("Content-Encoding", coding);
    if (varies) this.sendHeader("Vary", "Accept-Encoding");
  }
}

async function findIndexPage(
  find: () => Promise<FoundFile>,
): Promise<FoundFile | undefined> {
  try {
    const found = await find();
    return found.info.isFile ? found : undefined;
  } catch (error) {
    if (error instanceof HTTPError && error.status === 404) return undefined;
    throw error;
  }
}
