/**
 * Compares servers of WebSockets that send each message back, run in turn on one core
 * under the load of `load.c` on the other. A message is one frame of text.
 *
 * Options: `--rounds=N`, `--only=TEXT` for the loads whose names have it, `--short` to
 * see only that everything works.
 */
import { parseArgs } from "node:util";
import {
  compile,
  denoServer,
  isInstalled,
  peerServer,
  runLoad,
} from "./_programs.ts";
import { compareLoads } from "./_served_loads.ts";

const { values: { rounds, only, short } } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    short: { type: "boolean", default: false },
  },
});
/** How long one measurement lasts, in milliseconds. */
const duration = short ? 200 : 2_000;

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
      run: (port: number) =>
        runLoad(load, [
          ...["spin", "websocket", port, connections, size, duration],
        ]),
    })).filter(({ name }) => name.includes(only)),
    short ? 1 : Number(rounds),
    short ? 0 : 1,
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
