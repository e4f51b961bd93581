import { Buffer } from "node:buffer";
import { isAuthority } from "./request_target.ts";

/** What a plain head may have. */
export interface PlainLimits {
  readonly maxHeaderSize: number;
  readonly maxHeaderCount: number;
  readonly maxBodySize: number;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const SLASH = 0x2f;
const COLON = 0x3a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** What a letter in lower case has, and one in upper case has not. */
const LOWER_CASE = 0x20;

/** What a byte may be part of, in a plain head. */
const TARGET = 1;
const NAME = 2;
const VALUE = 4;
const parts = new Uint8Array(256);
for (let byte = SPACE; byte <= 0x7e; byte++) parts[byte] = VALUE;
parts[TAB] = VALUE;
const alphanumeric =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// RFC 3986: unreserved, sub-delims, and what else a path and a query may have.
for (const c of `${alphanumeric}-._~!$&'()*+,;=:@/?%`) {
  parts[c.charCodeAt(0)]! |= TARGET;
}
for (const c of `${alphanumeric}-_`) parts[c.charCodeAt(0)]! |= NAME;

const codes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const methods = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH"]
  .map((name) => ({ name, bytes: codes(`${name} `) }));
const VERSION = codes(" HTTP/1.1\r\n");

/** Names after which a head is not plain, by their length, but for five others. */
const UPGRADE = codes("upgrade");
const EXPECT = codes("expect");
const PROXY_CONNECTION = codes("proxy-connection");
const TRANSFER_ENCODING = codes("transfer-encoding");
const HOST = codes("host");
const CONNECTION = codes("connection");
const KEEP_ALIVE = codes("keep-alive");
const CONTENT_LENGTH = codes("content-length");
/** The digits of a length that is exact as a number. */
const MOST_DIGITS = 15;

/** With more, names would take long to be compared with each other. */
const MOST_FIELDS = 64;
/** Where the names of a head are. */
const names = new Uint16Array(MOST_FIELDS);
/** How long they are. */
const nameLengths = new Uint16Array(MOST_FIELDS);
/** Positions must fit there. */
const MOST_BYTES = 0xffff;

/** The bytes that are read, as what makes text of them. */
let decoder: Buffer = Buffer.alloc(0);

/**
 * Reads heads that are plain: those that nothing could be said against, in which
 * nothing is to be decided. Most are, and a call of llhttp for one costs as much
 * as all else that is done for a small request.
 *
 * A plain head is there as a whole. It asks a server of HTTP/1.1 for a path, by a
 * method that is known; it has one `Host`, no field twice, no transfer coding, no
 * `Expect`, `Upgrade` or `Proxy-Connection`, and `Connection` only where that
 * changes nothing; and it is made of bytes that every parser takes for the same
 * (RFC 9112, sections 2 to 5). Each byte has been looked at where this answers
 * with a head. Where it does not, nothing has been said: llhttp decides, and what
 * else there is to refuse is refused as it ever was.
 */
export class PlainHeadReader {
  /** Where the head ends that was read last: the index behind it. */
  end = 0;
  /** Its method. */
  method = "";
  /** Its target. */
  target = "";
  /** Its host, and perhaps a port. */
  host = "";
  /** How many bytes of a body it announces. */
  announced = 0;
  /** All of it, each character a byte. */
  text = "";
  readonly #limits: PlainLimits;

  constructor(limits: PlainLimits) {
    this.#limits = limits;
  }

