import { channel } from "node:diagnostics_channel";
import type { ServerErrorEvent } from "../server_events.ts";

/** The errors that servers of this process are told of, from now on. */
export class ErrorLog implements Disposable {
  readonly #all: ServerErrorEvent[] = [];
  readonly #channel = channel("socketserver:error");
  #wake = Promise.withResolvers<void>();

  constructor() {
    this.#channel.subscribe(this.#take);
  }

  /** Those of a server. */
  of(server: object): unknown[] {
    return this.#all.filter((event) => event.server === server)
      .map(({ error }) => error);
  }

  /** Resolves when one more has come, of any server. */
  next(): Promise<void> {
    return this.#wake.promise;
  }

  /** Takes note of no more. */
  [Symbol.dispose](): void {
    this.#channel.unsubscribe(this.#take);
  }

  readonly #take = (message: unknown): void => {
    this.#all.push(message as ServerErrorEvent);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  };
}
