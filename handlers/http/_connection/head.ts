import { STATUS_CODES } from "node:http";
import { wrong } from "../../_settings.ts";

/** What a field's name is: RFC 9110, section 5.6.2. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What no field value and no reason phrase may have, RFC 9110, section 5.5. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** A version of HTTP that responses may be of. */
export type ProtocolVersion = "HTTP/1.0" | "HTTP/1.1";

const encoder = new TextEncoder();
let dateSecond = 0;
let dateText = "";

/** The current time as `Date` has it, RFC 9110, section 5.6.7. */
export function currentDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}

/**
 * The first line of a response.
 *
 * @param status The status.
 * @param phrase The reason phrase; by default the status's own.
 * @param version The version of the response.
 * @throws {RangeError} If the status is not one of HTTP's.
 * @throws {TypeError} If the phrase would end the line.
 */
export function statusLine(
  status: number,
  phrase: string | undefined,
  version: ProtocolVersion = "HTTP/1.1",
): string {
  if (!(Number.isInteger(status) && status >= 100 && status <= 999)) {
    throw new RangeError(
      `Cannot send a response of status ${status}: it must be an integer from 100 to 999`,
    );
  }
  if (phrase === undefined && status === 200) return `${version} 200 OK\r\n`;
  const text = phrase ?? STATUS_CODES[status] ?? "";
  checkText("the reason phrase", text);
  return `${version} ${status} ${text}\r\n`;
}

/**
 * One header.
 *
 * @throws {TypeError} If the name or the value would end it.
 */
export function headerLine(name: string, value: string): string {
  if (!TOKEN.test(name)) {
    throw new TypeError(
      `Cannot send the header ${
        JSON.stringify(name)
      }: a name is one or more letters, digits and !#$%&'*+-.^_\`|~`,
    );
  }
  checkText(`the header "${name}"`, value);
  return `${name}: ${value}\r\n`;
}

/** Whether something is text that a head may have. */
export function isFieldText(text: unknown): boolean {
  return typeof text === "string" && !FORBIDDEN.test(text);
}

/** @throws {TypeError} If a setting is no text that a head may have. */
export function checkFieldText(
  action: string,
  name: string,
  value: unknown,
): void {
  if (isFieldText(value)) return;
  throw wrong(action, name, "one line of text of ISO-8859-1", value);
}

/** Whether the value of a response's `Content-Length` is a number of bytes. */
export function isContentLength(value: string): boolean {
  return /^\d{1,15}$/.test(value);
}

/** Whether the value of `Connection` names `close`, RFC 9112, section 9.6. */
export function namesClose(value: string): boolean {
  return /(^|,)[ \t]*close[ \t]*(,|$)/i.test(value);
}

/** The bytes of a head, in which each character is one. */
export function encodeHead(head: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(head);
  if (bytes.length === head.length) return bytes;
  return Uint8Array.from(head, (character) => character.charCodeAt(0));
}

function checkText(what: string, text: string): void {
  const found = FORBIDDEN.exec(text);
  if (found === null) return;
  throw new TypeError(
    `Cannot send ${what}: it holds ${
      JSON.stringify(found[0])
    }, and may hold only visible characters of ISO-8859-1, spaces and tabs`,
  );
}
