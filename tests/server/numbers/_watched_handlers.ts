// Handlers for tests of numbers and events: what threads and processes import.

import { subscribe } from "node:diagnostics_channel";
import { isMainThread, threadId } from "node:worker_threads";
import { BaseHTTPRequestHandler } from "../../../handlers/http/base_http_request_handler.ts";
import {
  DatagramRequestHandler,
  StreamRequestHandler,
} from "../../../handlers/mod.ts";
import type { ServerStartEvent } from "../../../server/server_events.ts";

/** The servers of `start` events that this thread was told of. */
const toldHere: unknown[] = [];
if (!isMainThread) {
  subscribe("socketserver:start", (message) => {
    toldHere.push((message as ServerStartEvent).server);
  });
}

/** A subscriber that changes what it is given. */
export function spoil(message: unknown): void {
  const told = message as Record<string, Record<string, unknown> | undefined>;
  for (const address of [told.clientAddress, told.address]) {
    delete address?.hostname;
  }
  for (const name of Object.keys(told)) delete told[name];
}

/** What a server is configured with whose handlers are to block. */
export interface BlockConfig {
  /** The file that ends it. */
  readonly until: string;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What a handler does, by what a line says. */
const orders: Readonly<Record<string, (handler: Watched) => unknown>> = {
  "fail": () => {
    throw new RangeError("as it was told");
  },
  "end": ({ wfile }) => wfile.write("ending\n"),
  "die": () => {
    self.close();
    return new Promise(() => {});
  },
  "end the process": () => Deno.exit(3),
  "block": async ({ wfile, config }) => {
    await wfile.write("blocking\n");
    const { until } = config as BlockConfig;
    const never = new Int32Array(new SharedArrayBuffer(4));
    // As a loop would, and without the processor, which others of the test need.
    while (!exists(until)) Atomics.wait(never, 0, 0, 20);
  },
  "write much": async ({ wfile, signal }) => {
    wfile.write(new Uint8Array(8_000_000)).catch(() => {});
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
  "spoil here": () => subscribe("socketserver:end", spoil),
  "who": ({ wfile, clientAddress }) =>
    wfile.write(`${JSON.stringify(clientAddress)}\n`),
  "told here": ({ server, wfile }) =>
    wfile.write(
      `${toldHere.length} ${toldHere.every((it) => it === server)}\n`,
    ),
};

/** Answers each line with the same or its thread, or does what it says and ends. */
export class Watched extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const line of this.rfile) {
      const order = orders[line];
      if (order !== undefined) return void await order(this);
      await this.wfile.write(`${line === "which thread" ? threadId : line}\n`);
    }
  }
}

/** The same without `rfile` and `wfile`. */
export class Bare extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const buffer = new Uint8Array(1_000);
    for (let n; (n = await this.request.read(buffer)) !== null;) {
      await this.request.write(buffer.subarray(0, n));
    }
  }
}

/** Answers a datagram twice: by the socket, and by `wfile`. */
export class TwicePacket extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.socket.send(this.packet, this.clientAddress);
    this.wfile.write(this.packet);
  }
}

/** Reads a body, and answers with the number of its bytes. */
export class Lengths extends BaseHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  async doPOST() {
    const { length } = await this.rfile.readAll();
    this.sendResponse(200);
    this.endHeaders();
    await this.wfile.write(`${length}`);
  }

  override logMessage() {}
}
