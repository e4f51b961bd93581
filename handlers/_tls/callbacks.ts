import { type EngineCallbacks, lastRead } from "./engine.ts";

/** What a connection does with what its engine calls. */
interface Owner {
  /** Takes so many bytes that the peer has sent, with `copyRead`. */
  decrypted(n: number): void;
  /** Takes note that the peer has broken the protocol, or told of an error. */
  failed(message: string): void;
}

/**
 * What the engine of a connection calls. The engine's memory holds it for as long
 * as the engine is there, beyond the reach of the garbage collector. So it must not
 * hold the engine in turn when the connection is closed, not by an error either: V8
 * keeps with one what the functions on its stack were called on.
 */
export class Callbacks implements EngineCallbacks {
  /** The connection, until it closes. */
  owner: Owner | undefined;
  established = false;
  /** Whether the peer has broken the protocol, or told of an error. */
  failed = false;
  /** Whether the peer has ended its side as is proper. */
  ended = false;
  /** Whether a certificate is to be chosen. */
  askedForName = false;
  /** Whether the first message is still to come, where it is looked at. */
  awaitsHello = false;

  /** @param owner The connection. */
  constructor(owner: Owner) {
    this.owner = owner;
  }

  onread(): void {
    const n = lastRead();
    if (n === 0) this.ended = true;
    else this.owner?.decrypted(n);
  }

  onhandshakedone(): void {
    this.established = true;
  }

  onclienthello(): void {
    this.askedForName = true;
    this.awaitsHello = false;
  }

  onerror(error: Error): void {
    this.failed = true;
    this.owner?.failed(error.message);
  }
}
