import type { EngineCallbacks } from "./engine.ts";

/**
 * What the engine of a connection calls. The engine's memory holds it for as long
 * as the engine is there, so it must not hold the engine in turn.
 */
export class Callbacks implements EngineCallbacks {
  /** The connection, until it closes. */
  owner: { decrypted(bytes: Uint8Array): void } | undefined;
  established = false;
  /** Whether the peer has ended its side as is proper. */
  ended = false;
  /** Whether a certificate is to be chosen. */
  askedForName = false;
  /** Whether the first message is still to come, where it is looked at. */
  awaitsHello = false;
  failure: Error | undefined = undefined;

  /** @param owner The connection. */
  constructor(owner: Callbacks["owner"]) {
    this.owner = owner;
  }

  onread(bytes: ArrayBuffer | undefined): void {
    if (bytes === undefined) this.ended = true;
    else this.owner?.decrypted(new Uint8Array(bytes));
  }

  onhandshakedone(): void {
    this.established = true;
  }

  onclienthello(): void {
    this.askedForName = true;
    this.awaitsHello = false;
  }

  onerror(error: Error): void {
    this.failure ??= new Deno.errors.InvalidData(error.message);
  }
}
