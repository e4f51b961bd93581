import process from "node:process";
import { escapeLine } from "../_escape_controls.ts";
import { ipBytes, ipv4Text, ipv6Text } from "../_ip_text.ts";
import { certificateNames, isNamed } from "./certificate_names.ts";
import { checkPEM, checkProtocols, readAuthorities } from "./check_pem.ts";
import type { ClientTLSOptions } from "./client_tls_options.ts";
import { type Engine, type EngineContext, makeEngine } from "./engine.ts";
import { quickKey } from "./quick_key.ts";
import type { Side } from "./side.ts";
import { checkSigned } from "./signed_chain.ts";
import { type PeerIdentity, readCertificate } from "./tls_info.ts";
import { VerifiedClients } from "./verified_clients.ts";

/** A name of a host in ASCII, at most 253 characters (RFC 1035, section 2.3.4). */
const NAME = /^(?=.{1,253}\.?$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/i;

/** What has been made of options, by the name that is asked for. */
const known = new WeakMap<ClientTLSOptions, Map<string, ClientCredentials>>();
/** How many names of a certificate errors tell. */
const MOST_TOLD = 8;

/** How many names are remembered for the same options. */
const MOST_REMEMBERED = 64;

/**
 * Makes what a client shows to a server, and wants to be shown.
 *
 * @param options With whom, and as whom. The same object is checked once.
 * @param host The host of the address, if it has one.
 * @param action What fails otherwise.
 * @throws {Deno.errors.InvalidData} If a certificate or key cannot be used.
 * @throws {TypeError} If an option is of another type, or lacks another.
 */
export function clientCredentials(
  options: ClientTLSOptions,
  host: string | undefined,
  action: string,
): ClientCredentials {
  const name = checkName(options.serverName ?? host, action);
  let byName = known.get(options);
  if (byName === undefined) known.set(options, byName = new Map());
  let credentials = byName.get(name);
  if (credentials === undefined) {
    credentials = new ClientCredentials(options, name, action);
    if (byName.size === MOST_REMEMBERED) byName.clear();
    byName.set(name, credentials);
  }
  return credentials;
}

/** What a client shows to a server, and wants to be shown. */
export class ClientCredentials implements Side {
  readonly name = "client";
  readonly peer = "server";
  readonly speaksFirst = true;
  readonly serverName: string | null;
  /** What the certificate must be for. */
  readonly #host: string;
  readonly #protocols: readonly string[];
  readonly #context: EngineContext;
  /** The certificates whose signatures have been checked. */
  readonly #signed = new VerifiedClients();

  /**
   * @param options With whom, and as whom.
   * @param host The name of the server, or its IP address.
   * @param action What fails otherwise.
   */
  constructor(options: ClientTLSOptions, host: string, action: string) {
    const { ca, cert, key, alpnProtocols = [] } = options;
    checkProtocols(action, alpnProtocols);
    this.#host = host;
    this.serverName = ipBytes(host) === undefined ? host : null;
    this.#protocols = alpnProtocols;
    if ((cert === undefined) !== (key === undefined)) {
      throw new TypeError(
        `Cannot ${action}: cert and key must be given together`,
      );
    }
    if (cert !== undefined) checkPEM("cert", cert);
    if (key !== undefined) checkPEM("key", key);
    this.#context = {
      ...cert === undefined ? {} : { cert, key: quickKey(key!) },
      ...ca === undefined ? {} : { ca: readAuthorities(ca) },
      useDefaultCA: ca === undefined,
      requestCert: true,
      rejectUnauthorized: true,
    };
    if (cert !== undefined) checkPair(cert, key!);
    if (makeEngine("client").initClientTls(host, this.#context) !== 0) {
      throw new Deno.errors.InvalidData(
        "Cannot use cert and key: TLS takes no certificate or key of this kind; use one of ECDSA, Ed25519 or RSA",
      );
    }
  }

  prepare(engine: Engine): boolean {
    engine.initClientTls(this.#host, this.#context);
    if (this.#protocols.length > 0) engine.setAlpnProtocols(this.#protocols);
    return false;
  }

  choose(): EngineContext {
    return this.#context;
  }

  identify(engine: Engine): PeerIdentity {
    const chain = engine.getPeerCertificateChain()?.certificates ?? [];
    const [der] = chain;
    const why = engine.verifyError();
    if (der === undefined || why !== "") {
      throw refused(why === "" ? "there is none" : why);
    }
    const names = certificateNames(der);
    if (!isNamed(names, this.#host)) {
      throw refused(
        `it is not for ${this.#host}, but for ${
          namesText([...names.dns, ...names.ip.map(addressText)])
        }`,
      );
    }
    const peerCertificate = readCertificate(der);
    const { fingerprint256, validTo } = peerCertificate;
    const { ca } = this.#context;
    if (ca !== undefined && !this.#signed.has(fingerprint256)) {
      checkSigned(chain, ca);
      this.#signed.add(fingerprint256, validTo);
    }
    return { authorized: true, peerCertificate };
  }
}

function refused(why: string): Error {
  return new Deno.errors.InvalidData(
    `The server's certificate was refused: ${why}`,
  );
}

/** Names as errors tell them, which are whatever the server likes. */
function namesText(names: readonly string[]): string {
  if (names.length === 0) return "no host";
  const told = names.slice(0, MOST_TOLD).map((name) => name.slice(0, 253));
  const more = names.length > MOST_TOLD ? ", …" : "";
  return escapeLine(told.join(", ")) + more;
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return ipv4Text(bytes);
  return bytes.length === 16 ? ipv6Text(bytes) : "no address";
}

/** @throws {Deno.errors.InvalidData} If a key does not belong to a certificate. */
function checkPair(cert: string, key: string): void {
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule(
    "node:crypto",
  );
  let why: string | undefined;
  try {
    const belongs = new X509Certificate(cert)
      .checkPrivateKey(createPrivateKey(key));
    if (!belongs) why = "the key does not belong to the first certificate";
  } catch (error) {
    why = `one of them cannot be read (${(error as Error).message})`;
  }
  if (why !== undefined) {
    throw new Deno.errors.InvalidData(`Cannot use cert and key: ${why}`);
  }
}

/**
 * A name that can be asked for, in ASCII.
 *
 * @throws {TypeError} If there is none.
 */
function checkName(name: unknown, action: string): string {
  if (name === undefined) {
    throw new TypeError(
      `Cannot ${action}: the address has no host; name it by the TLS option serverName`,
    );
  }
  const host = typeof name === "string" ? name : "";
  if (ipBytes(host) !== undefined) return host;
  const { domainToASCII } = process.getBuiltinModule("node:url");
  const ascii = NAME.test(host) ? host : domainToASCII(host);
  if (NAME.test(ascii)) return ascii.replace(/\.$/, "").toLowerCase();
  throw new TypeError(
    `Cannot ${action}: the TLS option serverName must be the name of a host or an IP address, received ${
      Deno.inspect(name, { strAbbreviateSize: 40 })
    }`,
  );
}
