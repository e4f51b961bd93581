import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../handlers/mod.ts";

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

export class Exits extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    if (await this.rfile.readLine() === "exit") Deno.exit(72);
    await this.wfile.write("served");
  }
}
