/** The handler of connections that are only held: what threads import. */
import { StreamRequestHandler } from "../../mod.ts";

/** Reads until the client ends. */
export class Held extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    while (await this.rfile.read() !== null) {
      // Thrown away.
    }
  }
}
