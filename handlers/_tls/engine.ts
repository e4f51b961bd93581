import process from "node:process";
import type { Duplex, DuplexOptions } from "node:stream";

/**
 * What the engine calls. It is the `this` of each of its methods. Nothing that it
 * calls may throw, or close the engine.
 */
export interface EngineCallbacks {
  /** `lastRead()` tells what has come of the peer. */
  onread(): void;
  /** The handshake is complete. */
  onhandshakedone(): void;
  /** The peer has broken the protocol, or told of an error. */
  onerror(error: Error & { readonly code?: string }): void;
  /** The first message has come, and `finishAccept` is waited for. */
  onclienthello(): void;
}

/** A certificate, its key, and who may connect, in the form that the engine takes. */
export interface EngineContext {
  readonly cert?: string;
  readonly key?: string;
  /** Who may sign the certificates of peers. */
  readonly ca?: readonly string[];
  /** Whether clients are asked for a certificate. */
  readonly requestCert: boolean;
  /** Whether peers without one that can be trusted are refused. */
  readonly rejectUnauthorized: boolean;
  /** Whether a client trusts those that Deno trusts, beside `ca`. */
  readonly useDefaultCA?: boolean;
}

/** The protocol of one connection: bytes go in and out, and no socket is touched. */
export interface Engine {
  onread: EngineCallbacks["onread"];
  /** Prepares a server's side; not 0 where the context cannot be used. */
  initServerTls(context: EngineContext): number;
  /**
   * Prepares a client's side; not 0 where the context cannot be used. It verifies
   * certificates, but for their names.
   */
  initClientTls(serverName: string, context: EngineContext): number;
  attachJsStream(): number;
  setHandle(callbacks: EngineCallbacks): void;
  /** Names the buffer for what is decrypted. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Names the protocols to choose from. */
  setAlpnProtocols(protocols: readonly string[]): void;
  /** Has `onclienthello` called. */
  enableClientHelloCb(): void;
  /** The name that the client has asked for. */
  getServername(): string | null | undefined;
  /** Goes on with the handshake; not 0 where that has failed. */
  finishAccept(context: EngineContext, alpn: null): number;
  start(): number;
  /** From now on `onread` is called. */
  readStart(): number;
  /** Takes what has come from the peer. */
  receive(bytes: Uint8Array): void;
  /** Encrypts; not 0 where that is not possible any more. */
  writeBuffer(request: object, bytes: Uint8Array): number;
  /** Makes the end of this side. */
  shutdown(request: object): number;
  /** Takes what is to be sent to the peer. */
  drainEncOut(): Uint8Array;
  getProtocol(out: { protocol?: string }): number;
  getCipher(out: { standardName?: string }): number;
  getAlpnNegotiatedProtocol(out: { alpnProtocol?: string | false }): number;
  isSessionReused(): boolean;
  /** Why the peer's certificate is not trusted, empty where it is. */
  verifyError(): string;
  getPeerCertificateChain(): { readonly certificates: Uint8Array[] } | null;
  /** Frees its memory. */
  destroySsl(): void;
}

type EngineClass = new (kind: number, provider: number) => Engine;

/** The kind of an engine that is a client's, and of one that is a server's. */
const CLIENT = 0;
const SERVER = 1;

/** The names of what is used of it. */
const METHODS = [
  ...["initServerTls", "initClientTls", "attachJsStream", "setHandle"],
  ...["useUserBuffer", "setAlpnProtocols"],
  ...["enableClientHelloCb", "getServername", "finishAccept", "start"],
  ...["readStart", "receive", "writeBuffer", "shutdown", "drainEncOut"],
  ...["getProtocol", "getCipher", "getAlpnNegotiatedProtocol"],
  ...["isSessionReused", "verifyError", "getPeerCertificateChain"],
  "destroySsl",
];

