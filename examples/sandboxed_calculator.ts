// deno run --allow-net=127.0.0.1:1234 --allow-run=deno examples/sandboxed_calculator.ts
//
// Evaluates what strangers send, as JavaScript, one expression a line. Each of
// them has a process that holds no permission and 64 MiB of heap, and may take
// 2 seconds in all. It can compute; it cannot read a file, open a socket, start
// a program or see the environment, and whatever it breaks is its own.
//
// Talk to it: nc 127.0.0.1 1234
//
//     6 * 7
//     Math.max(...[3, 1, 2])
//     Deno.readTextFileSync("/etc/passwd")
//
// Another port is the first argument, and belongs in --allow-net too.

import {
  ForkingTCPServer,
  HandlerLostError,
  run,
  StreamRequestHandler,
} from "../mod.ts";

export class Calculator extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const line of this.rfile) {
      await this.wfile.write(`${await evaluate(line)}\n`);
    }
  }
}

async function evaluate(expression: string): Promise<string> {
  try {
    return Deno.inspect(await new Function(`return (${expression})`)());
  } catch (error) {
    return `${error}`;
  }
}

class Server extends ForkingTCPServer {
  override handleError(error: unknown) {
    const lost = error instanceof HandlerLostError;
    // Of a process that ran out of memory, the rest is V8's account of it.
    const [line] = (lost ? error.message : `${error}`).split("\n", 1);
    console.error(line);
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new Server({ hostname: "127.0.0.1", port }, Calculator, {
    denoArgs: ["--v8-flags=--max-old-space-size=64"],
    allowShutdown: false,
    requestTimeout: 2000,
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
