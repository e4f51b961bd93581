// deno run --allow-net=127.0.0.1 --allow-read=cert.pem,key.pem examples/haproxy/backend.ts --port 1241 --ready-port 1341
//
// One instance behind HAProxy, which haproxy.cfg beside this file describes. It
// says which instance it is, whose the connection is as the PROXY header tells,
// and the line that the client has sent.
//
// On SIGTERM its readiness fails first, while it goes on to serve. HAProxy sends
// it nobody any more once it has noticed; only then does it drain. So no client
// meets a closed port. With --cert and --key it speaks TLS, which HAProxy passes
// through unread.
//
// Options: --port N and --ready-port N (0: any free port), --notice N: how long
// the readiness fails before the server drains, in milliseconds (2000),
// --hostname H (127.0.0.1), --cert FILE and --key FILE.

import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  run,
  type RunnableServer,
  type ShutdownOptions,
  StreamRequestHandler,
  TCPServer,
  TLSServer,
} from "../../mod.ts";
import { HTTPServer } from "../../server/http/mod.ts";

class Teller extends StreamRequestHandler<Deno.NetAddr> {
  override async handle() {
    const line = await this.rfile.readLine();
    // Health checks of other balancers, and clients that leave, send none.
    if (line === null) return;
    const { hostname, port } = this.clientAddress;
    await this.wfile.write(`${Deno.pid} ${hostname}:${port} ${line}\n`);
  }
}

/** A server that says that it leaves, and drains when that has been noticed. */
class Leaving implements RunnableServer {
  readonly #server: RunnableServer;
  readonly #notice: number;
  readonly #hurry = new AbortController();
  /** Whether new clients should still be sent here. */
  ready = true;

  /** @param notice How long it takes to be noticed, in milliseconds. */
  constructor(server: RunnableServer, notice: number) {
    this.#server = server;
    this.#notice = notice;
  }

  serveForever(): Promise<void> {
    return this.#server.serveForever();
  }

  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    this.ready = false;
    // The second signal leaves no time, for this neither.
    if (options.gracePeriod === 0) this.#hurry.abort();
    const { signal } = this.#hurry;
    await setTimeout(this.#notice, undefined, { signal }).catch(() => {});
    await this.#server.shutdown(options);
  }
}

function readNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new TypeError(`Cannot read --${name} ${text}: give it as a number`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "1241" },
      "ready-port": { type: "string", default: "1341" },
      hostname: { type: "string", default: "127.0.0.1" },
      notice: { type: "string", default: "2000" },
      cert: { type: "string" },
      key: { type: "string" },
    },
  });
  const { hostname, cert, key } = values;
  const address = { hostname, port: readNumber("port", values.port) };
  const options = {
    // Only HAProxy may say whose a connection is, and everybody must say it.
    proxyProtocol: { mode: "require", trust: ["127.0.0.0/8"] },
    // A client that says nothing has a place here for no longer.
    idleTimeout: 60_000,
    onListen: ({ hostname, port }: Deno.NetAddr) =>
      console.log(`Listening on ${hostname}:${port}`),
  } as const;
  const server = cert === undefined || key === undefined
    ? new TCPServer(address, Teller, options)
    : new TLSServer(
      {
        ...address,
        cert: await Deno.readTextFile(cert),
        key: await Deno.readTextFile(key),
      },
      Teller,
      options,
    );
  const leaving = new Leaving(server, readNumber("notice", values.notice));
  // Of its own, so that it answers for as long as the other one drains.
  await using readiness = new HTTPServer(
    { hostname, port: readNumber("ready-port", values["ready-port"]) },
    () => new Response(null, { status: leaving.ready ? 200 : 503 }),
  );
  readiness.serveForever();
  await run(leaving);
}
