import type { MessageSender } from "../message_sender.ts";
import { LocalPlace } from "./local_place.ts";
import {
  CONFIG_PACKING,
  messagePacking,
  type Packed,
  packValue,
} from "./pack_value.ts";
import type { Place, PlaceHost } from "./place.ts";
import { type PlaceLink, RemotePlace } from "./remote_place.ts";
import { unpackConfig } from "./unpack_value.ts";

/** What a server does with the messages of its handlers. */
interface HubHost {
  /** Handles one. */
  handleMessage(
    message: unknown,
    from: MessageSender,
  ): void | Promise<void>;
  /** Tells `handleError` of an error. Never rejects. */
  report(error: unknown): Promise<void>;
}

/**
 * The configuration of the handlers of a server, wherever they run, and the messages
 * between them and the server.
 */
export class MessageHub {
  readonly #host: PlaceHost;
  readonly #places = new Set<Place>();
  #packedConfig: Packed | undefined;
  #config: unknown;
  #lastId = 0;
  #toldUnheard = false;
  /** The handlers of the event loop, if they run there. */
  #local: LocalPlace | undefined;
  readonly #report: (error: unknown) => Promise<void>;

  /**
   * @param host The server.
   * @param config The configuration.
   * @throws {TypeError} If it holds what cannot travel.
   * @throws {RangeError} If it is nested too deep.
   */
  constructor(host: HubHost, config: unknown) {
    this.#report = (error) => host.report(error);
    this.#host = {
      handle: (message, from) => this.#handle(host, message, from),
      report: this.#report,
      left: (place) => this.#places.delete(place),
    };
    if (config !== undefined) this.#pack(config);
  }

  /** What handlers are given, of which objects and arrays are frozen. */
  get config(): unknown {
    return this.#config;
  }

  set config(config: unknown) {
    this.#pack(config);
    for (const place of this.#places) place.configure(this.#packedConfig!);
  }

  /** The same as it travels, if there has been any. */
  get packedConfig(): Packed | undefined {
    return this.#packedConfig;
  }

  /**
   * Sends a message to all handlers.
   *
   * @returns To how many places where some run it was sent.
   * @throws {TypeError} If it holds what cannot travel.
   * @throws {RangeError} If it is too large.
   */
  broadcast(message: unknown): number {
    const packed = packValue(message, messagePacking("broadcast a message"));
    let count = 0;
    for (const place of this.#places) if (place.send(packed)) count++;
    return count;
  }

  /**
   * Has the handlers of the event loop take part.
   *
   * @param deliver Gives them a message.
   * @param finished Settles when there will be none any more.
   */
  joinLocally(
    deliver: (message: unknown) => void,
    finished: Promise<void>,
  ): void {
    this.#local = new LocalPlace(this.#host, deliver, finished);
    this.#places.add(this.#local);
  }

  /** Has those of a thread or process take part. */
  join(link: PlaceLink): RemotePlace {
    const place = new RemotePlace(++this.#lastId, this.#host, link);
    this.#places.add(place);
    return place;
  }

  /**
   * Posts a message from the event loop.
   *
   * @returns A promise to await before more is posted, if there is a need.
   * @throws {Deno.errors.Busy} If too many wait.
   */
  post(message: unknown): Promise<void> | undefined {
    // Where handlers run elsewhere, it is the server itself that posts.
    this.#local ??= new LocalPlace(this.#host, () => {}, Promise.resolve());
    return this.#local.posted(message);
  }

  /** Nobody handles the messages of this server. */
  unheard(): void {
    if (this.#toldUnheard) return;
    this.#toldUnheard = true;
    void this.#report(
      new Deno.errors.NotSupported(
        "A handler has posted a message, and nobody takes it; give the server the option onMessage, or override handleMessage()",
      ),
    );
  }

  async #handle(
    host: HubHost,
    message: unknown,
    from: MessageSender,
  ): Promise<void> {
    try {
      await host.handleMessage(message, from);
    } catch (error) {
      await this.#report(error);
    }
  }

  #pack(config: unknown): void {
    const packed = packValue(config, CONFIG_PACKING);
    this.#config = unpackConfig(packed);
    this.#packedConfig = packed;
  }
}
