// deno run --allow-net=127.0.0.1:3128,example.org examples/http_proxy.ts 3128
//
// A proxy for HTTP: CONNECT for tunnels, which all that is encrypted goes through,
// and requests for whole URLs. `hijack()` takes a connection over from HTTP, with
// what its client has sent ahead of the answer.
//
// It connects where its flags let it: curl -x 127.0.0.1:3128 https://example.org
//
// Arguments: the port to listen on (3128).

import { connect } from "../handlers/client/mod.ts";
import { run } from "../mod.ts";
import {
  FetchRequestHandler,
  HTTPError,
  HTTPServer,
} from "../server/http/mod.ts";

/** Fields about one connection, which a proxy passes on to none (RFC 9110, 7.6.1). */
const OF_THE_CONNECTION = [
  ...["connection", "keep-alive", "proxy-connection", "proxy-authorization"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
];

/** Passes requests and tunnels on to where the permissions let it. */
export class Proxy extends FetchRequestHandler<Deno.NetAddr> {
  override async fetch(request: Request): Promise<Response> {
    if (!this.path.startsWith("http://")) {
      throw new HTTPError(400, "A proxy is asked for whole URLs of http:");
    }
    const { host } = new URL(request.url);
    await permitted(host.includes(":") ? host : `${host}:80`);
    const headers = passedOn(request.headers);
    headers.delete("host");
    // Deno decodes what it asks for in an encoding.
    headers.set("accept-encoding", "identity");
    const { method, url, body, signal } = request;
    try {
      const response = await fetch(url, {
        ...{ method, headers, body, signal, redirect: "manual" },
      });
      const { status, statusText } = response;
      return new Response(response.body, {
        ...{ status, statusText, headers: passedOn(response.headers) },
      });
    } catch (cause) {
      throw new HTTPError(502, `Cannot ask ${host}`, { cause });
    }
  }

  async doCONNECT(): Promise<void> {
    const [, hostname, port] = /^\[?(.+?)\]?:(\d+)$/.exec(this.path)!;
    await permitted(this.path);
    const address = { hostname: hostname!, port: Number(port) };
    await using target = await connect(address).catch((cause) => {
      throw new HTTPError(502, `Cannot connect to ${this.path}`, { cause });
    });
    this.sendResponse(200, "Connection established");
    this.endHeaders();
    const { connection, rfile, wfile } = this.hijack();
    try {
      // Each direction ends by itself, as in port_forwarder.ts.
      await Promise.all([
        rfile.readable.pipeTo(target.wfile.writable),
        target.rfile.readable.pipeTo(wfile.writable),
      ]);
    } catch {
      // A tunnel that is cut short must not look like a whole one.
      connection.close();
      target.abort();
    }
  }
}

/** @throws {HTTPError} If the flags do not let this process connect there. */
async function permitted(host: string): Promise<void> {
  const { state } = await Deno.permissions.query({ name: "net", host })
    .catch(() => ({ state: "no host" }));
  if (state !== "granted") throw new HTTPError(403, `Not allowed: ${host}`);
}

/** The fields of a message that are passed on. */
function passedOn(headers: Headers): Headers {
  const named = headers.get("connection")?.toLowerCase().split(/[ \t,]+/) ?? [];
  const kept = [...headers].filter(([name]) =>
    !OF_THE_CONNECTION.includes(name) && !named.includes(name)
  );
  return new Headers(kept);
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 3128);
  const server = new HTTPServer({ hostname: "127.0.0.1", port }, Proxy, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
