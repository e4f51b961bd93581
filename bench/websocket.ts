/**
 * Compares servers of WebSockets that send each message back, run in turn on one core
 * under the load of `load.c` on the other. A message is one frame of text.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import {
  compile,
  denoServer,
  isInstalled,
  peerServer,
  runLoad,
} from "./_programs.ts";
import { compareLoads } from "./_served_loads.ts";

const { rounds, seconds } = benchOptions();

const hasNode = await isInstalled("node") &&
  await Deno.stat("/usr/share/nodejs/ws").catch(() => undefined) !== undefined;
const hasPython =
  await Deno.stat("/usr/lib/python3/dist-packages/websockets").catch(() =>
    undefined
  ) !== undefined;

const servers = [
  denoServer("upgradeWebSocket, onmessage", "ours_websocket.ts", "listener"),
  denoServer("upgradeWebSocket, loop", "ours_websocket.ts", "loop"),
  denoServer("Deno.upgradeWebSocket", "deno_websocket.ts"),
  ...hasNode
    ? [{ ...peerServer("node", "node_websocket.mjs"), label: "Node `ws`" }]
    : [],
  ...hasPython
    ? [{
      ...peerServer("python3", "cpython_websocket.py"),
      label: "CPython `websockets`",
    }]
    : [],
];

const folder = await Deno.makeTempDir();
try {
  const load = await compile("load.c", folder);
  await compareLoads(
    ([[64, 1], [64, 50], [64, 500], [16_384, 50]] as const).map((
      [size, connections],
    ) => ({
      name: `echo of ${size} bytes, ${connections} connections`,
      program: load,
      servers,
      run: (port) =>
        runLoad(load, [
          ...["spin", "websocket", port, connections, size, seconds * 1_000],
        ]),
    })),
    rounds,
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
