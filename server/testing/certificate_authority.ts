import { ipBytes } from "../../handlers/_ip_text.ts";
import { checkKeys } from "../../handlers/_known_keys.ts";
import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import { tagged } from "./_der.ts";
import { type Issuer, makeKey, signCertificate } from "./_x509.ts";

/** Where a test's server is, as its clients call it. */
const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"];
const DEFAULT_DAYS = 1;
/** No more than the year of a certificate can say. */
const MOST_DAYS = 365_000;

const DAY = 24 * 60 * 60 * 1000;
/** Certificates begin earlier than they are made: clocks differ. */
const CLOCK_SKEW = 60 * 60 * 1000;
/** What a common name may have, in characters (RFC 5280, appendix A.1). */
const LONGEST_SUBJECT = 64;

/** A name of a host, or all names with one label more. */
const HOST = /^(\*\.)?([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/i;

/** What {@linkcode selfSignedCertificate} and {@linkcode CertificateAuthority.issue} take. */
export interface CertificateOptions {
  /**
   * The names of hosts and IP addresses that it is for; `*.example.org` stands for
   * all names with one label more. None, for a client, is an empty array.
   *
   * @default {["localhost", "127.0.0.1", "::1"]}
   */
  readonly names?: readonly string[];
  /**
   * How many days it is valid from now on, fractions too. Less than 0: since when
   * it is not valid any more.
   *
   * @default {1}
   */
  readonly days?: number;
  /**
   * Whom it names (the common name), at most 64 characters.
   *
   * @default The first of `names`, or "test".
   */
  readonly subject?: string;
}

const OPTIONS: readonly (keyof CertificateOptions)[] = [
  ...["names", "days", "subject"] as const,
];

/**
 * Makes a certificate that signs itself, and its key: ECDSA with P-256, X.509
 * version 3. Nothing but Web Crypto is needed, and no permission.
 *
 * Clients take it where it is among those they trust (`ca`, `caCerts`).
 *
 * @param options Whom it names, and how long it is valid.
 * @returns The certificate and its key, in PEM format.
 * @throws {RangeError} If `days` is out of range, or `subject` too long.
 * @throws {TypeError} If an option is unknown, or of another type, or a name is
 * none of a host.
 *
 * @example A server in TLS
 * ```ts
 * import { TLSServer } from "@wire/socketserver";
 * import { selfSignedCertificate } from "@wire/socketserver/testing";
 *
 * const { cert, key } = await selfSignedCertificate();
 * await using server = new TLSServer({ port: 0, cert, key }, () => {});
 * ```
 */
export async function selfSignedCertificate(
  options: CertificateOptions = {},
): Promise<TLSCertificate> {
  const statement = statementOf(options, "make a certificate");
  const key = await makeKey();
  const cert = await signCertificate({ ...statement, isAuthority: false }, key);
  return { cert, key: key.pem };
}

/**
 * Signs certificates of servers and clients, for tests. Instances are made by
 * {@linkcode CertificateAuthority.make}.
 *
 * @example A server that wants to see its clients' certificates
 * ```ts
 * import { TLSServer } from "@wire/socketserver";
 * import { connect } from "@wire/socketserver/client";
 * import { CertificateAuthority } from "@wire/socketserver/testing";
 * import { strictEqual } from "node:assert";
 *
 * const authority = await CertificateAuthority.make();
 * await using server = new TLSServer(
 *   {
 *     ...{ hostname: "127.0.0.1", port: 0, ...await authority.issue() },
 *     ...{ clientAuth: "require", ca: authority.cert },
 *   },
 *   async ({ tls, wfile }) => {
 *     await wfile.write(`Hello ${tls?.peerCertificate?.subject}\n`);
 *   },
 * );
 * server.serveForever();
 *
 * const own = await authority.issue({ subject: "alice", names: [] });
 * await using client = await connect(server.addr, {
 *   tls: { ca: authority.cert, ...own },
 * });
 * strictEqual(await client.rfile.readLine(), "Hello CN=alice");
 * ```
 */
export class CertificateAuthority {
  /** Its own certificate, in PEM format. */
  readonly cert: string;
  readonly #issuer: Issuer;

  private constructor(cert: string, issuer: Issuer) {
    this.cert = cert;
    this.#issuer = issuer;
  }

  /**
   * Makes one, with a key of its own.
   *
   * @param options Whom its certificate names, and how long it is valid.
   * @returns It.
   * @throws {RangeError} If `days` is out of range, or `subject` too long.
   * @throws {TypeError} If an option is unknown, or of another type.
   */
  static async make(
    options: Omit<CertificateOptions, "names"> = {},
  ): Promise<CertificateAuthority> {
    const action = "make a certificate authority";
    checkKeys("option", options, ["days", "subject"], undefined, action);
    const { subject = "Test authority" } = options;
    const statement = statementOf({ ...options, subject, names: [] }, action);
    const key = await makeKey();
    const cert = await signCertificate(
      { ...statement, isAuthority: true },
      key,
    );
    return new CertificateAuthority(cert, { subject, key });
  }

  /**
   * Signs a certificate, for a server or a client.
   *
   * @param options Whom it names, and how long it is valid.
   * @returns The certificate and its key, in PEM format.
   * @throws {RangeError} If `days` is out of range, or `subject` too long.
   * @throws {TypeError} If an option is unknown, or of another type, or a name is
   * none of a host.
   */
  async issue(options: CertificateOptions = {}): Promise<TLSCertificate> {
    const statement = statementOf(options, "issue a certificate");
    const key = await makeKey();
    const cert = await signCertificate(
      { ...statement, isAuthority: false },
      key,
      this.#issuer,
    );
    return { cert, key: key.pem };
  }
}

function statementOf(options: CertificateOptions, action: string) {
  checkKeys("option", options, OPTIONS, undefined, action);
  const { names = DEFAULT_NAMES, days = DEFAULT_DAYS } = options;
  if (!Array.isArray(names)) {
    throw new TypeError(
      `Cannot ${action}: names must be an array of hosts, received ${
        Deno.inspect(names)
      }`,
    );
  }
  const altNames = names.map((name) => generalName(name, action));
  const { subject = names[0] ?? "test" } = options;
  if (typeof subject !== "string" || subject === "") {
    throw new TypeError(
      `Cannot ${action}: subject must be text, received ${
        Deno.inspect(subject)
      }`,
    );
  }
  if (subject.length > LONGEST_SUBJECT) {
    throw new RangeError(
      `Cannot ${action}: subject has ${subject.length} characters and may have ${LONGEST_SUBJECT}`,
    );
  }
  return {
    subject,
    names: altNames,
    ...validity(days, action),
  };
}

function validity(days: unknown, action: string) {
  if (
    typeof days !== "number" || !(Math.abs(days) <= MOST_DAYS) || days === 0
  ) {
    throw new RangeError(
      `Cannot ${action}: days must be a number from -${MOST_DAYS} to ${MOST_DAYS}, and not 0, received ${
        Deno.inspect(days)
      }`,
    );
  }
  const until = Date.now() + days * DAY;
  const from = Math.min(Date.now(), until) - CLOCK_SKEW;
  return { from: new Date(from), until: new Date(until) };
}

/** A name as `subjectAltName` has it (RFC 5280, section 4.2.1.6). */
function generalName(name: unknown, action: string): Uint8Array {
  const host = typeof name === "string" ? name : "";
  const address = ipBytes(host);
  if (address !== undefined) return tagged(0x87, address);
  if (host.length <= 253 && HOST.test(host)) {
    return tagged(0x82, new TextEncoder().encode(host));
  }
  throw new TypeError(
    `Cannot ${action}: names must be those of hosts in ASCII, or IP addresses, received ${
      Deno.inspect(name, { strAbbreviateSize: 40 })
    }`,
  );
}
