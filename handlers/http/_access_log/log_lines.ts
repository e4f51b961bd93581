import { escapeActive } from "../../_escape_controls.ts";
import type { AccessLogRecord } from "../access_log_record.ts";
import { escapeField } from "./escape_field.ts";
import { headerOf } from "./raw_headers.ts";
import { commonTime, pythonTime } from "./log_time.ts";

/** What a field is that is not known: mod_log_config of Apache. */
const NOTHING = "-";
/** nginx's status of a request whose client has gone before it was answered. */
const CLIENT_GONE = "499";

/**
 * A line of the Common Log Format, `%h %l %u %t "%r" %>s %b` of Apache's
 * mod_log_config. The names of users are not known here.
 */
export function commonLine(record: AccessLogRecord): string {
  return `${hostOf(record)} - - ${commonTime(record.time)} ${
    requestAndReply(record)
  }`;
}

/** The same with `"%{Referer}i" "%{User-agent}i"` behind it. */
export function combinedLine(record: AccessLogRecord): string {
  return `${commonLine(record)} ${quoted(record, "referer")} ${
    quoted(record, "user-agent")
  }`;
}

/** A line as `log_message()` of CPython's `http.server` writes it. */
export function pythonLine(record: AccessLogRecord): string {
  return `${hostOf(record)} - - ${pythonTime(record.time)} ${
    requestAndReply(record)
  }`;
}

/** A line of JSON: RFC 8259, in which what a terminal acts on is escaped too. */
export function jsonLine(record: AccessLogRecord): string {
  const line = JSON.stringify({
    time: new Date(record.time).toISOString(),
    client: record.client,
    method: record.method,
    target: record.target,
    protocol: record.protocol,
    status: record.status,
    bytes: record.bytes,
    duration: Math.round(record.duration * 1000) / 1000,
    complete: record.complete,
    encrypted: record.encrypted,
    host: headerOf(record, "host"),
    referer: headerOf(record, "referer"),
    userAgent: headerOf(record, "user-agent"),
  });
  // None of these is part of JSON itself: all are in its texts.
  return escapeActive(line, jsonEscape);
}

/** A character as JSON escapes it: each half of a surrogate pair by itself. */
function jsonEscape(character: string): string {
  let text = "";
  for (let i = 0; i < character.length; i++) {
    text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return text;
}

/** No blank may be in it, which would end the field. */
function hostOf({ client }: AccessLogRecord): string {
  return client === "" ? NOTHING : escapeField(client).replaceAll(" ", "\\x20");
}

function requestAndReply(record: AccessLogRecord): string {
  const { method, target, protocol, status, bytes, complete } = record;
  const line = method === ""
    ? NOTHING
    : `${escapeField(method)} ${escapeField(target)} ${protocol}`;
  const code = status !== 0 ? status : complete ? NOTHING : CLIENT_GONE;
  return `"${line}" ${code} ${bytes === 0 ? NOTHING : bytes}`;
}

function quoted(record: AccessLogRecord, name: string): string {
  return `"${escapeField(headerOf(record, name) ?? NOTHING)}"`;
}
