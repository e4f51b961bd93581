import type {
  ProxySSL,
  ProxyTLV,
  ProxyTLVs,
} from "../../handlers/proxy_header.ts";
import { CLIENT, LONGEST_UNIQUE_ID, SSL_TYPE, TLV_HEAD, TYPE } from "./tlvs.ts";

/** The longest value, in bytes: its length has 16 bits. */
const LONGEST_VALUE = 0xffff;

const encoder = new TextEncoder();

/** TLVs as bytes, those that are named first. */
export function encodeTLVs(
  { alpn, authority, uniqueId, ssl, netns, others = [] }: ProxyTLVs,
): Uint8Array<ArrayBuffer> {
  if (uniqueId !== undefined && uniqueId.length > LONGEST_UNIQUE_ID) {
    throw new RangeError(
      `Cannot encode a PROXY header: uniqueId has ${uniqueId.length} bytes and may have ${LONGEST_UNIQUE_ID}`,
    );
  }
  return joined([
    ...text(TYPE.ALPN, alpn),
    ...text(TYPE.AUTHORITY, authority),
    ...uniqueId === undefined ? [] : [tlv(TYPE.UNIQUE_ID, uniqueId)],
    ...ssl === undefined ? [] : [tlv(TYPE.SSL, encodeSSL(ssl))],
    ...text(TYPE.NETNS, netns),
    ...others.map(encodeOther),
  ]);
}

function encodeSSL(ssl: ProxySSL): Uint8Array<ArrayBuffer> {
  const flags = (ssl.client ? CLIENT.SSL : 0) |
    (ssl.certificateInConnection ? CLIENT.CERT_CONN : 0) |
    (ssl.certificateInSession ? CLIENT.CERT_SESS : 0);
  return joined([
    Uint8Array.of(flags, 0, 0, 0, ssl.verified ? 0 : 1),
    ...text(SSL_TYPE.VERSION, ssl.version),
    ...text(SSL_TYPE.CN, ssl.commonName),
    ...text(SSL_TYPE.CIPHER, ssl.cipher),
    ...text(SSL_TYPE.SIG_ALG, ssl.signatureAlgorithm),
    ...text(SSL_TYPE.KEY_ALG, ssl.keyAlgorithm),
    ...(ssl.others ?? []).map(encodeOther),
  ]);
}

function encodeOther({ type, value }: ProxyTLV): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(type) || type < 0 || type > 0xff) {
    throw new RangeError(
      `Cannot encode a PROXY header: the type of a TLV must be an integer from 0 to 255, received ${type}`,
    );
  }
  if (type === TYPE.CRC32C) {
    throw new TypeError(
      "Cannot encode a PROXY header: the type 3 is that of its checksum; set checksum",
    );
  }
  return tlv(type, value);
}

function text(
  type: number,
  value: string | undefined,
): Uint8Array<ArrayBuffer>[] {
  return value === undefined ? [] : [tlv(type, encoder.encode(value))];
}

/** One of them. */
export function tlv(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  if (value.length > LONGEST_VALUE) {
    throw new RangeError(
      `Cannot encode a PROXY header: a TLV has ${value.length} bytes and may have ${LONGEST_VALUE}`,
    );
  }
  const bytes = new Uint8Array(TLV_HEAD + value.length);
  bytes.set([type, value.length >> 8, value.length & 0xff]);
  bytes.set(value, TLV_HEAD);
  return bytes;
}

/** Bytes one after the other. */
export function joined(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
