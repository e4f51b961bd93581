/**
 * Compares servers of HTTP that answer with six bytes, run in turn on one core
 * under the load of wrk on the other.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import { denoServer, peerServer, type ServerCommand } from "./_programs.ts";
import { compareLoads, type ServedLoad } from "./_served_loads.ts";
import { runWrk } from "./_wrk.ts";

const { rounds, seconds, short } = benchOptions();

const cpython = (how: string, mode: string): ServerCommand => ({
  ...peerServer("python3", "cpython_http.py", mode),
  label: `CPython ThreadingHTTPServer, ${how}`,
});

const servers = [
  denoServer("HTTPServer, fetch", "ours_http.ts", "fetch"),
  denoServer("HTTPServer, doGET", "ours_http.ts", "base"),
  denoServer("node:http in Deno", "deno_node_http.ts"),
  denoServer("node:http, given connections", "deno_emitted_http.ts"),
  denoServer("Deno.serve", "deno_serve.ts"),
  cpython("HTTP/1.1, buffered", "buffered"),
  cpython("HTTP/1.1", "persistent"),
  cpython("as shipped", "shipped"),
];

await compareLoads(
  // The servers are the same, however many connections there are.
  (short ? [50] : [1, 50, 500]).map((connections): ServedLoad => ({
    name: `GET, keep-alive, ${connections} connections`,
    program: "wrk",
    servers,
    run: (port) => runWrk(port, { connections, seconds }),
  })),
  rounds,
  short ? 0 : 1,
);
