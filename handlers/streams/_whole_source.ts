/**
 * A source all of which has come: a datagram. A reader shares its memory with
 * whoever reads, and asks it for nothing.
 */
export class WholeSource {
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  /** Has nothing more. */
  read(): Promise<null> {
    return Promise.resolve(null);
  }
}
