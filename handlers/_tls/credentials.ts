import process from "node:process";
import { checkKeys } from "../_known_keys.ts";
import { checkPEM, checkProtocols, readAuthorities } from "./check_pem.ts";
import { identifyClient } from "./client_identity.ts";
import { type Engine, type EngineContext, isUsable } from "./engine.ts";
import { quickKey } from "./quick_key.ts";
import type { Side } from "./side.ts";
import type { PeerIdentity } from "./tls_info.ts";
import type { TLSCertificate, TLSOptions } from "./tls_options.ts";
import { VerifiedClients } from "./verified_clients.ts";

/** A name of a server, or all names with one label more. */
const NAME = /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** Of a client that was asked for no certificate. */
const NOBODY_KNOWN = { authorized: false, peerCertificate: null };

/** What connections of one server show to their clients, and want to be shown. */
export class Credentials implements Side {
  readonly name = "server";
  readonly peer = "client";
  readonly speaksFirst = false;
  /** The engine tells. */
  readonly serverName: string | null = null;
  /** The protocols of ALPN. */
  readonly #protocols: readonly string[];
  /** Whether it depends on the name that a client asks for. */
  readonly #choosesByName: boolean;
  readonly #clientAuth: NonNullable<TLSOptions["clientAuth"]>;
  /** Whose certificates have been verified. */
  readonly #verified: VerifiedClients = new VerifiedClients();
  readonly #ca: readonly string[] | undefined;
  readonly #resolve: TLSOptions["resolveContext"];
  readonly #byName = new Map<string, EngineContext>();
  /** Those that `resolveContext` has given. */
  readonly #resolved = new WeakMap<TLSCertificate, EngineContext>();
  #default: EngineContext;

  /**
   * @param options As whom, and with whom.
   * @throws {Deno.errors.InvalidData} If a certificate or key cannot be used.
   * @throws {TypeError} If an option is of another type, or lacks another.
   */
  constructor(options: TLSOptions) {
    const { alpnProtocols = [], clientAuth = "none" } = options;
    checkProtocols("create server", alpnProtocols);
    this.#protocols = alpnProtocols;
    this.#clientAuth = clientAuth;
    this.#ca = checkClientAuth(options);
    this.#resolve = checkResolver(options);
    this.#default = this.#context("", options);
    for (const [name, certificate] of Object.entries(options.contexts ?? {})) {
      const lower = name.toLowerCase();
      if (!NAME.test(lower)) {
        throw new TypeError(
          `Cannot create server: contexts[${
            JSON.stringify(name)
          }] must have the name of a host, or one such as "*.example.org"`,
        );
      }
      const given: object = certificate ?? {};
      const action = `use contexts[${JSON.stringify(name)}]`;
      checkKeys("key", given, ["cert", "key"], undefined, action);
      this.#byName.set(
        lower,
        this.#context(
          `contexts[${JSON.stringify(name)}].`,
          certificate ?? {},
        ),
      );
    }
    this.#choosesByName = this.#byName.size > 0 || this.#resolve !== undefined;
  }

  prepare(engine: Engine): boolean {
    const choosesByName = this.#choosesByName;
    engine.initServerTls(
      choosesByName
        ? { requestCert: false, rejectUnauthorized: false }
        : this.#default,
    );
    if (this.#protocols.length > 0) engine.setAlpnProtocols(this.#protocols);
    if (choosesByName) engine.enableClientHelloCb();
    return choosesByName;
  }

  identify(engine: Engine, tell: (alert: number) => void): PeerIdentity {
    return this.#clientAuth === "none"
      ? NOBODY_KNOWN
      : identifyClient(engine, this.#clientAuth, this.#verified, tell);
  }

  /**
   * Shows another certificate in the place of the default one from now on.
   *
   * @throws {Deno.errors.InvalidData} If it cannot be used; then nothing changes.
   */
  replace(certificate: TLSCertificate): void {
    this.#default = this.#context("", certificate);
  }

  choose(name: string): EngineContext | Promise<EngineContext> {
    if (name === "") return this.#default;
    const lower = name.toLowerCase();
    if (this.#resolve !== undefined) return this.#resolveName(lower);
    return this.#byName.get(lower) ??
      this.#byName.get(lower.replace(/^[^.]+/, "*")) ?? this.#default;
  }

  async #resolveName(name: string): Promise<EngineContext> {
    const certificate = await this.#resolve!(name);
    if (certificate === undefined || certificate === null) return this.#default;
    let context = this.#resolved.get(certificate);
    if (context === undefined) {
      context = this.#context("", certificate);
      this.#resolved.set(certificate, context);
    }
    return context;
  }

  /**
   * @param where What stands before the names `cert` and `key` in errors.
   * @throws {Deno.errors.InvalidData} If the certificate or key cannot be used.
   */
  #context(where: string, { cert, key }: TLSCertificate): EngineContext {
    checkPEM(`${where}cert`, cert);
    checkPEM(`${where}key`, key);
    const context: EngineContext = {
      cert,
      key: quickKey(key),
      ...this.#ca === undefined ? {} : { ca: this.#ca },
      requestCert: this.#clientAuth !== "none",
      rejectUnauthorized: this.#clientAuth === "require",
    };
    if (isUsable(context)) return context;
    throw new Deno.errors.InvalidData(
      `Cannot use ${where}cert and ${where}key: ${whyUnusable(cert, key)}`,
    );
  }
}

function whyUnusable(cert: string, key: string): string {
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule(
    "node:crypto",
  );
  let certificate: InstanceType<typeof X509Certificate>;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    return "cert is not a certificate in PEM format";
  }
  try {
    const belongs = certificate.checkPrivateKey(createPrivateKey(key));
    return belongs
      ? "TLS takes no certificate or key of this kind; use one of ECDSA, Ed25519 or RSA"
      : "the key does not belong to the first certificate of cert";
  } catch {
    return "key is not a private key in PEM format without a passphrase";
  }
}

function checkClientAuth(
  { clientAuth = "none", ca }: TLSOptions,
): readonly string[] | undefined {
  if (!["none", "request", "require"].includes(clientAuth)) {
    throw new TypeError(
      `Cannot create server: clientAuth must be "none", "request" or "require", received ${
        Deno.inspect(clientAuth)
      }`,
    );
  }
  if (ca === undefined) {
    if (clientAuth !== "require") return undefined;
    throw new TypeError(
      `Cannot create server: clientAuth "require" needs ca, the certificates of those who may sign those of clients`,
    );
  }
  if (clientAuth === "none") {
    throw new TypeError(
      `Cannot create server: ca needs clientAuth "request" or "require"; no client is asked for a certificate otherwise`,
    );
  }
  return readAuthorities(ca);
}

function checkResolver(
  { contexts, resolveContext }: TLSOptions,
): TLSOptions["resolveContext"] {
  if (contexts !== undefined) {
    if (typeof contexts !== "object" || contexts === null) {
      throw new TypeError(
        `Cannot create server: contexts must be an object, received ${
          Deno.inspect(contexts)
        }`,
      );
    }
    if (resolveContext !== undefined) {
      throw new TypeError(
        "Cannot create server: contexts and resolveContext exclude each other; let resolveContext find those names too",
      );
    }
  }
  if (resolveContext !== undefined && typeof resolveContext !== "function") {
    throw new TypeError(
      `Cannot create server: resolveContext must be a function, received ${
        Deno.inspect(resolveContext)
      }`,
    );
  }
  return resolveContext;
}
