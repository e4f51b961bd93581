import { checkRuns } from "../_generators.ts";
import { wrong } from "../_settings.ts";
import type { AccessLogRecord } from "./access_log_record.ts";
import {
  combinedLine,
  commonLine,
  jsonLine,
  pythonLine,
} from "./_access_log/log_lines.ts";

/**
 * How a line of an access log looks.
 *
 * - `"common"`: the Common Log Format, as Apache writes it.
 * - `"combined"`: the same, with `Referer` and `User-Agent` behind it.
 * - `"python"`: as CPython's `http.server`, whose time has no zone.
 * - `"json"`: an object a line.
 */
export type AccessLogFormat = "common" | "combined" | "python" | "json";

/**
 * Is told of each request when it is over. What it throws is printed; a promise
 * that it returns is not waited for.
 */
export type AccessLogFunction = (
  record: AccessLogRecord,
) => void | Promise<void>;

/** The access log of a handler class: a format, a function, or none. */
export type AccessLog = AccessLogFormat | AccessLogFunction | false;

const FORMATS: Readonly<
  Record<AccessLogFormat, (record: AccessLogRecord) => string>
> = {
  common: commonLine,
  combined: combinedLine,
  python: pythonLine,
  json: jsonLine,
};

/**
 * The line of an access log for one request. Control characters, quotes and
 * backslashes that a client has sent are escaped, so that it stays one line and
 * its fields can be told apart.
 *
 * In the formats of text a request whose first line was not understood is `-`, no
 * bytes are `-`, and the status of a request that was over before any answer is
 * 499, as nginx has it.
 *
 * @param record What is logged.
 * @param format How.
 * @returns The line, without its ending.
 * @throws {TypeError} If there is no such format.
 *
 * @example An access log in a file
 * ```ts
 * import { formatAccessLog, HTTPServer } from "@wire/socketserver/http";
 *
 * const path = await Deno.makeTempFile();
 * using log = await Deno.open(path, { append: true });
 * const encoder = new TextEncoder();
 *
 * await using server = new HTTPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   () => new Response("hello\n"),
 *   {
 *     accessLog: (record) => {
 *       log.writeSync(encoder.encode(`${formatAccessLog(record, "combined")}\n`));
 *     },
 *   },
 * );
 * await Deno.remove(path);
 * ```
 */
export function formatAccessLog(
  record: AccessLogRecord,
  format: AccessLogFormat,
): string {
  if (Object.hasOwn(FORMATS, format)) return FORMATS[format](record);
  throw wrong("format an access log", "the format", formatNames(), format);
}

/**
 * Checks what a handler class is set to.
 *
 * @param log The setting.
 * @throws {TypeError} If it is none.
 * @ignore
 */
export function checkAccessLog(log: AccessLog | undefined): void {
  if (log === undefined || log === false) return;
  const action = "log requests";
  if (typeof log === "function") return checkRuns("accessLog", log, action);
  if (Object.hasOwn(FORMATS, log)) return;
  throw wrong(
    action,
    "accessLog",
    `${formatNames()}, a function, or false`,
    log,
  );
}

function formatNames(): string {
  return Object.keys(FORMATS).map((name) => `"${name}"`).join(", ");
}
