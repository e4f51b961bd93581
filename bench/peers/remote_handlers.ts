/**
 * The handlers of ours_forking.ts and ours_threading.ts, in a module of their
 * own that imports no more than they need: every process imports it.
 *
 * Source sends as many bytes as the last argument says.
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

export class Burn extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override async handle() {
    const { rfile, wfile } = this;
    for (let chunk; (chunk = await rfile.read(CHUNK)) !== null;) {
      const until = performance.now() + 1;
      while (performance.now() < until);
      await wfile.write(chunk);
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
    for (let left = Number(Deno.args.at(-1)); left > 0; left -= part.length) {
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
