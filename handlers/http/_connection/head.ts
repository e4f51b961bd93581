import { STATUS_CODES } from "node:http";
import { wrong } from "../../_settings.ts";
import type { LentMemory } from "./lent_memory.ts";

/** What a field's name is: RFC 9110, section 5.6.2. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What no field value and no reason phrase may have, RFC 9110, section 5.5. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** A version of HTTP that responses may be of. */
export type ProtocolVersion = "HTTP/1.0" | "HTTP/1.1";

const encoder = new TextEncoder();
/** Up to which length a text is looked through, in UTF-16 units. */
const SHORT = 1024;
const LAST_ASCII = 0x7f;
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

let headDate = "";
let headType = "";
let headText = "";

/**
 * The head of a response of status 200 that says nothing but its type, and that
 * before which only its framing is left to be said.
 *
 * @param type Its content type.
 */
export function headWithType(type: string): string {
  const date = currentDate();
  // Mostly it is that of the response before.
  if (date !== headDate || type !== headType) {
    headDate = date;
    headType = type;
    headText = `${statusLine(200, undefined)}${
      headerLine("content-type", type)
    }date: ${date}\r\n`;
  }
  return headText;
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

/** A header that may be sent. */
export interface HeaderField {
  /** Its name in lower case. */
  readonly lowerCase: string;
  /** Its line. */
  readonly line: string;
}

/** A name that was looked at, and the line that it had last, if any was kept. */
interface KnownField {
  readonly lowerCase: string;
  value: string;
  line: string;
}

/** By name: most responses have the fields of the one before. */
const knownFields = new Map<string, KnownField>();
const MOST_KNOWN_FIELDS = 64;
/** Up to which length a name and a value are kept, in UTF-16 units. */
const MOST_KEPT = 256;

/**
 * One header.
 *
 * @throws {TypeError} If the name or the value would end it.
 */
export function headerField(name: string, value: string): HeaderField {
  const known = knownFields.get(name) ?? learnField(name);
  if (known.value === value && known.line !== "") return known;
  checkText(`the header "${name}"`, value);
  const line = `${name}: ${value}\r\n`;
  // What is no text, as its type says it is, may be another the next time.
  if (typeof value !== "string" || value.length > MOST_KEPT) {
    return { lowerCase: known.lowerCase, line };
  }
  known.value = value;
  known.line = line;
  return known;
}

/** @throws {TypeError} If it cannot be a name. */
function learnField(name: string): KnownField {
  if (!TOKEN.test(name)) {
    throw new TypeError(
      `Cannot send the header ${
        JSON.stringify(name)
      }: a name is one or more letters, digits and !#$%&'*+-.^_\`|~`,
    );
  }
  const field = { lowerCase: name.toLowerCase(), value: "", line: "" };
  if (name.length <= MOST_KEPT && knownFields.size < MOST_KNOWN_FIELDS) {
    knownFields.set(name, field);
  }
  return field;
}

/**
 * The line of one header.
 *
 * @throws {TypeError} If the name or the value would end it.
 */
export function headerLine(name: string, value: string): string {
  return headerField(name, value).line;
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

/** How many bytes a text has as UTF-8, if that is easily told. */
export function sizeOfAscii(text: string): number | undefined {
  const { length } = text;
  if (length > SHORT) return undefined;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) > LAST_ASCII) return undefined;
  }
  return length;
}

/**
 * Makes a response of its head and its body.
 *
 * @param head Its head, in which each character is a byte.
 * @param body Its body: bytes, or text that is ASCII.
 * @param memory Where it goes, if there is room; otherwise it gets its own.
 */
export function wholeResponse(
  head: string,
  body: string | Uint8Array,
  memory?: LentMemory,
): Uint8Array<ArrayBuffer> {
  const size = head.length + body.length;
  const isText = typeof body === "string";
  const fits = memory !== undefined && size <= memory.bytes.length;
  const whole = fits ? memory.bytes : new Uint8Array(size);
  const text = isText ? head + body : head;
  const { read, written } = encoder.encodeInto(text, whole);
  if (read !== text.length || written !== read) whole.set(encodeHead(text));
  if (!isText) whole.set(body, head.length);
  return fits ? memory.first(size) : whole;
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
