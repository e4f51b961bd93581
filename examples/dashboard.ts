// deno run --allow-net=127.0.0.1:1234,127.0.0.1:1235,127.0.0.1:8080 --allow-read=examples,handlers,server,mod.ts --allow-run=deno examples/dashboard.ts
//
// A page that shows servers at work: who is connected, how much comes and goes, how
// long it takes, what each thread and process has to do. Each client has a button
// that closes it.
//
// Two servers hash lines, as in hash_service.ts: one in threads, one in processes.
// Open http://127.0.0.1:8080/ in a browser, and give them something to do from other
// terminals, as many as you have:
//
//     yes | nc 127.0.0.1 1234 > /dev/null
//     yes | nc 127.0.0.1 1235 > /dev/null
//
// Other ports are the arguments, the page's the last, and belong in --allow-net too.

import { createHash } from "node:crypto";
import { ForkingTCPServer, run, ThreadingTCPServer } from "../mod.ts";
import {
  type FetchRequestHandler,
  HTTPError,
  HTTPServer,
} from "../server/http/mod.ts";
import { Feed } from "./dashboard/feed.ts";
import { PAGE, SCRIPT, STYLE } from "./dashboard/page.ts";
import { WatchedServer } from "./dashboard/watched_server.ts";
import { HashHandler } from "./hash_service.ts";

/** What the page may do in a browser: run this script, and ask this server. */
const POLICY = [
  "default-src 'none'",
  `script-src '${hash(SCRIPT)}'`,
  `style-src '${hash(STYLE)}'`,
  ...["connect-src 'self'", "img-src data:", "base-uri 'none'"],
  // In a frame of another page, a click could be lured onto a button.
  ...["form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

function hash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** Answers the requests of the page. */
function dashboard(servers: readonly WatchedServer[], port: () => number) {
  const feed = new Feed(servers);
  return (request: Request, handler: FetchRequestHandler<Deno.Addr>) => {
    const { pathname } = new URL(request.url);
    const host = request.headers.get("host");
    // Another name that leads here is that of a page that wants to be taken for ours.
    if (host !== `127.0.0.1:${port()}` && host !== `localhost:${port()}`) {
      throw new HTTPError(421, "This is the page of 127.0.0.1 alone");
    }
    const [, name, id] = /^\/close\/(\w+)\/(\d{1,15})$/.exec(pathname) ?? [];
    const isClose = name !== undefined;
    if (!isClose && pathname !== "/" && pathname !== "/events") {
      throw new HTTPError(404);
    }
    const method = isClose ? "POST" : "GET";
    if (request.method !== method) {
      throw new HTTPError(405, `Only ${method} is answered`, {
        headers: { allow: method },
      });
    }
    if (isClose) {
      // Browsers tell which page a POST is from: no other page may close anybody.
      if (request.headers.get("origin") !== `http://${host}`) {
        throw new HTTPError(403, `Origin must be http://${host}`);
      }
      return close(servers, name, Number(id));
    }
    return pathname === "/events"
      ? feed.open(handler.shutdownSignal)
      : new Response(PAGE, {
        headers: {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": POLICY,
        },
      });
  };
}

/** Closes a client of the server with this name. */
async function close(
  servers: readonly WatchedServer[],
  name: string,
  id: number,
): Promise<Response> {
  const watched = servers.find((watched) => watched.name === name);
  try {
    if (await watched?.server.closeConnection(id)) {
      return new Response(null, { status: 204 });
    }
  } catch (cause) {
    if (!(cause instanceof Deno.errors.TimedOut)) throw cause;
    throw new HTTPError(503, "Its thread does not answer", { cause });
  }
  throw new HTTPError(404, "It has gone");
}

if (import.meta.main) {
  const hostname = "127.0.0.1";
  const [threads = 1234, processes = 1235, page = 8080] = Deno.args.map(Number);
  const onListen = ({ hostname, port }: Deno.NetAddr) =>
    console.log(`Listening on ${hostname}:${port}`);
  const services = [
    new ThreadingTCPServer({ hostname, port: threads }, HashHandler, {
      onListen,
    }),
    new ForkingTCPServer({ hostname, port: processes }, HashHandler, {
      onListen,
      maxChildren: 2,
      requestsPerChild: Infinity,
      connectionsPerChild: 100,
    }),
  ] as const;
  const site: HTTPServer = new HTTPServer(
    { hostname, port: page },
    dashboard([
      new WatchedServer("threads", services[0]),
      new WatchedServer("processes", services[1]),
    ], () => site.addr.port),
    {
      maxConnections: 100,
      onListen: ({ hostname, port }) =>
        console.log(`The page is at http://${hostname}:${port}/`),
    },
  );
  await run([...services, site]);
}
