// deno run --allow-net=127.0.0.1:1234 --allow-read=examples,handlers,server,mod.ts examples/hash_service.ts
//
// A service that computes: each line it gets is hashed a thousand times over, and
// answered with the hash. Its threads accept for themselves, one on each core, and
// a bar in the terminal shows how busy each of them is.
//
// Fill the cores from other terminals, as many as you have:
//
//     yes | nc 127.0.0.1 1234 > /dev/null
//
// Another port is the first argument, and belongs in --allow-net too.

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { run, StreamRequestHandler, ThreadingTCPServer } from "../mod.ts";

/** How often each line is hashed. */
const ROUNDS = 1_000;
/** How often threads tell how busy they were, in milliseconds. */
const INTERVAL = 250;
/** How long a thread that has nothing to do keeps its bar, in milliseconds. */
const KEPT = 1_000;
/** How wide a bar is. */
const WIDTH = 40;

/** Threads tell here how long they have worked since they last did. */
interface Work {
  readonly thread: string;
  readonly busy: number;
}

const thread = crypto.randomUUID();
let busy = 0;
let told = performance.now();
let channel: BroadcastChannel | undefined;

/** Tells the main thread from time to time, and costs a look at the clock else. */
function worked(since: number): void {
  const now = performance.now();
  busy += now - since;
  if (now - told < INTERVAL) return;
  channel ??= new BroadcastChannel("work");
  channel.postMessage({ thread, busy: busy / (now - told) } satisfies Work);
  busy = 0;
  told = now;
}

/** Answers each line with its hash. */
export class HashHandler extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const line of this.rfile) {
      const since = performance.now();
      let hash = createHash("sha256").update(line).digest();
      for (let i = 1; i < ROUNDS; i++) {
        hash = createHash("sha256").update(hash).digest();
      }
      worked(since);
      await this.wfile.write(hash.toString("hex") + "\n");
      // Others of this thread get a turn, also where many lines have come at once.
      await setImmediate();
    }
  }
}

/** Draws the bars, one over the other, where there is a terminal. */
function draw(shares: readonly number[]): void {
  const lines = shares.map((share, i) => {
    const full = Math.round(Math.min(1, share) * WIDTH);
    const bar = "█".repeat(full).padEnd(WIDTH, "·");
    return `thread ${i + 1} ${bar} ${(share * 100).toFixed(0).padStart(3)} %`;
  });
  // Up to where the last ones began.
  const up = drawn > 0 ? `\x1b[${drawn}A` : "";
  Deno.stdout.writeSync(
    new TextEncoder().encode(
      // What is below was of threads that have none any more.
      `${up}\x1b[J${lines.map((line) => `${line}\n`).join("")}`,
    ),
  );
  drawn = lines.length;
}

/** How many lines there are to draw over. */
let drawn = 0;

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new ThreadingTCPServer(
    { hostname: "127.0.0.1", port },
    HashHandler,
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  const told = new Map<string, { busy: number; at: number }>();
  const work = new BroadcastChannel("work");
  work.onmessage = ({ data: { thread, busy } }: MessageEvent<Work>) => {
    told.set(thread, { busy, at: performance.now() });
  };
  const drawing = Deno.stdout.isTerminal()
    ? setInterval(() => {
      const since = performance.now() - KEPT;
      for (const [thread, { at }] of told) {
        if (at < since) told.delete(thread);
      }
      draw([...told.values()].map(({ busy }) => busy));
    }, INTERVAL)
    : undefined;
  await run(server);
  clearInterval(drawing);
  work.close();
}
