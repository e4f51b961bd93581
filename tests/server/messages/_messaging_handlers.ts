/** Handlers that use the configuration of their server, and messages. */
import {
  type RequestServer,
  StreamRequestHandler,
} from "../../../handlers/mod.ts";

/** What the tests configure them with. */
export interface Config {
  readonly greeting: string;
  readonly rooms: readonly string[];
  readonly table?: ReadonlyMap<string, Uint8Array>;
}

/** What they post. */
export type Posted =
  | { readonly is: "hello"; readonly name: string }
  | { readonly is: "number"; readonly number: number }
  | { readonly is: "text"; readonly text: string };

/** The messages that this thread or process, or the event loop, was sent. */
const heard: unknown[] = [];

const read = (value: unknown) => Deno.inspect(value, { breakLength: Infinity });

/** Does what each line of its client says. */
export class Messenger
  extends StreamRequestHandler<Deno.Addr, RequestServer<Config, Posted>> {
  static override readonly moduleUrl: string = import.meta.url;

  /** Keeps what all handlers here share. */
  static override onMessage(message: unknown, server: RequestServer): void {
    heard.push(message);
    if (message === "whole class") throw new RangeError("the class fails");
    if (message === "post back") server.post({ is: "text", text: "back" });
  }

  override onMessage(message: unknown): void {
    if (message === "each handler") throw new RangeError("a handler fails");
    this.wfile.write(`> ${read(message)}\n`);
  }

  /** How many numbers it posts at its end. */
  #farewells = 0;

  override finish() {
    for (let number = 0; number < this.#farewells; number++) {
      this.server.post({ is: "number", number });
    }
  }

  override async handle() {
    for await (const line of this.rfile) {
      const [word, rest = ""] = line.split(/ (.*)/) as [string, string?];
      const answer = await this.#do(word, rest);
      if (answer !== undefined) await this.wfile.write(`${answer}\n`);
    }
  }

  #do(word: string, rest: string): unknown {
    const { server } = this;
    switch (word) {
      case "config":
        return read(this.config);
      case "size":
        return `${this.config.greeting.length} characters`;
      case "change":
        try {
          (this.config.rooms as string[]).push("another");
          return "changed";
        } catch (error) {
          return (error as Error).name;
        }
      case "heard":
        return read(heard);
      case "post":
        return void server.post({ is: "text", text: rest });
      case "hello":
        return void server.post({ is: "hello", name: rest });
      case "count":
        for (let number = 0; number < Number(rest); number++) {
          server.post({ is: "number", number });
        }
        return "counted";
      case "flood":
        return this.#flood(Number(rest));
      case "farewell":
        this.#farewells = Number(rest);
        return "noted";
      case "bad":
        try {
          server.post({ is: "text", text: (() => {}) as unknown as string });
          return "posted";
        } catch (error) {
          return `${error}`;
        }
      case "broadcast":
        try {
          (server as unknown as { broadcast(message: string): void })
            .broadcast("x");
          return "sent";
        } catch (error) {
          return `${error}`;
        }
      case "end":
        Deno.exit(3);
    }
    return `there is no ${word}`;
  }

  /** Posts until it is refused, and tells how many were not. */
  #flood(size: number): string {
    const text = "x".repeat(size);
    for (let count = 0; count < 1_000_000; count++) {
      try {
        this.server.post({ is: "text", text });
      } catch (error) {
        return `${count} ${(error as Error).name}`;
      }
    }
    return "never refused";
  }
}
