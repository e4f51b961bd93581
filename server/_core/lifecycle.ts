import { checkKeys } from "../../handlers/_known_keys.ts";
import type { Publisher } from "../_events/publisher.ts";
import type { ServerOptions, ServerSocket } from "../server_options.ts";
import type { Ending } from "./ending.ts";
import { forgetServing } from "./never_served.ts";
import { checkSignal } from "./options.ts";
import type { Reporter } from "./reporter.ts";
import type { Runner, ServingLoop } from "./seam.ts";
import type { ServiceTimer } from "./service_timer.ts";

/** A server, as far as it is told when to serve. */
interface Served<Address> {
  readonly constructor: { readonly name: string };
  readonly addr: Address & Deno.Addr;
  handleTimeout(): void | Promise<void>;
}

/** The parts of a server that serve. */
interface ServingParts<Request, Address extends Deno.Addr> {
  readonly socket: ServerSocket<Address>;
  readonly runner: Runner | undefined;
  readonly loop: ServingLoop;
  readonly ending: Ending<Request, Address>;
  readonly reporter: Reporter<Request, Address>;
  readonly publisher: Publisher;
  readonly services: ServiceTimer;
  /** Whether anybody has overridden `serviceActions`, or has done so by now. */
  hasServices(): boolean;
}

/** Has a server serve, for ever or once, when it is told to: one call at a time. */
export class Lifecycle<Request, Address extends Deno.Addr> {
  readonly #server: Served<Address>;
  readonly #parts: ServingParts<Request, Address>;
  readonly #options: ServerOptions<Address, Request>;
  #announced = false;
  /** Whether `serveForever` or `handleRequest` runs. */
  #claimed = false;

  constructor(
    server: Served<Address>,
    parts: ServingParts<Request, Address>,
    options: ServerOptions<Address, Request>,
  ) {
    this.#server = server;
    this.#parts = parts;
    this.#options = options;
  }

  /** Lets the server keep the process alive, or not. */
  keepAlive(keep: boolean): void {
    const { socket, runner, services } = this.#parts;
    if (keep) socket.ref();
    else socket.unref();
    runner?.keepAlive?.(keep);
    services.keepAlive(keep);
  }

  /** Serves until the server ends, as `serveForever` of it says. */
  async serveForever(
    options: { readonly signal?: AbortSignal },
  ): Promise<void> {
    checkKeys("option", options, ["signal"], undefined, "serve");
    checkSignal(options.signal);
    this.#claim();
    const { ending, loop, services } = this.#parts;
    if (this.#parts.hasServices()) services.start();
    try {
      if (options.signal !== undefined) ending.shutdownOn(options.signal);
      if (!ending.stopping) {
        this.#announce();
        await loop.serveAll();
      } else {
        console.warn(
          `${this.#server.constructor.name}: serveForever() returns, since the server was shut down before`,
        );
      }
    } finally {
      services.stop();
      this.#claimed = false;
    }
    await ending.finished;
  }

  /** Serves one request, as `handleRequest` of the server says. */
  async handleRequest(): Promise<void> {
    if (this.#parts.ending.stopping) {
      throw new Deno.errors.BadResource(
        "Cannot handle a request: the server is closed",
      );
    }
    this.#claim();
    try {
      this.#announce();
      const { timeout = Infinity } = this.#options;
      if (!await this.#parts.loop.serveOne(timeout)) {
        await this.#server.handleTimeout();
      }
    } finally {
      this.#claimed = false;
    }
  }

  #claim(): void {
    if (this.#claimed) {
      throw new Deno.errors.Busy(
        "Cannot serve: serveForever or handleRequest is already running on this server",
      );
    }
    this.#claimed = true;
    forgetServing(this.#server);
  }

  /** Says once that the server listens. */
  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#parts.publisher.listen();
    const told: unknown = this.#options.onListen?.(this.#server.addr);
    if (told instanceof Promise) {
      void this.#parts.reporter.attempt(() => told);
    }
  }
}
