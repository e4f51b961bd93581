/** A certificate and its private key. */
export interface TLSCertificate {
  /** The certificate chain, the server's own first, in PEM format. */
  readonly cert: string;
  /** The private key of the first certificate, in PEM format. */
  readonly key: string;
}

/** As whom a server speaks TLS, and with whom. */
export interface TLSOptions extends TLSCertificate {
  /** The protocols to offer by ALPN (RFC 7301), the preferred first. */
  readonly alpnProtocols?: readonly string[];
  /**
   * Certificates by the name that a client asks for (SNI, RFC 6066), such as
   * `"example.org"`, or `"*.example.org"` for all names with one label more. A
   * client that asks for another name, or for none, gets `cert`.
   */
  readonly contexts?: Readonly<Record<string, TLSCertificate>>;
  /**
   * Finds the certificate for a name, in the place of `contexts`. Give the same
   * object for the same certificate: one that is new is checked. What it throws,
   * or a certificate that cannot be used, ends the handshake and is reported.
   *
   * @param name What the client asks for, in lower case; nobody has checked that
   * it is a name of this server.
   * @returns The certificate, or `undefined` for `cert`.
   */
  readonly resolveContext?: (
    name: string,
  ) => TLSCertificate | undefined | Promise<TLSCertificate | undefined>;
  /**
   * Whether clients are asked for a certificate. With `"request"`, those that have
   * none, or one that is not valid, are served, and `tls.authorized` is `false`;
   * with `"require"` their handshake fails.
   *
   * @default {"none"}
   */
  readonly clientAuth?: "none" | "request" | "require";
  /**
   * The certificates of those who may sign the certificates of clients, in PEM
   * format. `"require"` needs them. They are sent with the server's own chain.
   */
  readonly ca?: string | readonly string[];
}

/** The names of those options. */
export const TLS_OPTION_NAMES: readonly string[] = Object.keys(
  {
    cert: true,
    key: true,
    alpnProtocols: true,
    contexts: true,
    resolveContext: true,
    clientAuth: true,
    ca: true,
  } satisfies Record<keyof TLSOptions, true>,
);
