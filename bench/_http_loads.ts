import { denoServer, peerServer, type ServerCommand } from "./_programs.ts";
import type { ServedLoad } from "./_served_loads.ts";
import { runWrk } from "./_wrk.ts";

const cpython = (how: string, mode: string): ServerCommand => ({
  ...peerServer("python3", "cpython_http.py", mode),
  label: `CPython ThreadingHTTPServer, ${how}`,
});

const servers = [
  denoServer("HTTPServer, fetch", "ours_http.ts", "fetch"),
  denoServer("HTTPServer, fetch of a class", "ours_http.ts", "class"),
  denoServer("HTTPServer, doGET", "ours_http.ts", "base"),
  denoServer("node:http in Deno", "deno_node_http.ts"),
  denoServer("node:http, given connections", "deno_emitted_http.ts"),
  denoServer("Deno.serve", "deno_serve.ts"),
  denoServer("a loop with llhttp", "raw_http.ts", "llhttp"),
  cpython("HTTP/1.1, buffered", "buffered"),
  cpython("HTTP/1.1", "persistent"),
  cpython("as shipped", "shipped"),
];

/** The servers of HTTP that answer with six bytes, under wrk. */
export const httpLoad = (
  connections: number,
  seconds: number,
): ServedLoad => ({
  name: `GET, keep-alive, ${connections} connections`,
  program: "wrk",
  servers,
  run: (port) => runWrk(port, { connections, seconds }),
});
