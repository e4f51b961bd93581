import { StreamRequestHandler } from "../../../mod.ts";

/** Answers with what its handshake has agreed upon. */
export class Told extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write(JSON.stringify(this.tls ?? null));
  }
}
