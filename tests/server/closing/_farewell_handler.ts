import { StreamRequestHandler } from "../../../handlers/mod.ts";

/**
 * Says goodbye when its server shuts down; told "fail", it then throws, and told
 * "fail later", it rejects.
 */
export class Farewell extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  readonly #down = Promise.withResolvers<void>();
  #order: string | null = null;

  override async handle(): Promise<void> {
    this.#order = await this.rfile.readLine();
    await this.wfile.write("ready\n");
    await this.#down.promise;
    await this.wfile.write("goodbye\n");
  }

  override onShutdown(): void | Promise<void> {
    const failure = new Error("no farewell");
    if (this.#order === "fail later") {
      return Promise.reject(failure).finally(() => this.#down.resolve());
    }
    this.#down.resolve();
    if (this.#order === "fail") throw failure;
  }
}
