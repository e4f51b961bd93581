/** An address in a {@linkcode ProxyHeader}. */
export type ProxyAddress = Deno.NetAddr | Deno.UnixAddr;

/**
 * What a PROXY header says of the client whose connection a balancer forwards
 * (haproxy's proxy-protocol.txt, versions 1 and 2).
 */
export interface ProxyHeader {
  /** 1 for the line of text, 2 for the binary header. */
  readonly version: 1 | 2;
  /**
   * `"PROXY"` where a client's connection is forwarded, `"LOCAL"` where the sender
   * speaks for itself, as in a health check.
   */
  readonly command: "PROXY" | "LOCAL";
  /** The client, or `undefined` where the sender does not say, or is it itself. */
  readonly source: ProxyAddress | undefined;
  /** Where the client had connected to, told as `source` is. */
  readonly destination: ProxyAddress | undefined;
  /** What version 2 says besides. */
  readonly tlvs: ProxyTLVs;
}

/** What a PROXY header of version 2 says besides addresses. */
export interface ProxyTLVs {
  /** The protocol above, most often what ALPN has agreed upon (RFC 7301). */
  readonly alpn?: string;
  /** The host name that the client has asked for, as SNI has it. */
  readonly authority?: string;
  /** What names the connection across several proxies, at most 128 bytes. */
  readonly uniqueId?: Uint8Array<ArrayBuffer>;
  /** How the client speaks TLS with the sender. */
  readonly ssl?: ProxySSL;
  /** The name of the network namespace. */
  readonly netns?: string;
  /** All others, in their order, those for applications (0xE0 to 0xEF) among them. */
  readonly others?: readonly ProxyTLV[];
}

/** How a client speaks TLS with the sender of a PROXY header. */
export interface ProxySSL {
  /** Whether the client speaks TLS at all. */
  readonly client: boolean;
  /** Whether it has shown a certificate over this connection. */
  readonly certificateInConnection: boolean;
  /** Whether it has shown one at least once over this session of TLS. */
  readonly certificateInSession: boolean;
  /** Whether it has shown one, and that was verified. */
  readonly verified: boolean;
  /** The version of TLS, such as `"TLSv1.3"`. */
  readonly version?: string;
  /** The common name of the client's certificate. */
  readonly commonName?: string;
  /** The cipher, by its name. */
  readonly cipher?: string;
  /** By what the sender's certificate is signed, such as `"SHA256"`. */
  readonly signatureAlgorithm?: string;
  /** What the key of the sender's certificate is, such as `"RSA2048"`. */
  readonly keyAlgorithm?: string;
  /** All others, in their order. */
  readonly others?: readonly ProxyTLV[];
}

/** One thing that a PROXY header says. */
export interface ProxyTLV {
  /** What it is about, 0 to 255. */
  readonly type: number;
  /** What it says. */
  readonly value: Uint8Array<ArrayBuffer>;
}
