/**
 * Compares servers of TLS, run in turn on one core under the load of wrk on the
 * other: short answers on connections that stay, and a whole handshake for each
 * answer. Each server gives the same bytes for whatever it reads, which wrk takes for
 * HTTP.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import { denoServer, peerServer, type ServerCommand } from "./_programs.ts";
import { compareLoads, type ServedLoad } from "./_served_loads.ts";
import { runWrk } from "./_wrk.ts";

const { rounds, seconds, short } = benchOptions();
const folder = await Deno.makeTempDir();
const files = [`${folder}/cert.pem`, `${folder}/key.pem`];

/** The servers, which close a connection after an answer or do not. */
const servers = (mode: "keep" | "close"): ServerCommand[] => [
  denoServer("TLSServer", "ours_tls.ts", mode, ...files),
  denoServer("Deno.listenTls loop", "raw_tls.ts", mode, ...files),
  {
    ...peerServer("node", "node_tls.mjs", mode, ...files),
    label: "Node `tls`",
  },
  {
    ...peerServer("python3", "cpython_tls.py", mode, ...files),
    label: "CPython `ssl`, a thread each",
  },
];

/** A load of short answers. */
function load(
  name: string,
  mode: "keep" | "close",
  connections: number,
): ServedLoad {
  return {
    name,
    program: "wrk",
    servers: servers(mode),
    run: (port) =>
      runWrk(port, {
        ...{ connections, seconds, secure: true },
        ...mode === "close" ? { headers: ["Connection: close"] } : {},
      }),
  };
}

try {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=localhost"],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-out", files[0]!, "-keyout", files[1]!],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  await compareLoads(
    [
      load("answers, 1 connection", "keep", 1),
      load("answers, 50 connections", "keep", 50),
      load("a handshake each, 64 at a time", "close", 64),
    ],
    rounds,
    !short,
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
