/** With whom a client speaks TLS, and as whom. */
export interface ClientTLSOptions {
  /**
   * The certificates of those who may sign the server's, in PEM format, in the
   * place of those that Deno trusts (`DENO_TLS_CA_STORE`, `--cert`). A certificate
   * of ECDSA with P-521, or of RSA-PSS, cannot be among them.
   */
  readonly ca?: string | readonly string[];
  /**
   * The name that is asked for (SNI, RFC 6066), and that the server's certificate
   * must be for; an IP address is asked for by none. By default the host of the
   * address; over Unix sockets it has to be given.
   */
  readonly serverName?: string;
  /** The protocols to ask for by ALPN (RFC 7301), the preferred first. */
  readonly alpnProtocols?: readonly string[];
  /** The certificate to show to a server that asks for one, in PEM format. */
  readonly cert?: string;
  /** The private key of `cert`, in PEM format. */
  readonly key?: string;
}

/** The names of those options. */
export const CLIENT_TLS_OPTION_NAMES: readonly string[] = Object.keys(
  {
    ca: true,
    serverName: true,
    alpnProtocols: true,
    cert: true,
    key: true,
  } satisfies Record<keyof ClientTLSOptions, true>,
);
