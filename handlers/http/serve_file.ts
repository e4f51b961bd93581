import { fileURLToPath } from "node:url";
import { missingOf } from "../_granted.ts";
import { checkFewKeys } from "../_known_keys.ts";
import { wrong } from "../_settings.ts";
import { checkFieldText } from "./_connection/head.ts";
import { contentType as guessType } from "./_files/content_type.ts";
import { answerFile } from "./_files/file_answer.ts";
import { fileBody } from "./_files/file_body.ts";
import { answerTo } from "./_files/file_error.ts";
import { servableInfo } from "./_files/find_file.ts";
import { compressionOf, type HTTPCompression } from "./http_compression.ts";
import { HTTPError } from "./http_error.ts";

const ACTION = "serve a file";
const NO_OPTIONS: ServeFileOptions = {};

/** Options of {@linkcode serveFile}. */
export interface ServeFileOptions {
  /**
   * What `Content-Type` becomes. By default it is guessed by the ending of the
   * path, as {@linkcode SimpleHTTPRequestHandler} does.
   */
  readonly contentType?: string;
  /**
   * Whether the file is compressed for clients that take it so, and how: `true`,
   * or what differs from the defaults. A file beside it, with `.br` or `.gz`
   * behind its name, is sent in its place.
   *
   * Give the same object each time: what it is completed to is remembered.
   *
   * @default {false}
   */
  readonly compression?: Partial<HTTPCompression> | boolean;
}

/**
 * Answers a request with a file, in a handler that returns a `Response`: of
 * {@linkcode FetchRequestHandler}, and of `Deno.serve`, too.
 *
 * - It has `Content-Type`, `Content-Length`, `Last-Modified`, `ETag` and
 *   `Accept-Ranges`. Conditions and ranges are answered as
 *   {@linkcode SimpleHTTPRequestHandler} answers them: with 304, 412, 206 and 416.
 * - Where there is no file of that path (404), it may not be read or is a device
 *   or a pipe (403), and where the method is neither GET nor HEAD (405), the
 *   response says so in a line of text. Nothing is thrown for that: look at its
 *   `status` to answer something else. A directory is no file.
 * - Up to 64 KiB are read at once. More is read as the client takes it, in
 *   pieces of 256 KiB, of 32 where more than 16 files are being sent. The file is closed
 *   when all is sent, and when the client leaves. A response that you do not
 *   return keeps it open, unless you call `response.body?.cancel()`.
 * - A file that is cut short while it is sent ends the connection, so that the
 *   client can tell; of one that grows, as much is sent as was announced.
 *
 * The path is yours, and nothing of the request's URL is looked at. Symbolic
 * links are followed. Never join what a client has sent to a path: `..` and links
 * lead anywhere. Look it up in a list of yours, or serve a directory with
 * {@linkcode SimpleHTTPRequestHandler}.
 *
 * Headers of your own, such as `Cache-Control`, can be set on the response.
 *
 * Needs `--allow-read=PATH`; files with `.br` and `.gz` behind it are sent if they
 * may be read, too. A handler in a process needs it in `permissions` of its server.
 *
 * @example One file
 * ```ts
 * import { HTTPServer, serveFile } from "@wire/socketserver/http";
 *
 * await using server = new HTTPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   (request) => serveFile(request, "README.md"),
 * );
 * ```
 *
 * @param request The request. Its method and headers are looked at.
 * @param path The path of the file, or its URL of `file:`. A relative path is
 * relative to the current directory, as it is in `Deno.open`.
 * @param options What differs from the defaults.
 * @returns The response.
 * @throws {Deno.errors.NotCapable} If the program has no permission to read it.
 * @throws {RangeError} If a number of `compression` is out of range.
 * @throws {TypeError} If an argument or option is of another type, or an option
 * has an unknown name.
 * @throws {Error} If the file cannot be read, or becomes shorter meanwhile.
 */
export async function serveFile(
  request: Request,
  path: string | URL,
  options: ServeFileOptions = NO_OPTIONS,
): Promise<Response> {
  if (!(request instanceof Request)) {
    throw wrong(ACTION, "request", "a Request", request);
  }
  const filePath = pathOf(path);
  checkFewKeys(options, OPTIONS, ACTION);
  const { contentType } = options;
  if (contentType !== undefined) {
    checkFieldText(ACTION, "contentType", contentType);
  }
  const compression = compressionOf(options);
  const { method, headers } = request;
  try {
    if (method !== "GET" && method !== "HEAD") {
      throw new HTTPError(405, undefined, { headers: { Allow: "GET, HEAD" } });
    }
    const answer = await answerFile(
      {
        path: filePath,
        info: await infoOf(filePath),
        type: contentType ?? guessType(filePath, {}),
      },
      { method, headers },
      compression,
      (time) => new Date(time).toUTCString(),
    );
    return new Response(await fileBody(answer, compression), {
      status: answer.status,
      headers: answer.headers.map(([name, value]) => [name, value]),
    });
  } catch (error) {
    if (!(error instanceof HTTPError)) throw error;
    // Whoever runs the server can do something about it.
    if (error.cause instanceof Deno.errors.NotCapable) throw error.cause;
    return refusal(error);
  }
}

const OPTIONS = Object.keys(
  {
    contentType: true,
    compression: true,
  } satisfies Record<keyof ServeFileOptions, true>,
);

/** @throws {TypeError} If it is neither text nor the URL of a file. */
function pathOf(path: unknown): string {
  if (typeof path === "string" && path !== "") return path;
  if (path instanceof URL && path.protocol === "file:") {
    return fileURLToPath(path);
  }
  throw wrong(ACTION, "path", "the path of a file or its URL of file:", path);
}

/**
 * @throws {Deno.errors.NotCapable} If it may not be read.
 * @throws {HTTPError} If it is no file.
 */
async function infoOf(path: string): Promise<Deno.FileInfo> {
  const missing = missingOf({
    key: JSON.stringify(path),
    each: [[{ name: "read", path }, `--allow-read=${path}`]],
  }, "serve");
  if (missing !== undefined) throw missing;
  // No file has such a name, and Deno would not say that it is missing.
  if (path.includes("\0")) throw new HTTPError(404);
  try {
    const info = await servableInfo(path);
    if (info.isFile) return info;
  } catch (error) {
    throw answerTo(error);
  }
  throw new HTTPError(404);
}

/** What a client is told that gets no file. */
function refusal({ status, message, headers }: HTTPError): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { "Content-Type": "text/plain;charset=utf-8", ...headers },
  });
}
