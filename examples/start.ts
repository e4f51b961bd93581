// deno run --allow-net --allow-read=examples,handlers,server,mod.ts --allow-run=deno examples/start.ts
//
// A server as it is run for real: options that are checked, a log of who comes
// and goes, and an end that lets those connected finish. It echoes lines of text:
// what is not UTF-8 comes back as U+FFFD, and `\r\n` as `\n`.
//
// Options: --port N (1234), --hostname H (127.0.0.1), --threads,
// --processes. Without the last two, --allow-net is all it needs.

import { parseArgs } from "node:util";
import {
  ForkingTCPServer,
  LimitOverrunError,
  run,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../mod.ts";

const USAGE =
  `Usage: deno task start [--port N] [--hostname H] [--threads | --processes]
  --port N      where to listen, 0 to 65535; 0 takes any free port (1234)
  --hostname H  the address to listen on (127.0.0.1)
  --threads     run the handlers in threads
  --processes   run the handlers in processes`;
/** How long those connected may go on after the first signal, in milliseconds. */
const GRACE_PERIOD = 5000;

interface Options {
  readonly hostname: string;
  readonly port: number;
  readonly threads: boolean;
  readonly processes: boolean;
}

export class EchoHandler extends StreamRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;

  override async setup() {
    console.log(`Got connection from ${format(this.clientAddress)}`);
    await this.wfile.write("Thank you for connecting\n");
  }

  override async handle() {
    try {
      for await (const line of this.rfile) await this.wfile.write(`${line}\n`);
    } catch (error) {
      if (!(error instanceof LimitOverrunError)) throw error;
      await this.wfile.write(`A line has at most ${error.limit} bytes\n`);
    }
  }

  override finish() {
    console.log(`${format(this.clientAddress)} left`);
  }
}

function format({ hostname, port }: { hostname: string; port: number }) {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function fail(message: string, code: number): never {
  console.error(message);
  Deno.exit(code);
}

function readOptions(): Options {
  try {
    const { values: { hostname, port, threads, processes, help } } = parseArgs({
      args: Deno.args,
      options: {
        hostname: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "1234" },
        threads: { type: "boolean", default: false },
        processes: { type: "boolean", default: false },
        help: { type: "boolean", short: "h" },
      },
    });
    if (threads && processes) {
      throw new TypeError("--threads and --processes exclude each other");
    }
    if (help) {
      console.log(USAGE);
      Deno.exit();
    }
    if (hostname === "") throw new TypeError("--hostname must not be empty");
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
      throw new TypeError(`--port must be from 0 to 65535, received "${port}"`);
    }
    return { hostname, port: Number(port), threads, processes };
  } catch (error) {
    fail(`${(error as Error).message}\n${USAGE}`, 2);
  }
}

function listen(
  { threads, processes, ...address }: Options,
): TCPServer {
  const where = processes ? " in processes" : threads ? " in threads" : "";
  const options = {
    onListen(address: Deno.NetAddr) {
      console.log(`Listening on ${format(address)}, echoing lines${where}`);
      console.log(`Talk to it: nc ${address.hostname} ${address.port}`);
    },
  };
  try {
    if (processes) {
      return new ForkingTCPServer(address, EchoHandler, {
        ...options,
        maxChildren: navigator.hardwareConcurrency,
        requestsPerChild: Infinity,
        connectionsPerChild: 100,
      });
    }
    const Server = threads ? ThreadingTCPServer : TCPServer;
    return new Server(address, EchoHandler, options);
  } catch (error) {
    // It names the address and what to do; a stack would only hide that.
    fail((error as Error).message, 1);
  }
}

if (import.meta.main) {
  const server = listen(readOptions());
  await run(server, {
    gracePeriod: GRACE_PERIOD,
    onSignal(signal, action) {
      // Shells tell by 128 and the signal's number what a process died of.
      if (action === "end") Deno.exit(signal === "SIGINT" ? 130 : 143);
      if (action === "recycle") return;
      console.log(
        `Ending: those connected have ${GRACE_PERIOD / 1000} s to finish; ` +
          "a second signal ends at once",
      );
    },
  });
  console.log("Ended");
}
