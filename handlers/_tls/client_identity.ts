import type { Engine } from "./engine.ts";
import { type PeerIdentity, protocolOf, readCertificate } from "./tls_info.ts";
import type { VerifiedClients } from "./verified_clients.ts";

/** The alert for a certificate that is refused (RFC 8446, section 6.2). */
const CERTIFICATE_UNKNOWN = 46;

/**
 * Who a client is.
 *
 * @param engine Has done the handshake.
 * @param clientAuth Whether others than those of `ca` are welcome.
 * @param verified Whose certificates this server has verified.
 * @param tell Tells the client by an alert, before anything is encrypted.
 * @throws {Deno.errors.InvalidData} If it is not welcome.
 */
export function identifyClient(
  engine: Engine,
  clientAuth: "request" | "require",
  verified: VerifiedClients,
  tell: (alert: number) => void,
): PeerIdentity {
  const der = engine.getPeerCertificateChain()?.certificates[0];
  const peerCertificate = der === undefined ? null : readCertificate(der);
  let why = peerCertificate === null ? "there is none" : engine.verifyError();
  if (peerCertificate !== null && why === "") {
    const { fingerprint256, validTo } = peerCertificate;
    if (!engine.isSessionReused()) verified.add(fingerprint256, validTo);
    else if (!verified.has(fingerprint256)) why = "it is not known any more";
  }
  const authorized = why === "";
  if (authorized || clientAuth === "request") {
    return { authorized, peerCertificate };
  }
  // What the engine would say next is its first encrypted word there.
  if (protocolOf(engine) === "TLSv1.2" && !engine.isSessionReused()) {
    tell(CERTIFICATE_UNKNOWN);
  }
  throw new Deno.errors.InvalidData(
    `The client's certificate was refused: ${why}`,
  );
}
