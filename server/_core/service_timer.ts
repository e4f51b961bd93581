/** How often overridden `serviceActions` run, in milliseconds; CPython's `poll_interval`. */
const SERVICE_INTERVAL = 500;

/** Calls a server's `serviceActions` while it serves, where they are overridden. */
export class ServiceTimer {
  readonly #call: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #keepsAlive = true;

  /** @param call Calls them. */
  constructor(call: () => void) {
    this.#call = call;
  }

  /** Calls them from now on. */
  start(): void {
    this.#timer = setInterval(this.#call, SERVICE_INTERVAL);
    this.keepAlive(this.#keepsAlive);
  }

  /** A request was accepted. */
  accepted(): void {
    if (this.#timer !== undefined) this.#call();
  }

  /** Lets it keep the process alive, or not. */
  keepAlive(keep: boolean): void {
    this.#keepsAlive = keep;
    if (this.#timer === undefined) return;
    if (keep) Deno.refTimer(this.#timer);
    else Deno.unrefTimer(this.#timer);
  }

  /** Calls them no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
