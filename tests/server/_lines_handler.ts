import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../handlers/mod.ts";

/** Answers each line with itself between brackets. */
export class Lines extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const line of this.rfile) await this.wfile.write(`<${line}>\n`);
  }
}

/** Answers each datagram with itself. */
export class Packets extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write(this.packet);
  }
}
