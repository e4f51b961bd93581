import { writeCountError } from "../streams/_write_count.ts";

/** What a connection in TLS sends: bytes that are encrypted already, in order. */
export class Outgoing {
  readonly #raw: Pick<Deno.Conn, "write">;
  /** What goes out behind what is being sent. */
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param raw Carries the bytes. */
  constructor(raw: Pick<Deno.Conn, "write">) {
    this.#raw = raw;
  }

  /** How many bytes are not sent yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Settles when nothing is left to be sent, if there is something. */
  get sending(): Promise<void> | undefined {
    return this.#sending;
  }

  /** Why nothing can be sent any more: what follows a gap would make no sense. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /**
   * Sends bytes.
   *
   * @returns A promise that settles when nothing is left.
   */
  send(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#sending === undefined) {
      return this.#sending = this.#sendAll(bytes);
    }
    this.#waiting.push(bytes);
    return this.#sending;
  }

  async #sendAll(first: Uint8Array): Promise<void> {
    try {
      let bytes: Uint8Array | undefined = first;
      do {
        for (let done = 0; done < bytes.length;) {
          const n = await this.#raw.write(
            done === 0 ? bytes : bytes.subarray(done),
          );
          const wrong = writeCountError(n, bytes.length - done);
          if (wrong !== undefined) throw wrong;
          done += n;
        }
        this.#bytes -= bytes.length;
        if (bytes.length > 4096) (bytes.buffer as ArrayBuffer).transfer(0);
      } while ((bytes = this.#waiting.shift()) !== undefined);
    } catch (error) {
      this.#failure = { error };
      this.#waiting.length = 0;
      this.#bytes = 0;
      throw error;
    } finally {
      this.#sending = undefined;
    }
  }
}
