import { STATUS_CODES } from "node:http";

/** What a field's name is: RFC 9110, section 5.6.2. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What no field value and no reason phrase may have, RFC 9110, section 5.5. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

const encoder = new TextEncoder();
/** As much as a head may have where it is made with its body, in bytes. */
const HEAD_ROOM = 2048;
/** What one UTF-16 unit of a text takes at most, in bytes of UTF-8. */
const BYTES_PER_UNIT = 3;
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
 * @throws {RangeError} If the status is not one of HTTP's.
 * @throws {TypeError} If the phrase would end the line.
 */
export function statusLine(status: number, phrase: string | undefined): string {
  if (!(Number.isInteger(status) && status >= 100 && status <= 999)) {
    throw new RangeError(
      `Cannot send a response of status ${status}: it must be an integer from 100 to 999`,
    );
  }
  if (phrase === undefined && status === 200) return "HTTP/1.1 200 OK\r\n";
  const text = phrase ?? STATUS_CODES[status] ?? "";
  checkText("the reason phrase", text);
  return `HTTP/1.1 ${status} ${text}\r\n`;
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

/**
 * A response as bytes.
 *
 * @param headOf Makes its head, in which each character is a byte, for a body of
 * so many bytes.
 * @param body Its body: bytes, or text, which is UTF-8 then.
 * @param memory Where it goes, if there is room; otherwise it gets its own.
 */
export function wholeResponse(
  headOf: (size: number) => string,
  body: string | Uint8Array,
  memory?: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const most = typeof body === "string"
    ? BYTES_PER_UNIT * body.length
    : body.length;
  if (memory === undefined || HEAD_ROOM + most > memory.length) {
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    return withHead(headOf(bytes.length), bytes);
  }
  // How long the head is depends on how long the body is.
  let size: number;
  if (typeof body === "string") {
    size = encoder.encodeInto(body, memory.subarray(HEAD_ROOM)).written;
  } else {
    size = body.length;
    memory.set(body, HEAD_ROOM);
  }
  const head = headOf(size);
  const end = HEAD_ROOM + size;
  if (head.length > HEAD_ROOM) {
    return withHead(head, memory.subarray(HEAD_ROOM, end));
  }
  const from = HEAD_ROOM - head.length;
  putHead(head, memory.subarray(from, HEAD_ROOM));
  return memory.subarray(from, end);
}

function withHead(head: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + body.length);
  putHead(head, whole.subarray(0, head.length));
  whole.set(body, head.length);
  return whole;
}

/** Puts a head where there is room for it, and for no more. */
function putHead(head: string, into: Uint8Array): void {
  const { read, written } = encoder.encodeInto(head, into);
  if (read !== head.length || written !== read) into.set(encodeHead(head));
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
