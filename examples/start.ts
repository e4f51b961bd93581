// deno run --allow-net=127.0.0.1:1234 examples/start.ts
//
// The main job: greets whoever connects and echoes lines back until it is told
// to stop, by Ctrl-C or SIGTERM.

import { parseArgs } from "node:util";
import { StreamRequestHandler, TCPServer } from "../mod.ts";

const GRACE_PERIOD = 5_000;

/** Greets, then echoes lines. */
export class Greeter extends StreamRequestHandler<Deno.NetAddr> {
  override setup() {
    console.log(`Got connection from ${this.#client}`);
  }

  override async handle() {
    await this.wfile.write("Thank you for connecting\n");
    for await (const line of this.rfile) await this.wfile.write(line + "\n");
  }

  override finish() {
    console.log(`${this.#client} disconnected`);
  }

  get #client(): string {
    const { hostname, port } = this.clientAddress;
    return `${hostname}:${port}`;
  }
}

if (import.meta.main) {
  const { hostname, port } = readArguments();
  const server = listen(hostname, port);
  let stopping = false;
  const stop = () => {
    if (stopping) Deno.exit(130);
    stopping = true;
    console.log("Draining; once more to end at once");
    server.shutdown({ gracePeriod: GRACE_PERIOD });
  };
  // Windows has no SIGTERM.
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  await server.serveForever();
  for (const signal of signals) Deno.removeSignalListener(signal, stop);
}

function readArguments(): { hostname: string; port: number } {
  try {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        hostname: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "1234" },
      },
    });
    if (!/^\d+$/.test(values.port)) {
      throw new TypeError(
        `Cannot use port "${values.port}": it must be a number from 0 to 65535`,
      );
    }
    return { hostname: values.hostname, port: Number(values.port) };
  } catch (error) {
    fail(error, 2);
  }
}

function listen(hostname: string, port: number): TCPServer {
  try {
    return new TCPServer({ hostname, port }, Greeter, {
      onListen(address) {
        console.log(`Listening on ${address.hostname}:${address.port}`);
        console.log(`Talk to it: nc ${address.hostname} ${address.port}`);
      },
    });
  } catch (error) {
    fail(error, error instanceof RangeError ? 2 : 1, `${hostname}:${port}: `);
  }
}

function fail(error: unknown, code: number, where = ""): never {
  console.error(
    `error: ${where}${error instanceof Error ? error.message : error}`,
  );
  Deno.exit(code);
}
