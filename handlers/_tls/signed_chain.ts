import process from "node:process";

/** How many signatures are checked for one chain, whatever its peer sends. */
const MOST_CHECKED = 16;

/** Each certificate of a text in PEM format (RFC 7468). */
const CERTIFICATE =
  /-----BEGIN ([A-Z0-9]+ )?CERTIFICATE-----[^-]*-----END ([A-Z0-9]+ )?CERTIFICATE-----/g;

/** What is known of a certificate. */
type Certificate = InstanceType<
  typeof import("node:crypto").X509Certificate
>;

/**
 * Checks that a certificate, or those it was sent with, have been signed by one of
 * those who may.
 *
 * The engine checks that too, and more: times, purposes and constraints. But Deno
 * 2.9.6 has it take a certificate that it cannot read as a whole, such as one of
 * X.509 version 1, for signed where only the issuer's name is that of one of `ca`,
 * which is no secret (`NodeServerCertVerifier` in Deno's `ext/node/ops/tls_wrap.rs`).
 * So this is checked again.
 *
 * @param chain What the peer has sent, its own certificate first.
 * @param ca Who may sign, in PEM format.
 * @throws {Deno.errors.InvalidData} If none of them has.
 */
export function checkSigned(
  chain: readonly Uint8Array[],
  ca: readonly string[],
): void {
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  const roots = ca.flatMap((pem) => pem.match(CERTIFICATE) ?? []).map((pem) =>
    new X509Certificate(pem)
  );
  const [first, ...others] = chain.map((der) => new X509Certificate(der));
  let checked = 0;
  let unknown: unknown;
  const isSignedBy = (certificate: Certificate, issuer: Certificate) => {
    if (certificate.issuer !== issuer.subject) return false;
    if (++checked > MOST_CHECKED) return false;
    try {
      return certificate.verify(issuer.publicKey);
    } catch (error) {
      // The key is of a kind that node:crypto cannot check with.
      unknown = error;
      return false;
    }
  };
  const now = Date.now();
  const isValid = ({ validFrom, validTo }: Certificate) =>
    Date.parse(validFrom) <= now && now <= Date.parse(validTo);
  const reaches = (certificate: Certificate, through: Certificate[]): boolean =>
    isValid(certificate) && (
      roots.some((root) =>
        root.fingerprint256 === certificate.fingerprint256 ||
        isSignedBy(certificate, root)
      ) ||
      through.some((issuer) =>
        issuer.ca && isSignedBy(certificate, issuer) &&
        reaches(issuer, through.filter((other) => other !== issuer))
      )
    );
  if (first !== undefined && reaches(first, others)) return;
  throw new Deno.errors.InvalidData(
    `The server's certificate was refused: ${
      unknown === undefined
        ? "none of ca has signed it"
        : "it is signed with a key of a kind that cannot be checked; use one of ECDSA with P-256 or P-384, Ed25519 or RSA"
    }`,
    unknown === undefined ? undefined : { cause: unknown },
  );
}
