import { ok } from "node:assert";
import { ask } from "../_loopback.ts";
import { Victim } from "./_unharmed.ts";

const SLOW = 1_000;
const ROUNDS = 400;
/**
 * How many times as long a fast client may wait, at the median. In 16 runs it
 * was between 0.9 and 1.5.
 */
const MOST = 2;

/** A thousand clients that each send a byte a second, and no line. */
class SlowClients implements AsyncDisposable {
  readonly #clients: Deno.Conn[];
  readonly #timer: ReturnType<typeof setInterval>;
  #next = 0;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(clients: Deno.Conn[]) {
    this.#clients = clients;
    this.#timer = setInterval(() => this.#drip(), 1000 / clients.length);
  }

  static async connect(address: Deno.ConnectOptions): Promise<SlowClients> {
    const clients: Deno.Conn[] = [];
    for (let i = 0; i < SLOW; i++) clients.push(await Deno.connect(address));
    return new SlowClients(clients);
  }

  #drip(): void {
    const client = this.#clients[this.#next++ % this.#clients.length]!;
    this.#writing = client.write(new Uint8Array([0x61]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    for (const client of this.#clients) client.close();
  }
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

/**
 * How many times as long `one` takes as `other`. They take turns, so that
 * whatever else this machine does befalls both.
 */
async function ratio(
  one: () => Promise<unknown>,
  other: () => Promise<unknown>,
): Promise<number> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    for (const [which, run] of [one, other].entries()) {
      const started = performance.now();
      await run();
      times[which]!.push(performance.now() - started);
    }
  }
  return median(times[0]) / median(times[1]);
}

/** Connects to a server, for one line after the other and its answer. */
async function talker(victim: Victim) {
  const client = await Deno.connect(victim.tcp);
  const line = new TextEncoder().encode("quick\n");
  const answer = new Uint8Array(100);
  return {
    async talk() {
      await client.write(line);
      await client.read(answer);
    },
    [Symbol.dispose]: () => client.close(),
  };
}

Deno.test("a fast client waits no longer among 1,000 slow ones", async () => {
  await using crowded = await Victim.start();
  await using alone = await Victim.start();
  await using _slow = await SlowClients.connect(crowded.tcp);
  using one = await talker(crowded);
  using other = await talker(alone);
  const talking = await ratio(one.talk, other.talk);
  const connecting = await ratio(
    () => ask(crowded.tcp, "quick\n"),
    () => ask(alone.tcp, "quick\n"),
  );
  ok(talking < MOST, `A line takes ${talking} times as long`);
  ok(connecting < MOST, `A connection takes ${connecting} times as long`);
});
