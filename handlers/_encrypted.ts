/** Whether a connection's bytes travel through TLS. */
export function isEncrypted(connection: object): boolean {
  return (connection as { readonly encrypted?: boolean }).encrypted ??
    "handshake" in connection;
}
