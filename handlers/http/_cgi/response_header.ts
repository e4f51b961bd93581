import { Buffer } from "node:buffer";
import { isContentLength, TOKEN } from "../_connection/head.ts";
import { ScriptError } from "./script_error.ts";

/** How many fields a script's header may have. */
const MAX_FIELDS = 100;

/** What no value may contain. Its bytes are taken as those of Latin-1. */
// deno-lint-ignore no-control-regex -- Those are what is looked for.
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Fields of which there may be one: those of RFC 3875, and the framing. */
const SINGLE = new Set([
  "content-length",
  "content-type",
  "location",
  "status",
]);

/**
 * Fields that are the server's: RFC 3875, section 6.3.4, leaves it whatever is
 * about the connection to the client.
 */
const OWN = new Set([
  "connection",
  "date",
  "keep-alive",
  "proxy-connection",
  "server",
  "status",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What a script says about its response. */
export interface ScriptResponse {
  readonly status: number;
  /** What follows the status; undefined where the script left it out. */
  readonly reason: string | undefined;
  /** Names and values that the client gets. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** How long the script says its body is, in bytes. */
  readonly contentLength: number | undefined;
  /** What the server shall answer instead: a path and perhaps a query. */
  readonly localRedirect: string | undefined;
}

/**
 * Reads a script's header, RFC 3875, section 6.
 *
 * @param header Its lines, each with its ending.
 * @throws {ScriptError} If it is none.
 */
export function parseResponseHeader(header: Uint8Array): ScriptResponse {
  const fields: [string, string][] = [];
  const single = new Map<string, string>();
  let count = 0;
  for (const line of linesOf(header)) {
    if (++count > MAX_FIELDS) {
      throw refuse(`its header has more than ${MAX_FIELDS} fields`);
    }
    const [name, value] = parseField(line);
    const key = name.toLowerCase();
    if (SINGLE.has(key)) {
      if (single.has(key)) throw refuse(`its header has two ${name} fields`);
      single.set(key, value);
    }
    // RFC 3875, section 6.3.5: between script and server.
    if (!OWN.has(key) && !key.startsWith("x-cgi-")) fields.push([name, value]);
  }
  const location = single.get("location");
  const status = single.get("status");
  if (
    location === undefined && status === undefined &&
    !single.has("content-type")
  ) {
    throw refuse(
      "its header has none of Content-Type, Location and Status, and must have one",
    );
  }
  return {
    ...(status === undefined
      ? { status: location === undefined ? 200 : 302, reason: undefined }
      : parseStatus(status)),
    fields,
    contentLength: parseLength(single.get("content-length")),
    localRedirect: status === undefined ? localTarget(location) : undefined,
  };
}

/** RFC 3875, section 6.3.2: a path is local, anything else is the client's. */
function localTarget(location: string | undefined): string | undefined {
  if (!location?.startsWith("/")) return undefined;
  // Only the client knows what to do with a fragment.
  return location.includes("#") ? undefined : location;
}

function linesOf(header: Uint8Array): string[] {
  if (header.length === 0) return [];
  // TextDecoder's latin1 is windows-1252, which is not one character a byte.
  const text = Buffer.from(header).toString("latin1");
  return text.replace(/\r?\n$/, "").split(/\r?\n/);
}

function parseField(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "");
  if (!TOKEN.test(name) || CONTROL.test(value)) {
    throw refuse(`its header has the line ${quote(line)}, which is no field`);
  }
  return [name, value];
}

/** RFC 3875, section 6.3.3. */
function parseStatus(
  status: string,
): Pick<ScriptResponse, "status" | "reason"> {
  const [, code, reason] = /^(\d{3})(?: +(.*))?$/.exec(status) ?? [];
  const number = Number(code);
  // One below 200 would announce another response, which nobody gives.
  if (!(number >= 200 && number <= 599)) {
    throw refuse(`its status is ${quote(status)}, which is none of a response`);
  }
  return { status: number, reason: reason || undefined };
}

function parseLength(length: string | undefined): number | undefined {
  if (length === undefined) return undefined;
  if (!isContentLength(length)) {
    throw refuse(`its Content-Length is ${quote(length)}, which is no number`);
  }
  return Number(length);
}

function refuse(message: string): ScriptError {
  return new ScriptError(502, message);
}

/** What is quoted in a log is short, and has no control characters. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
