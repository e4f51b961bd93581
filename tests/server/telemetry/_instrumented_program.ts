/**
 * Serves in every way, instrumented, until its input ends. Prints the ports as JSON.
 * Arguments: the options of `instrument`, as JSON.
 */
import {
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUnixStreamServer,
} from "../../../mod.ts";
import { HTTPServer, ThreadingHTTPServer } from "../../../server/http/mod.ts";
import { instrument } from "../../../server/telemetry/mod.ts";
import { Answers, Methods, OneLine } from "./_instrumented_handlers.ts";

const address = { hostname: "127.0.0.1", port: 0 };
const quiet = { onError: () => {} };
const [options = "{}", path] = Deno.args;

const servers = {
  http: new HTTPServer(address, Answers, quiet),
  methods: new TCPServer(address, Methods, quiet),
  httpThreads: new ThreadingHTTPServer(address, Answers, {
    ...{ workers: 1, ...quiet },
  }),
  httpCarried: new ThreadingHTTPServer(address, Answers, {
    ...{ workers: 1, accept: "main", ...quiet },
  }),
  tcp: new TCPServer(address, OneLine, quiet),
  tcpProxied: new TCPServer(address, OneLine, {
    ...quiet,
    proxyProtocol: { mode: "require", trust: ["127.0.0.0/8"] },
  }),
  tcpThreads: new ThreadingTCPServer(address, OneLine, {
    ...{ workers: 1, ...quiet },
  }),
  tcpProcesses: new ForkingTCPServer(address, OneLine, {
    ...{ maxChildren: 1, requestsPerChild: 10, ...quiet },
  }),
  ...path === undefined ? {} : {
    unix: new ThreadingUnixStreamServer({ path }, OneLine, {
      ...{ workers: 1, ...quiet },
    }),
  },
};
const all = Object.entries(servers);
const telemetry = all.map(([, server]) =>
  instrument(server, JSON.parse(options))
);
for (const [, server] of all) server.serveForever();
console.log(JSON.stringify({
  again: whatIsThrown(() => instrument(servers.tcp)),
  active: telemetry.every(({ active }) => active),
  ports: Object.fromEntries(
    all.map(([name, { addr }]) => [name, "port" in addr ? addr.port : 0]),
  ),
}));
for await (const chunk of Deno.stdin.readable) {
  if (new TextDecoder().decode(chunk).includes("dispose")) {
    for (const each of telemetry) each[Symbol.dispose]();
    console.log("disposed");
  }
}
await Promise.all(all.map(([, server]) => server.shutdown()));

function whatIsThrown(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return `${error}`;
  }
  return undefined;
}
