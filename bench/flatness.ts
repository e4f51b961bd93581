/**
 * Whether a request takes as much processor time however many threads there are:
 * threads that accept for themselves, beside threads with a port of their own each,
 * which share nothing. All run in turn, A B C A B C …, and a ratio is the median of
 * those of each round.
 *
 * Options: `--rounds=N`, `--only=TEXT` for the loads whose name has the text,
 * `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import {
  compile,
  denoServer,
  median,
  runLoad,
  Server,
  type ServerCommand,
} from "./_programs.ts";

const { rounds, seconds, short, only } = benchOptions();
const WORKERS = short ? [1, 2] : [1, 2, 8];
/** How long a server has to close what a run has left, in milliseconds. */
const SETTLE = 200;
/** How many requests each thread has answered first: its code is compiled by then. */
const WARM_REQUESTS = short ? 0 : 10_000;
/** How many runs that may take. */
const WARM_UPS = 8;

interface Load {
  readonly name: string;
  /** What our threads do, and what those that share nothing do. */
  readonly modes: readonly [string, string];
  args(ports: string): readonly (string | number)[];
}

const duration = short ? 250 : 1_000 * seconds;
const loads: readonly Load[] = [
  ...[50, 500].map((connections): Load => ({
    name: `echo of 64 bytes, ${connections} connections`,
    modes: ["echo", "echo"],
    args: (ports) => ["echo", ports, connections, 64, duration],
  })),
  {
    name: "connect, 24 bytes, close, 64 at a time",
    modes: ["reply", "reply-in-full"],
    args: (ports) => ["connect", ports, 64, 24, duration],
  },
];

/** Ours, and those that share nothing. */
function serversOf({ modes }: Load, workers: number): ServerCommand[] {
  return [
    denoServer("ours", "ours_threading.ts", modes[0], `${workers}`),
    denoServer("bare", "raw_workers.ts", modes[1], `${workers}`),
  ].map((server) => ({ ...server, anyCore: true }));
}

/** The processor time of a request, in µs. */
async function cost(
  program: string,
  load: Load,
  command: ServerCommand,
  workers: number,
): Promise<number> {
  await using server = await Server.start(command);
  const args = load.args(server.ports);
  let left = WARM_REQUESTS * workers;
  for (let run = 0; run < WARM_UPS && left > 0; run++) {
    left -= (await runLoad(program, args)).count;
    await new Promise((done) => setTimeout(done, SETTLE));
  }
  const before = server.processorTime();
  const { count } = await runLoad(program, args);
  return 1_000 * (server.processorTime() - before) / count;
}

const folder = await Deno.makeTempDir();
try {
  const program = await compile("load.c", folder);
  console.log(
    "| processor time, µs | workers | ours | to one worker | sharing nothing | to one worker | ours is |",
  );
  console.log("|---|--:|--:|--:|--:|--:|--:|");
  for (const load of loads) {
    if (!load.name.includes(only)) continue;
    const costs = WORKERS.map((): number[][] => [[], []]);
    for (let round = 0; round < rounds; round++) {
      for (const [i, workers] of WORKERS.entries()) {
        for (const [j, server] of serversOf(load, workers).entries()) {
          costs[i]![j]!.push(await cost(program, load, server, workers));
        }
      }
    }
    for (const [i, workers] of WORKERS.entries()) {
      const [ours, bare] = costs[i] as [number[], number[]];
      const ratio = (above: readonly number[], below: readonly number[]) =>
        median(above.map((each, round) => each / below[round]!)).toFixed(2);
      const cells = [
        load.name,
        workers,
        median(ours).toFixed(1),
        ratio(ours, costs[0]![0]!),
        median(bare).toFixed(1),
        ratio(bare, costs[0]![1]!),
        ratio(ours, bare),
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
