import { StreamRequestHandler } from "../../../handlers/mod.ts";

/** What a handler sees of its client. */
export interface Told {
  readonly client: Deno.Addr;
  /** The address of the connection itself. */
  readonly peer: Deno.Addr;
  /** `handler.proxy`, its bytes as hexadecimal digits. */
  readonly proxy: unknown;
  /** All that came over the connection, a byte a character. */
  readonly sent: string;
}

/** Tells its client all that it sees, when that has ended its side. */
export class Teller extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const { clientAddress, proxy, request } = this;
    const sent = new TextDecoder("latin1").decode(await this.rfile.readAll());
    const told = { client: clientAddress, peer: request.remoteAddr, sent };
    const text = JSON.stringify(
      { ...told, proxy },
      (_, value) => value instanceof Uint8Array ? value.toHex() : value,
    );
    await this.wfile.write(text + "\n");
  }
}
