/**
 * The handlers of ours_forking.ts, in a module of their own that imports no more
 * than they need: every process imports it.
 */
import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../handlers/mod.ts";

const CHUNK = 64 * 1024;

export class Echo extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const { rfile, wfile } = this;
    const buffer = new Uint8Array(1024);
    for (let n; (n = await rfile.readInto(buffer)) !== null;) {
      await wfile.write(buffer.subarray(0, n));
    }
  }
}

export class Reply extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    await this.wfile.write("Thank you for connecting");
  }
}

export class Sink extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const buffer = new Uint8Array(CHUNK);
    while (await this.rfile.readInto(buffer) !== null) {
      // Thrown away.
    }
  }
}

export class Source extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const part = new Uint8Array(CHUNK);
    for (let left = Number(Deno.args[5]); left > 0; left -= part.length) {
      await this.wfile.write(part.subarray(0, Math.min(left, part.length)));
    }
  }
}

export class UDPEcho extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override handle() {
    this.wfile.write(this.packet);
  }
}
