import type {
  ProxySSL,
  ProxyTLV,
  ProxyTLVs,
} from "../../handlers/proxy_header.ts";
import { malformed } from "./malformed.ts";

/** The types of TLVs, by their names in proxy-protocol.txt without `PP2_TYPE_`. */
export const TYPE = {
  ALPN: 0x01,
  AUTHORITY: 0x02,
  CRC32C: 0x03,
  NOOP: 0x04,
  UNIQUE_ID: 0x05,
  SSL: 0x20,
  NETNS: 0x30,
} as const;

/** The types inside that of TLS. */
export const SSL_TYPE = {
  VERSION: 0x21,
  CN: 0x22,
  CIPHER: 0x23,
  SIG_ALG: 0x24,
  KEY_ALG: 0x25,
} as const;

/** What the first byte of the TLV of TLS says, bit by bit. */
export const CLIENT = { SSL: 0x01, CERT_CONN: 0x02, CERT_SESS: 0x04 } as const;

/** The type and the length of each, in bytes. */
export const TLV_HEAD = 3;
/** A CRC32c, in bytes. */
export const CHECKSUM_SIZE = 4;
/** The flags and the result of a verification, in bytes. */
export const SSL_HEAD = 5;
export const LONGEST_UNIQUE_ID = 128;

// A byte order mark is the sender's like any other character.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** One TLV, and where its value is. */
interface Found {
  readonly type: number;
  readonly at: number;
  readonly length: number;
}

/**
 * Reads what a header says besides addresses.
 *
 * @param bytes The whole header.
 * @param from Where its TLVs begin; they go on to the end.
 * @returns What they say, and where a checksum is, if there is one.
 * @throws {Deno.errors.InvalidData} If they break the protocol.
 */
export function readTLVs(
  bytes: Uint8Array,
  from: number,
): { readonly tlvs: ProxyTLVs; readonly checksumAt: number | undefined } {
  const tlvs: { -readonly [Key in keyof ProxyTLVs]: ProxyTLVs[Key] } = {};
  // Most balancers send none unless they are told to.
  if (from === bytes.length) return { tlvs, checksumAt: undefined };
  const others: ProxyTLV[] = [];
  let checksumAt: number | undefined;
  for (const found of each(bytes, from, bytes.length)) {
    const { type, at, length } = found;
    const value = bytes.subarray(at, at + length);
    switch (type) {
      case TYPE.ALPN:
        tlvs.alpn = decoder.decode(value);
        break;
      case TYPE.AUTHORITY:
        tlvs.authority = decoder.decode(value);
        break;
      case TYPE.CRC32C:
        if (length !== CHECKSUM_SIZE || checksumAt !== undefined) {
          throw malformed("it has no one checksum of 4 bytes");
        }
        checksumAt = at;
        break;
      case TYPE.NOOP:
        break;
      case TYPE.UNIQUE_ID:
        if (length > LONGEST_UNIQUE_ID) {
          throw malformed(
            `its unique id has ${length} bytes and may have ${LONGEST_UNIQUE_ID}`,
          );
        }
        tlvs.uniqueId = value.slice();
        break;
      case TYPE.SSL:
        tlvs.ssl = readSSL(bytes, found);
        break;
      case TYPE.NETNS:
        tlvs.netns = decoder.decode(value);
        break;
      default:
        others.push({ type, value: value.slice() });
    }
  }
  if (others.length > 0) tlvs.others = others;
  return { tlvs, checksumAt };
}

function readSSL(bytes: Uint8Array, { at, length }: Found): ProxySSL {
  if (length < SSL_HEAD) throw malformed("what it says of TLS is cut short");
  const flags = bytes[at]!;
  const isSet = (flag: number) => (flags & flag) !== 0;
  const shown = isSet(CLIENT.CERT_CONN) || isSet(CLIENT.CERT_SESS);
  const ssl: { -readonly [Key in keyof ProxySSL]: ProxySSL[Key] } = {
    client: isSet(CLIENT.SSL),
    certificateInConnection: isSet(CLIENT.CERT_CONN),
    certificateInSession: isSet(CLIENT.CERT_SESS),
    // Senders put 0 also where no certificate was shown.
    verified: shown && bytes.subarray(at + 1, at + SSL_HEAD).every((b) => !b),
  };
  const others: ProxyTLV[] = [];
  for (const inner of each(bytes, at + SSL_HEAD, at + length)) {
    const value = bytes.subarray(inner.at, inner.at + inner.length);
    switch (inner.type) {
      case SSL_TYPE.VERSION:
        ssl.version = decoder.decode(value);
        break;
      case SSL_TYPE.CN:
        ssl.commonName = decoder.decode(value);
        break;
      case SSL_TYPE.CIPHER:
        ssl.cipher = decoder.decode(value);
        break;
      case SSL_TYPE.SIG_ALG:
        ssl.signatureAlgorithm = decoder.decode(value);
        break;
      case SSL_TYPE.KEY_ALG:
        ssl.keyAlgorithm = decoder.decode(value);
        break;
      default:
        others.push({ type: inner.type, value: value.slice() });
    }
  }
  if (others.length > 0) ssl.others = others;
  return ssl;
}

function* each(
  bytes: Uint8Array,
  from: number,
  to: number,
): Generator<Found> {
  while (from < to) {
    const at = from + TLV_HEAD;
    const length = at > to ? 0 : bytes[from + 1]! * 256 + bytes[from + 2]!;
    if (at + length > to) {
      throw malformed(`a TLV of it ends ${at + length - to} bytes behind it`);
    }
    yield { type: bytes[from]!, at, length };
    from = at + length;
  }
}
