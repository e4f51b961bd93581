import {
  bitString,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  tagged,
  time,
  TRUE,
  utf8String,
} from "./_der.ts";

/** ECDSA with P-256 and SHA-256, the algorithm of all keys here. */
const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
/** `ecdsa-with-SHA256` (RFC 5758, section 3.2). */
const SIGNATURE_ALGORITHM = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
/** Half of a signature of P-256, in bytes. */
const SIGNATURE_HALF = 32;

const COMMON_NAME = objectIdentifier("2.5.4.3");

/** Extensions (RFC 5280, section 4.2.1), and uses of keys (4.2.1.12). */
const SUBJECT_KEY_IDENTIFIER = objectIdentifier("2.5.29.14");
const KEY_USAGE = objectIdentifier("2.5.29.15");
const SUBJECT_ALT_NAME = objectIdentifier("2.5.29.17");
const BASIC_CONSTRAINTS = objectIdentifier("2.5.29.19");
const AUTHORITY_KEY_IDENTIFIER = objectIdentifier("2.5.29.35");
const EXTENDED_KEY_USAGE = objectIdentifier("2.5.29.37");
const SERVER_AND_CLIENT = sequence(
  objectIdentifier("1.3.6.1.5.5.7.3.1"),
  objectIdentifier("1.3.6.1.5.5.7.3.2"),
);

/** Bits of `KeyUsage`: `digitalSignature`, and `keyCertSign` with `cRLSign`. */
const SIGNS_MESSAGES = bitString(Uint8Array.of(0x80), 7);
const SIGNS_CERTIFICATES = bitString(Uint8Array.of(0x06), 1);

/** A key, and what is known of it. */
export interface Key {
  readonly privateKey: CryptoKey;
  /** The public key, as a certificate has it. */
  readonly spki: Uint8Array;
  /** What names it: the SHA-1 of it (RFC 5280, section 4.2.1.2). */
  readonly identifier: Uint8Array;
  /** The private key, in PEM format. */
  readonly pem: string;
}

/** Who signs. */
export interface Issuer {
  readonly subject: string;
  readonly key: Key;
}

/** What a certificate says. */
export interface Statement {
  /** Whom it names. */
  readonly subject: string;
  /** The names of hosts that it is for, each as `subjectAltName` has it. */
  readonly names: readonly Uint8Array[];
  readonly from: Date;
  readonly until: Date;
  /** Whether it may sign others. */
  readonly isAuthority: boolean;
}

/** Makes a key of ECDSA with P-256. */
export async function makeKey(): Promise<Key> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    KEY_ALGORITHM,
    true,
    ["sign", "verify"],
  );
  const { subtle } = crypto;
  const [spki, point, pkcs8] = await Promise.all([
    subtle.exportKey("spki", publicKey),
    subtle.exportKey("raw", publicKey),
    subtle.exportKey("pkcs8", privateKey),
  ]);
  return {
    privateKey,
    spki: new Uint8Array(spki),
    identifier: new Uint8Array(await subtle.digest("SHA-1", point)),
    pem: pem("PRIVATE KEY", new Uint8Array(pkcs8)),
  };
}

/**
 * Signs a certificate of X.509, version 3 (RFC 5280, section 4.1).
 *
 * @param statement What it says.
 * @param key Whose it is.
 * @param issuer Who signs it; without one it signs itself.
 * @returns It, in PEM format.
 */
export async function signCertificate(
  { subject, names, from, until, isAuthority }: Statement,
  key: Key,
  issuer: Issuer = { subject, key },
): Promise<string> {
  const serial = crypto.getRandomValues(new Uint8Array(16));
  // Positive, and of the full length.
  serial[0] = serial[0]! & 0x7f | 0x40;
  const extensions = [
    critical(
      BASIC_CONSTRAINTS,
      isAuthority ? sequence(TRUE) : sequence(),
    ),
    critical(KEY_USAGE, isAuthority ? SIGNS_CERTIFICATES : SIGNS_MESSAGES),
    extension(SUBJECT_KEY_IDENTIFIER, octetString(key.identifier)),
    extension(
      AUTHORITY_KEY_IDENTIFIER,
      sequence(tagged(0x80, issuer.key.identifier)),
    ),
  ];
  if (!isAuthority) {
    extensions.push(extension(EXTENDED_KEY_USAGE, SERVER_AND_CLIENT));
  }
  if (names.length > 0) {
    extensions.push(extension(SUBJECT_ALT_NAME, sequence(...names)));
  }
  const toBeSigned = sequence(
    // Version 3.
    tagged(0xa0, integer(Uint8Array.of(2))),
    integer(serial),
    SIGNATURE_ALGORITHM,
    name(issuer.subject),
    sequence(time(from), time(until)),
    name(subject),
    key.spki,
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = new Uint8Array(
    await crypto.subtle.sign(SIGNING, issuer.key.privateKey, toBeSigned),
  );
  // Web Crypto joins the two numbers; certificates have them apart (RFC 3279).
  const numbers = sequence(
    integer(signature.subarray(0, SIGNATURE_HALF)),
    integer(signature.subarray(SIGNATURE_HALF)),
  );
  return pem(
    "CERTIFICATE",
    sequence(toBeSigned, SIGNATURE_ALGORITHM, bitString(numbers)),
  );
}

/** A name with one part, the common name. */
function name(commonName: string): Uint8Array {
  return sequence(
    tagged(0x31, sequence(COMMON_NAME, utf8String(commonName))),
  );
}

function extension(id: Uint8Array, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return sequence(id, octetString(value));
}

function critical(id: Uint8Array, value: Uint8Array): Uint8Array<ArrayBuffer> {
  return sequence(id, TRUE, octetString(value));
}

/** Text in PEM format (RFC 7468). */
function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
