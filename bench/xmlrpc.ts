/**
 * Compares servers of XML-RPC: calls of `add`, with wrk and with CPython's
 * client, servers run in turn on one core and the load on the other.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { parseArgs } from "node:util";
import {
  denoServer,
  type Measured,
  median,
  peerServer,
  runLoad,
  Server,
  type ServerCommand,
} from "./_programs.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "5" },
    short: { type: "boolean", default: false },
  },
});
const rounds = options.short ? 1 : Number(options.rounds);
/** How long one measurement lasts, in seconds. */
const seconds = options.short ? 1 : 2;
const peers = new URL("peers/", import.meta.url).pathname;

/** A way to make calls, as fast as they are answered. */
interface Load {
  readonly name: string;
  readonly program: string;
  readonly servers: readonly ServerCommand[];
  run(port: number): Promise<Measured>;
}

const ours = denoServer("SimpleXMLRPCServer", "ours_xmlrpc.ts");
const checked = denoServer(
  "the same, with a signature",
  "ours_xmlrpc.ts",
  "signature",
);
const cpython = (label: string, ...args: string[]): ServerCommand => ({
  ...peerServer("python3", "cpython_xmlrpc.py", ...args),
  label: `CPython SimpleXMLRPCServer${label}`,
});
const keepAlive = cpython(", HTTP/1.1", "plain", "1.1");
const closing = cpython("", "plain", "1.0");
const threading = cpython(", HTTP/1.1, threads", "threading", "1.1");

const loads: readonly Load[] = [
  wrk(1, [ours, checked, keepAlive, closing]),
  // Without threads, CPython's serves one connection until it ends.
  wrk(50, [ours, checked, threading, closing]),
  {
    name: "add, CPython's client, 1 connection",
    program: "python3",
    servers: [ours, keepAlive, closing],
    run: (port) =>
      runLoad("python3", [`${peers}xmlrpc_client.py`, port, seconds * 1000]),
  },
];

function wrk(connections: number, servers: readonly ServerCommand[]): Load {
  return {
    name: `add, wrk, ${connections} connections`,
    program: "wrk",
    servers,
    run: (port) => runWrk(port, connections),
  };
}

/** Runs wrk on the core of the load; its last line is of this project's. */
async function runWrk(port: number, connections: number): Promise<Measured> {
  const { success, stdout, stderr } = await new Deno.Command("taskset", {
    args: [
      ...["-c", "1", "wrk", "-t", "1", "-c", `${connections}`],
      ...["-d", `${seconds}`, "-s", `${peers}xmlrpc_add.lua`],
      `http://127.0.0.1:${port}`,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  const last = decoder.decode(stdout).trim().split("\n").at(-1) ?? "";
  if (!success || !last.startsWith("{")) {
    throw new Error(`Cannot measure with wrk: ${decoder.decode(stderr)}`);
  }
  const measured: Measured & { readonly wrong: number } = JSON.parse(last);
  if (measured.wrong > 0) {
    throw new Error(`Cannot measure: ${measured.wrong} answers were wrong`);
  }
  return measured;
}

/** Whether it can be started; wrk tells its version and exits with 1. */
async function isOnPath(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"] }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function compare({ name, servers, run }: Load): Promise<void> {
  const speeds = servers.map((): number[] => []);
  const costs = servers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, command] of servers.entries()) {
      await using server = await Server.start(command);
      // The first run finds the code not compiled yet.
      await run(server.port);
      const before = server.processorTime();
      const { count, perSecond } = await run(server.port);
      speeds[i]!.push(perSecond);
      costs[i]!.push((server.processorTime() - before) * 1000 / count);
    }
  }
  for (const [i, { label }] of servers.entries()) {
    const ratio = (figures: readonly (readonly number[])[]) =>
      i === 0
        ? ""
        : `${
          median(figures[0]!.map((ours, at) => ours / figures[i]![at]!))
            .toFixed(2)
        } ×`;
    const cells = [
      name,
      label,
      median(speeds[i]!).toLocaleString("en", { maximumFractionDigits: 0 }),
      ratio(speeds),
      median(costs[i]!).toFixed(1),
      ratio(costs),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

console.log("| what | server | per second | ours is | CPU µs each | ours is |");
console.log("|---|---|--:|--:|--:|--:|");
for (const load of loads) {
  if (await isOnPath(load.program)) await compare(load);
  else console.log(`| ${load.name} | ${load.program} is missing | | | | |`);
}