  /**
   * Reads a head.
   *
   * @param bytes What has come.
   * @param from Where the head begins.
   * @param length How many bytes have come.
   * @returns Whether it is plain, and is here.
   */
  read(bytes: Uint8Array, from: number, length: number): boolean {
    if (length > MOST_BYTES) return false;
    const method = methodAt(bytes, from, length);
    if (method === undefined) return false;
    const target = from + method.bytes.length;
    if (target >= length || bytes[target] !== SLASH) return false;
    let at = target + 1;
    while (at < length && (parts[bytes[at]!]! & TARGET) !== 0) at++;
    const behindTarget = at;
    if (!startsWith(bytes, at, length, VERSION)) return false;
    at += VERSION.length;
    let count = 0;
    let lengths = 0;
    let host = 0;
    let behindHost = 0;
    let announced = 0;
    while (at < length && bytes[at] !== CR) {
      const name = at;
      while (at < length && (parts[bytes[at]!]! & NAME) !== 0) at++;
      const nameLength = at - name;
      if (nameLength === 0 || at >= length || bytes[at] !== COLON) {
        return false;
      }
      at++;
      while (at < length && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
      const value = at;
      while (at < length && (parts[bytes[at]!]! & VALUE) !== 0) at++;
      const behindValue = at;
      if (at + 1 >= length || bytes[at] !== CR || bytes[at + 1] !== LF) {
        return false;
      }
      at += 2;
      if (behindValue > value) {
        const last = bytes[behindValue - 1];
        if (last === SPACE || last === TAB) return false;
      }
      if (count === MOST_FIELDS) return false;
      // Names that are equally long are few, and only they need be compared.
      const length32 = 1 << nameLength;
      if (
        (lengths & length32) !== 0 && isRepeated(bytes, name, nameLength, count)
      ) return false;
      lengths |= length32;
      names[count] = name;
      nameLengths[count++] = nameLength;
      switch (nameLength) {
        case 4:
          if (!isNamed(bytes, name, HOST)) break;
          host = value;
          behindHost = behindValue;
          break;
        case 6:
          if (isNamed(bytes, name, EXPECT)) return false;
          break;
        case 7:
          if (isNamed(bytes, name, UPGRADE)) return false;
          break;
        case 10:
          if (
            isNamed(bytes, name, CONNECTION) &&
            !(behindValue - value === KEEP_ALIVE.length &&
              isNamed(bytes, value, KEEP_ALIVE))
          ) return false;
          break;
        case 14:
          if (!isNamed(bytes, name, CONTENT_LENGTH)) break;
          announced = numberAt(bytes, value, behindValue);
          if (!(announced <= this.#limits.maxBodySize)) return false;
          break;
        case 16:
          if (isNamed(bytes, name, PROXY_CONNECTION)) return false;
          break;
        case 17:
          if (isNamed(bytes, name, TRANSFER_ENCODING)) return false;
      }
    }
    if (at + 1 >= length || bytes[at + 1] !== LF) return false;
    at += 2;
    if (
      behindHost === host || count > this.#limits.maxHeaderCount ||
      at - from > this.#limits.maxHeaderSize
    ) return false;
    const text = textOf(bytes, from, at);
    const authority = text.slice(host - from, behindHost - from);
    if (!isAuthority(authority)) return false;
    this.end = at;
    this.method = method.name;
    this.target = text.slice(target - from, behindTarget - from);
    this.host = authority;
    this.announced = announced;
    this.text = text;
    return true;
  }
}

/**
 * The fields of a plain head.
 *
 * @param text The head.
 * @returns Names and values in turn, as they were sent.
 */
export function fieldsOf(text: string): string[] {
  const fields: string[] = [];
  let at = text.indexOf("\r\n") + 2;
  for (let end; (end = text.indexOf("\r\n", at)) > at; at = end + 2) {
    const colon = text.indexOf(":", at);
    let value = colon + 1;
    // What is before a value is no part of it: RFC 9112, section 5.
    while (text[value] === " " || text[value] === "\t") value++;
    fields.push(text.slice(at, colon), text.slice(value, end));
  }
  return fields;
}

function methodAt(bytes: Uint8Array, at: number, length: number) {
  for (let i = 0; i < methods.length; i++) {
    const method = methods[i]!;
    if (startsWith(bytes, at, length, method.bytes)) return method;
  }
  return undefined;
}

function startsWith(
  bytes: Uint8Array,
  at: number,
  length: number,
  expected: Uint8Array,
): boolean {
  if (at + expected.length > length) return false;
  for (let i = 0; i < expected.length; i++) {
    if (bytes[at + i] !== expected[i]) return false;
  }
  return true;
}

/**
 * Whether a name of the same length, or a value, is the one that is meant. Bytes
 * that are no part of one do not come here.
 */
function isNamed(
  bytes: Uint8Array,
  at: number,
  expected: Uint8Array,
): boolean {
  for (let i = 0; i < expected.length; i++) {
    if ((bytes[at + i]! | LOWER_CASE) !== expected[i]) return false;
  }
  return true;
}

/** Whether one of the first `count` names is the same as this. */
function isRepeated(
  bytes: Uint8Array,
  name: number,
  length: number,
  count: number,
): boolean {
  for (let i = 0; i < count; i++) {
    if (nameLengths[i] !== length) continue;
    const before = names[i]!;
    let same = 0;
    while (
      same < length &&
      (bytes[before + same]! | LOWER_CASE) ===
        (bytes[name + same]! | LOWER_CASE)
    ) same++;
    if (same === length) return true;
  }
  return false;
}

/** A number of bytes; NaN where it is none that is exact. */
function numberAt(bytes: Uint8Array, from: number, to: number): number {
  if (from === to || to - from > MOST_DIGITS) return NaN;
  let number = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte < DIGIT_0 || byte > DIGIT_9) return NaN;
    number = 10 * number + byte - DIGIT_0;
  }
  return number;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  // Connections are many, and what makes text of one's bytes is as large as they.
  if (
    decoder.buffer !== bytes.buffer ||
    decoder.byteOffset !== bytes.byteOffset || decoder.length < to
  ) decoder = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return decoder.toString("latin1", from, to);
}
