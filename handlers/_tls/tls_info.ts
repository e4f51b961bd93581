import process from "node:process";
import type { Engine } from "./engine.ts";

/** The certificate that a peer has shown. All of it is the peer's word. */
export interface PeerCertificate {
  /** Whom it names, a line for each part, such as `CN=alice`. */
  readonly subject: string;
  /** Who has signed it, a line for each part. */
  readonly issuer: string;
  /** The names that it is for, such as `DNS:example.org`, or `null`. */
  readonly subjectAltName: string | null;
  /** Its number, unique for its issuer, in hexadecimal digits. */
  readonly serialNumber: string;
  /** From when it is valid, as `Date.prototype.toISOString()` writes it. */
  readonly validFrom: string;
  /** Until when it is valid, as `Date.prototype.toISOString()` writes it. */
  readonly validTo: string;
  /** The SHA-256 of it, in pairs of hexadecimal digits between colons. */
  readonly fingerprint256: string;
  /** All of it, in PEM format. */
  readonly pem: string;
}

/** What a TLS handshake has agreed upon. */
export interface TLSInfo {
  /** The version: `"TLSv1.3"` or `"TLSv1.2"`. */
  readonly protocol: string;
  /** The cipher suite by its name of IANA, such as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** The protocol chosen by ALPN (RFC 7301), or `null`. */
  readonly alpnProtocol: string | null;
  /** The name that the client has asked for (SNI, RFC 6066), or `null`. */
  readonly serverName: string | null;
  /** Whether a session of before goes on, which saves most of a handshake. */
  readonly resumed: boolean;
  /**
   * Whether the peer has shown a certificate that one of `ca` has signed, and that
   * is valid now. Always `false` where none was asked for, as of clients without
   * `clientAuth`; always `true` to a client, which refuses other servers.
   */
  readonly authorized: boolean;
  /** The certificate it has shown, whoever has signed it, or `null`. */
  readonly peerCertificate: PeerCertificate | null;
}

/** Who a peer is. */
export type PeerIdentity = Pick<TLSInfo, "authorized" | "peerCertificate">;

/** What a connection says of its handshake, if it is one in TLS. */
export function tlsOf(connection: object): TLSInfo | undefined {
  return (connection as { readonly tls?: TLSInfo }).tls;
}

/** Which version an engine speaks, once that is agreed upon. */
export function protocolOf(engine: Engine): string {
  const version: { protocol?: string } = {};
  engine.getProtocol(version);
  return version.protocol ?? "unknown";
}

/**
 * What is known of an engine's handshake but for the peer's certificate.
 *
 * @param engine It.
 * @param asked The name that was asked for, where the engine does not tell.
 */
export function agreedUpon(
  engine: Engine,
  asked: string | null,
): Omit<TLSInfo, keyof PeerIdentity> {
  const suite: { standardName?: string } = {};
  const alpn: { alpnProtocol?: string | false } = {};
  engine.getCipher(suite);
  engine.getAlpnNegotiatedProtocol(alpn);
  return {
    protocol: protocolOf(engine),
    cipher: suite.standardName ?? "unknown",
    alpnProtocol: alpn.alpnProtocol || null,
    serverName: engine.getServername() || asked,
    resumed: engine.isSessionReused(),
  };
}

/**
 * Reads a certificate.
 *
 * @param der It, as it is sent.
 * @throws If it is none.
 */
export function readCertificate(der: Uint8Array): PeerCertificate {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const found = new X509Certificate(der);
  return {
    subject: found.subject ?? "",
    issuer: found.issuer ?? "",
    subjectAltName: found.subjectAltName ?? null,
    serialNumber: found.serialNumber,
    validFrom: new Date(found.validFrom).toISOString(),
    validTo: new Date(found.validTo).toISOString(),
    fingerprint256: found.fingerprint256,
    pem: found.toString(),
  };
}
