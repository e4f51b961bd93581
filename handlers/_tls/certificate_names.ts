import { ipBytes } from "../_ip_text.ts";

/** Tags of DER (X.690) that are met on the way to the names (RFC 5280, 4.1). */
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** Tags of names (RFC 5280, section 4.2.1.6). */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/** The contents of 2.5.29.17, `subjectAltName`. */
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];

const decoder = new TextDecoder("latin1");

/** The names that a certificate is for. */
export interface CertificateNames {
  readonly dns: readonly string[];
  readonly ip: readonly Uint8Array[];
}

/** One value of DER. */
interface Value {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/**
 * Reads the names of hosts that a certificate is for.
 *
 * `X509Certificate` of `node:crypto` gives them as one text, in which what one name
 * contains can look like another, and its `checkHost` looks for parts of names.
 *
 * @param der The certificate.
 * @throws {Deno.errors.InvalidData} If it is no certificate of X.509, version 3.
 */
export function certificateNames(der: Uint8Array): CertificateNames {
  const dns: string[] = [];
  const ip: Uint8Array[] = [];
  const [certificate] = valuesOf(der);
  const [toBeSigned] = valuesOf(inside(certificate, SEQUENCE));
  const fields = valuesOf(inside(toBeSigned, SEQUENCE));
  // Version 1 has no extensions, and so no names.
  inside(fields[0], VERSION);
  const extensions = fields.find(({ tag }) => tag === EXTENSIONS);
  if (extensions === undefined) return { dns, ip };
  const [list] = valuesOf(extensions.bytes);
  for (const extension of valuesOf(inside(list, SEQUENCE))) {
    const parts = valuesOf(inside(extension, SEQUENCE));
    const id = inside(parts[0], OBJECT_IDENTIFIER);
    if (
      id.length !== SUBJECT_ALT_NAME.length ||
      !SUBJECT_ALT_NAME.every((byte, i) => byte === id[i])
    ) continue;
    // Between the two may be whether it is critical.
    const [names] = valuesOf(inside(parts.at(-1), OCTET_STRING));
    for (const { tag, bytes } of valuesOf(inside(names, SEQUENCE))) {
      if (tag === DNS_NAME) dns.push(decoder.decode(bytes));
      if (tag === IP_ADDRESS) ip.push(bytes);
    }
  }
  return { dns, ip };
}

/**
 * Whether names are those of a host, as RFC 9525 has it: a wildcard stands for the
 * whole first label, and the subject of the certificate counts for nothing.
 *
 * @param names The names that a certificate is for.
 * @param host A name in ASCII, or an IP address.
 */
export function isNamed(names: CertificateNames, host: string): boolean {
  const address = ipBytes(host);
  if (address !== undefined) {
    return names.ip.some((ip) =>
      ip.length === address.length && ip.every((byte, i) => byte === address[i])
    );
  }
  const wanted = lowered(host);
  const dot = wanted.indexOf(".");
  const wildcard = dot > 0 ? `*${wanted.slice(dot)}` : undefined;
  return names.dns.some((name) => {
    const lower = lowered(name);
    // One with no more than a dot would stand for all names of a top-level domain.
    return lower === wanted ||
      lower === wildcard && lower.indexOf(".", 2) > 0;
  });
}

/** A name in lower case, without the dot that stands for the root. */
function lowered(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function inside(value: Value | undefined, tag: number): Uint8Array {
  if (value === undefined || value.tag !== tag) throw malformed();
  return value.bytes;
}

/** Reads values that follow each other. None has a length of more than 4 bytes. */
function valuesOf(bytes: Uint8Array): Value[] {
  const found: Value[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at]!;
    let length = bytes[at + 1] ?? Infinity;
    at += 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4) throw malformed();
      length = 0;
      for (const end = at + size; at < end; at++) {
        length = length * 256 + (bytes[at] ?? Infinity);
      }
    }
    if (!(at + length <= bytes.length)) throw malformed();
    found.push({ tag, bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function malformed(): Error {
  return new Deno.errors.InvalidData(
    "The server's certificate was refused: it is not one of X.509, version 3",
  );
}
