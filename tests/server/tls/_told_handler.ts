import { StreamRequestHandler } from "../../../handlers/mod.ts";

/** Answers with what its handshake has agreed upon. */
export class Told extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write(JSON.stringify(this.tls ?? null));
  }
}

/** Sends a lot, and tells how much came of what was sent to it. */
export class Both extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const chunk of this.rfile.readable) {
      await this.wfile.write(chunk);
    }
  }
}
