/**
 * Sockets and readiness of libc beside C, `Deno.listen` and CPython, in turn,
 * the server on one core and the load on the other. Prints tables of medians.
 *
 *   deno run -A bench/poll/compare.ts [echo] [wait] [udp] [cost] [--rounds=5]
 *
 * `--short` shows only that everything works.
 */

import {
  compile,
  denoServer,
  median,
  peerServer,
  runLoad,
  Server,
  type ServerCommand,
} from "../_programs.ts";

const short = Deno.args.includes("--short");
const rounds = short ? 1 : Number(
  Deno.args.find((arg) => arg.startsWith("--rounds="))?.slice(9) ?? 5,
);
const wanted = Deno.args.filter((arg) => !arg.startsWith("--"));
const wants = (name: string) => wanted.length === 0 || wanted.includes(name);

/** How long one measurement and what goes before it last, in milliseconds. */
const DURATION = short ? 250 : 1000;
const WARM_UP = short ? 50 : 700;
/** How many calls one measurement of their cost makes, as a part of the usual. */
const SCALE = short ? 0.02 : 1;

const folder = await Deno.makeTempDir();
const here = new URL(".", import.meta.url).pathname;

function ours(label: string, file: string, ...args: string[]): ServerCommand {
  return {
    label,
    command: [Deno.execPath(), "run", "--quiet", "-A", here + file, ...args],
  };
}

/** Rows of medians, and of each the ratio to the others in the same round. */
async function compare(
  title: string,
  load: string,
  loadArgs: readonly (string | number)[],
  servers: readonly ServerCommand[],
): Promise<void> {
  const figures = servers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, command] of servers.entries()) {
      await using server = await Server.start(command);
      const [mode, ...rest] = loadArgs;
      const run = (duration: number) =>
        runLoad(load, ["spin", mode!, server.port, ...rest, duration, 0]);
      await run(WARM_UP);
      figures[i]!.push((await run(DURATION)).perSecond);
    }
  }
  console.log(`\n${title}`);
  for (const [i, { label }] of servers.entries()) {
    const ratios = servers.map((_, other) =>
      median(
        figures[i]!.map((figure, round) => figure / figures[other]![round]!),
      )
        .toFixed(2)
    );
    console.log(
      `${label.padEnd(34)} ${
        median(figures[i]!).toFixed(0).padStart(8)
      }/s  to each: ${ratios.join("  ")}`,
    );
  }
}

/** What a call costs beside C's, in microseconds. */
async function cost(program: string): Promise<void> {
  console.log(
    "\nmicroseconds a call, one of so many ready: ours; C and the ratio to it; C with a second thread and the ratio to it",
  );
  const run = async (command: string[]) => {
    const { stdout } = await new Deno.Command("taskset", {
      args: ["-c", "0", ...command],
      stderr: "inherit",
    }).output();
    return Number(new TextDecoder().decode(stdout));
  };
  for (const kind of ["poll", "select", "epoll"]) {
    for (const descriptors of [1, 100, 1000, 5000]) {
      const args = [
        kind,
        String(descriptors),
        String(Math.ceil(
          SCALE *
            (kind === "epoll" ? 100_000 : 3_000_000 / (30 + descriptors)),
        )),
      ];
      const rows: [ours: number, c: number, threads: number][] = [];
      for (let round = 0; round < rounds; round++) {
        rows.push([
          await run([
            ...[Deno.execPath(), "run", "--quiet", "--allow-ffi"],
            here + "readiness_cost.ts",
            ...args,
          ]),
          await run([program, ...args]),
          await run([program, ...args, "threads"]),
        ]);
      }
      const row = [
        rows.map(([ours]) => ours),
        rows.map(([, c]) => c),
        rows.map(([ours, c]) => ours / c),
        rows.map(([, , threads]) => threads),
        rows.map(([ours, , threads]) => ours / threads),
      ].map((column) => median(column).toFixed(2).padStart(9));
      console.log(
        `${kind.padEnd(7)}${String(descriptors).padStart(5)}${row.join("")}`,
      );
    }
  }
}

try {
  const load = await compile("load.c", folder);
  const listen = denoServer("Deno.listen loop", "raw_tcp.ts");
  if (wants("echo")) {
    const c = {
      label: "C, epoll",
      command: [await compile("poll/epoll_echo.c", folder)],
    };
    for (const connections of [50, 500]) {
      await compare(
        `echo of 64 bytes, ${connections} connections`,
        load,
        ["echo", connections, 64],
        [
          ours("epoll", "epoll_echo.ts"),
          ours("ReadinessServer", "readiness_echo.ts"),
          c,
          listen,
        ],
      );
    }
  }
  if (wants("wait")) {
    for (const connections of [1, 50]) {
      await compare(
        `echo of 64 bytes with promises, ${connections} connections`,
        load,
        ["echo", connections, 64],
        [
          ours("promised calls", "promised_echo.ts"),
          ours("a Worker that waits", "worker_wait_echo.ts"),
          listen,
        ],
      );
    }
  }
  if (wants("udp")) {
    for (const sockets of [1, 50]) {
      await compare(
        `echo of datagrams of 64 bytes, ${sockets} sockets`,
        load,
        ["udp", sockets, 64],
        [
          ours("recvMany, sendMany", "udp_echo.ts", "batch"),
          ours("recvFrom, sendTo", "udp_echo.ts", "one"),
          denoServer("Deno.listenDatagram", "raw_udp.ts"),
          peerServer("python3", "cpython_udp.py"),
        ],
      );
    }
  }
  if (wants("cost")) await cost(await compile("poll/readiness_cost.c", folder));
} finally {
  await Deno.remove(folder, { recursive: true });
}
