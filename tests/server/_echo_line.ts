import { DatagramRequestHandler, StreamRequestHandler } from "../../mod.ts";

// They say where they live, so that threads can have them too.

export class EchoLine extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write(`${await this.rfile.readLine()}\n`);
  }
}

export class EchoPacket extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write(`${await this.rfile.readLine()}\n`);
  }
}

export class Bad extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.wfile.write("handler called");
    throw new TypeError("Test error");
  }
}