/** What is used of the internals of `node:tls`. */
interface Internals {
  readonly EngineClass: EngineClass;
  /** Numbers about what was last read or written by any handle of Node's. */
  readonly state: Int32Array;
  /** Where in `state` it says how many bytes were read, or why there are none. */
  readonly bytesRead: number;
}

let internals: Internals | undefined;

/**
 * Where all engines of this thread put what they decrypt: it is copied out before
 * another one has its turn. A buffer of its own for each message would take longer
 * to allocate than a short one to decrypt.
 */
const decrypted = new Uint8Array(64 * 1024);
/** Up to how many bytes copying one by one is faster than a call that copies them. */
const FEW = 128;

/**
 * Makes an engine for one side of one connection.
 *
 * It is the object beneath a `TLSSocket` of `node:tls`, without the two streams
 * that `node:tls` puts around it: those take as long for a short message as all
 * else. It is no public part of Deno, and this file is the only one that knows
 * where it is.
 *
 * @param side Whose side it is.
 * @throws {Deno.errors.NotSupported} If this version of Deno has another.
 */
export function makeEngine(side: "client" | "server"): Engine {
  internals ??= findInternals();
  return new internals.EngineClass(side === "server" ? SERVER : CLIENT, 0);
}

/**
 * Has an engine decrypt to where `lastRead` finds it. Call it once `onread` can be
 * called.
 */
export function readShared(engine: Engine): void {
  engine.useUserBuffer(decrypted);
}

/**
 * How much an engine has decrypted, when it calls `onread`.
 *
 * @returns How many bytes, or none where the peer has ended its side.
 */
export function lastRead(): number {
  const { state, bytesRead } = internals!;
  return Math.max(0, state[bytesRead]!);
}

/**
 * Copies what an engine has decrypted, until `onread` returns.
 *
 * @param n How many bytes.
 * @param to Where to.
 * @param at From where on there.
 */
export function copyRead(n: number, to: Uint8Array, at: number): void {
  if (n > FEW) {
    to.set(n < decrypted.length ? decrypted.subarray(0, n) : decrypted, at);
  } else for (let i = 0; i < n; i++) to[at + i] = decrypted[i]!;
}

/** Whether an engine can use a certificate and its key. */
export function isUsable(context: EngineContext): boolean {
  return makeEngine("server").initServerTls(context) === 0;
}

function findInternals(): Internals {
  // Not imported: loading it takes longer than all of this module, and programs
  // without TLS, threads and processes among them, need none of it.
  const tls = process.getBuiltinModule("node:tls");
  const stream = process.getBuiltinModule("node:stream");
  const socket = new tls.TLSSocket(
    nowhere(stream.Duplex) as unknown as ConstructorParameters<
      typeof tls.TLSSocket
    >[0],
    { isServer: true, secureContext: tls.createSecureContext() },
  );
  // It has neither a certificate nor a peer.
  socket.on("error", () => {});
  const { _handle: engine } = socket as unknown as {
    readonly _handle?: Record<string, unknown>;
  };
  const EngineClass = engine?.constructor as EngineClass | undefined;
  const missing = METHODS.filter((name) =>
    typeof engine?.[name] !== "function"
  );
  socket.destroy();
  const { binding } = process as unknown as {
    binding(name: string): {
      readonly streamBaseState?: Int32Array;
      readonly kReadBytesOrError?: number;
    };
  };
  const { streamBaseState: state, kReadBytesOrError: bytesRead } = binding(
    "stream_wrap",
  );
  if (state === undefined || bytesRead === undefined) {
    missing.push("streamBaseState");
  } else if (EngineClass !== undefined && missing.length === 0) {
    return { EngineClass, state, bytesRead };
  }
  throw new Deno.errors.NotSupported(
    `Cannot use TLS with Deno ${Deno.version.deno}: its node:tls lacks ${
      missing.join(", ")
    }; use the version that this module is tested with`,
  );
}

/** A stream from which nothing comes, and that nothing leaves. */
function nowhere(
  DuplexClass: new (options: DuplexOptions) => Duplex,
): Duplex {
  return new DuplexClass({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
}
