/**
 * Restarts a server twenty times while clients connect without pause, and fails if
 * one of them is refused, reset or not answered in full.
 *
 * Options: `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import { compile, runLoad } from "./_programs.ts";

const { short } = benchOptions();
const restarts = short ? 3 : 20;
/** How long clients go on, in milliseconds. */
const ms = short ? 3_000 : 20_000;
const CLIENTS = 16;
const PROGRAM = new URL("peers/ours_restarting.ts", import.meta.url).pathname;

const folder = await Deno.makeTempDir();
const first = new Deno.Command(Deno.execPath(), {
  args: [
    ...["run", "--quiet", "--allow-net", "--allow-env", "--allow-run=deno"],
    PROGRAM,
  ],
  stdin: "null",
  stdout: "piped",
}).spawn();
// Each process inherits the output of the one before it.
const printed = first.stdout.pipeThrough(new TextDecoderStream()).getReader();
let text = "";

/** Waits until something is printed. */
async function until(pattern: RegExp): Promise<RegExpExecArray> {
  for (let found; true;) {
    if ((found = pattern.exec(text)) !== null) {
      text = text.slice(found.index + found[0].length);
      return found;
    }
    const { value, done } = await printed.read();
    if (done) throw new Error(`It ended without ${pattern}: ${text}`);
    text += value;
  }
}

let pid = first.pid;
try {
  const load = await compile("load.c", folder);
  const port = Number((await until(/ready \d+ (\d+)\n/))[1]);
  const loading = runLoad(load, ["connect", port, CLIENTS, 24, ms]);
  const took: number[] = [];
  for (let i = 0; i < restarts; i++) {
    await new Promise((resolve) => setTimeout(resolve, ms / restarts / 2));
    const began = performance.now();
    Deno.kill(pid, "SIGHUP");
    pid = Number((await until(/handed over to (\d+)\n/))[1]);
    took.push(performance.now() - began);
  }
  // It fails where one connection does.
  const { count, perSecond, p99 } = await loading;
  console.log(
    "| restarts | the longest, ms | connections | failed | per second | p99, ms |",
  );
  console.log("|--:|--:|--:|--:|--:|--:|");
  const cells = [
    ...[restarts, Math.max(...took).toFixed(0), count, 0],
    ...[perSecond.toFixed(0), p99!.toFixed(1)],
  ];
  console.log(`| ${cells.join(" | ")} |`);
} finally {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
  await printed.cancel();
  await first.status;
  await Deno.remove(folder, { recursive: true });
}
