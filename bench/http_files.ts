/**
 * Compares servers of files: curl fetches one of 100 MiB again and again. They
 * run in turn, and what is printed is how this module's stand to the others.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { parseArgs } from "node:util";
import {
  denoServer,
  isInstalled,
  median,
  peerServer,
  Server,
  type ServerCommand,
} from "./_programs.ts";

const MIB = 2 ** 20;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "7" },
    short: { type: "boolean", default: false },
  },
});
const rounds = options.short ? 1 : Number(options.rounds);
/** The size of the file, in MiB. */
const size = options.short ? 1 : 100;
/** How often a measurement fetches it, on one connection. */
const times = options.short ? 2 : 20;

const folder = await Deno.makeTempDir();
try {
  await Deno.writeFile(`${folder}/file`, new Uint8Array(size * MIB).fill(65));
  await compare([
    denoServer("HTTPServer", "ours_http_files.ts", folder),
    denoServer("Deno.serve, file.readable", "raw_http_files.ts", folder),
    peerServer("python3", "cpython_http_files.py", folder),
  ]);
  // Threads may use both cores, and so may what they are compared with.
  const bothCores = [
    denoServer("threading, 1 worker", "ours_http_files.ts", folder, "1"),
    denoServer("HTTPServer", "ours_http_files.ts", folder),
    denoServer("Deno.serve, file.readable", "raw_http_files.ts", folder),
  ];
  await compare(bothCores.map((server) => ({ ...server, anyCore: true })));
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Measures servers in turn, A B C A B C …; the first is ours. */
async function compare(servers: readonly ServerCommand[]): Promise<void> {
  console.log(
    `| ${size} MiB, ${rounds} × ${times} times | MiB/s | here is | CPU ms each | here is |`,
  );
  console.log("|---|--:|--:|--:|--:|");
  const speeds = servers.map((): number[] => []);
  const costs = servers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, command] of servers.entries()) {
      if (!await isInstalled(command.command[0]!)) continue;
      await using server = await Server.start(command);
      // The first run finds the code not compiled yet.
      await fetchFile(server.port);
      const before = server.processorTime();
      const seconds = await fetchFile(server.port);
      speeds[i]!.push(size * times / seconds);
      costs[i]!.push((server.processorTime() - before) / times);
    }
  }
  for (const [i, { label }] of servers.entries()) {
    const cells = [label];
    for (const figures of [speeds, costs]) {
      const ratios = figures[i]!.map((figure, at) => figures[0]![at]! / figure);
      cells.push(median(figures[i]!).toFixed(0));
      cells.push(i === 0 ? "" : `${median(ratios).toFixed(2)} ×`);
    }
    console.log(`| ${cells.join(" | ")} |`);
  }
  console.log();
}

/** Fetches the file, and returns how many seconds that took in all. */
async function fetchFile(port: number): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command("taskset", {
    args: [
      ...["-c", "1", "curl", "-q", "--silent", "--show-error", "--fail"],
      ...["--noproxy", "*", "--max-time", "60", "--output", "/dev/null"],
      ...["--write-out", "%{size_download} %{time_total}\\n"],
      `http://127.0.0.1:${port}/file?[1-${times}]`,
    ],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot measure: ${decoder.decode(stderr)}`);
  let seconds = 0;
  for (const line of decoder.decode(stdout).trim().split("\n")) {
    const [bytes, time] = line.split(" ").map(Number);
    if (bytes !== size * MIB) {
      throw new Error(`Cannot measure: ${bytes} bytes came of ${size * MIB}`);
    }
    seconds += time!;
  }
  return seconds;
}
