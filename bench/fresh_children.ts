/**
 * Has many requests served by a process each, and looks at what is left of them:
 * descriptors, processes and memory. Exits with 1 if anything has grown.
 *
 * Run it with `--v8-flags=--expose-gc`, or what V8 has not yet collected counts.
 *
 * Options: `--requests=N`, `--short` to see only that everything works.
 */
import { parseArgs } from "node:util";
import { ForkingTCPServer } from "../mod.ts";
import { Reply } from "./peers/remote_handlers.ts";

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    requests: { type: "string", default: "20000" },
    short: { type: "boolean", default: false },
  },
});
const requests = options.short ? 40 : Number(options.requests);
/** How many clients there are at once, and processes at most. */
const AT_ONCE = 4;
/** By how much the heap may differ from one look to the next, in MiB. */
const SLACK = 30;

interface Left {
  readonly descriptors: number;
  readonly processes: number;
  /** Resident, in MiB. */
  readonly memory: number;
}

function look(): Left {
  (globalThis as { gc?: () => void }).gc?.();
  const children = Deno.readTextFileSync(
    `/proc/${Deno.pid}/task/${Deno.pid}/children`,
  );
  return {
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    processes: children.split(" ").filter((pid) => pid !== "").length,
    memory: Math.round(Deno.memoryUsage().rss / 2 ** 20),
  };
}

async function serve(count: number): Promise<void> {
  const server = new ForkingTCPServer(
    { hostname: "127.0.0.1", port: 0 },
    Reply,
    { maxChildren: AT_ONCE, spareChildren: 0 },
  );
  const serving = server.serveForever();
  let asked = 0;
  const ask = async () => {
    while (asked++ < count) {
      const conn = await Deno.connect(server.addr);
      await new Response(conn.readable).text();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  await server.shutdown();
  await serving;
}

if (import.meta.main) {
  // At first the heap grows, and Deno opens its caches: what is left is compared
  // with what was there after a quarter.
  await serve(100);
  const looks: Left[] = [];
  const start = performance.now();
  for (let quarter = 0; quarter < 4; quarter++) {
    await serve(requests / 4);
    looks.push(look());
  }
  const seconds = (performance.now() - start) / 1_000;
  console.log(
    `| ${requests} requests, a process each | after a quarter | a half | three | all |`,
  );
  console.log("|---|--:|--:|--:|--:|");
  for (const what of ["descriptors", "processes", "memory"] as const) {
    console.log(
      `| ${[what, ...looks.map((left) => left[what])].join(" | ")} |`,
    );
  }
  console.log(`\n${Math.round(requests / seconds)} requests/s`);
  const first = looks[0]!;
  const last = looks.at(-1)!;
  const grown = last.descriptors > first.descriptors ||
    last.processes > first.processes || last.memory > first.memory + SLACK;
  Deno.exit(grown ? 1 : 0);
}
