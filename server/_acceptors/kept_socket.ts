import { QueueKeeper } from "./queue_keeper.ts";
import { sharedOptions } from "./shared_listener.ts";

/**
 * After how long a server has its socket held by a thread that sleeps, in
 * milliseconds: starting that takes some milliseconds and megabytes, and pays
 * where many connections come.
 */
const KEEP_AFTER = 1_000;

/** The socket of a server as its main thread has it, until a keeper holds it. */
export class KeptSocket {
  readonly #own: Pick<Deno.TcpListener, "close">;
  readonly #address: Deno.TcpListenOptions;
  readonly #mayStart: () => boolean;
  #keeper: QueueKeeper | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #released = false;

  /**
   * @param own The main thread's, which is closed when the keeper holds the socket.
   * @param address Where it listens.
   * @param mayStart Whether there are enough descriptors to start a thread.
   */
  constructor(
    own: Pick<Deno.TcpListener, "close">,
    address: Deno.TcpListenOptions,
    mayStart: () => boolean,
  ) {
    this.#own = own;
    this.#address = address;
    this.#mayStart = mayStart;
  }

  /** Has the socket held elsewhere, once it seems that it is for long. */
  keepLater(): void {
    if (this.#released) return;
    this.#timer = setTimeout(() => {
      if (this.#mayStart()) void this.#keep();
      else this.keepLater();
    }, KEEP_AFTER);
    Deno.unrefTimer(this.#timer);
  }

  /** Has the keeper close the socket, if there is one. None comes any more. */
  release(): void {
    this.#released = true;
    clearTimeout(this.#timer);
    this.#keeper?.release();
  }

  /** Waits until the keeper is gone. */
  async close(): Promise<void> {
    await this.#keeper?.close();
  }

  async #keep(): Promise<void> {
    this.#keeper = new QueueKeeper(sharedOptions(this.#address));
    if (await this.#keeper.holds()) this.#own.close();
  }
}
