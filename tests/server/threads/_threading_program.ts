// Servers with threads and their clients in a process of their own, whose
// memory, descriptors and processor time are theirs. The first argument says
// who accepts, the second what happens; what was measured is printed as JSON.

import { ask, isDisconnect, readAll } from "../../_loopback.ts";
import type { AcceptMode } from "../../../server/threading_options.ts";
import { setAcceptMode } from "./_accept_modes.ts";
import { order, startThreads } from "./_threads.ts";

const MIB = 2 ** 20;
const elapse = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Resident memory without garbage, in MiB. */
function memory(): number {
  const { gc } = globalThis as unknown as { gc(): void };
  gc();
  return Math.round(Deno.memoryUsage().rss / MIB);
}

const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

/** Processor time of this process, in ticks of 10 ms (proc(5), utime, stime). */
function processorTicks(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Sends until the kernel and the server take no more for a while. */
async function stuff(client: Deno.Conn): Promise<void> {
  const bytes = new Uint8Array(64 * 1024);
  while (true) {
    const sent = client.write(bytes).then(() => true, () => true);
    if (!await Promise.race([sent, elapse(200).then(() => false)])) return;
  }
}

/** Whether an error says that the client or the server has gone. */
const isEnd = (error: unknown) =>
  isDisconnect(error) || (error as Error).name === "AbortError";

const scenes: Record<string, () => Promise<Record<string, number>>> = {
  /** Clients that read nothing, and handlers that read nothing. */
  async stalled() {
    const each = 100;
    await using served = await startThreads({}, { allowErrors: isEnd });
    const ends = new Set<Deno.Conn>();
    for (let i = 0; i < 3; i++) await ask(served.addr, "lines\nwarm\n");
    const before = memory();
    for (let i = 0; i < each; i++) {
      ends.add(await order(served.addr, "write without end"));
    }
    const stuffed: Promise<void>[] = [];
    for (let i = 0; i < each; i++) {
      const client = await order(served.addr, "never read");
      ends.add(client);
      stuffed.push(stuff(client));
    }
    await Promise.all(stuffed);
    const started = performance.now();
    for (let i = 0; i < 500; i++) {
      const answer = await ask(served.addr, "lines\na\n");
      if (answer !== "<a>\n") throw new Error(`Answered ${answer}`);
    }
    const neighbour = (performance.now() - started) / 500;
    const grown = memory() - before;
    for (const client of ends) client.close();
    await served.server.shutdown({ gracePeriod: 0 });
    return { stalled: 2 * each, grown, neighbour };
  },

  /** One handler that writes without end to a client that reads nothing. */
  async flood() {
    await using served = await startThreads({ requestTimeout: 500 });
    await ask(served.addr, "lines\nwarm\n");
    const before = memory();
    let most = 0;
    const watch = setInterval(() => most = Math.max(most, memory()), 20);
    const client = await order(served.addr, "write without end");
    const [error] = await served.untilErrors();
    clearInterval(watch);
    const ended = await ask(served.addr, "lines\na\n");
    client.close();
    await served.server.shutdown();
    return {
      grown: most - before,
      timedOut: Number((error as DOMException).name === "TimeoutError"),
      served: Number(ended === "<a>\n"),
      errors: 1 + served.takeErrors().length,
    };
  },

  /** Thousands at a time. */
  async crowd() {
    const size = 5_000;
    await using served = await startThreads({ workers: 4 });
    await ask(served.addr, "lines\nwarm\n");
    const open = descriptors();
    const before = memory();
    const clients: Deno.Conn[] = [];
    const threads = new Map<string, number>();
    const buffer = new Uint8Array(100);
    for (let i = 0; i < size; i++) {
      clients.push(await order(served.addr, "thread, then lines"));
      const n = await clients[i]!.read(buffer);
      const thread = new TextDecoder().decode(buffer.subarray(0, n!));
      threads.set(thread, (threads.get(thread) ?? 0) + 1);
    }
    const grown = memory() - before;
    const answers = await Promise.all(clients.map(async (client, i) => {
      await client.write(new TextEncoder().encode(`${i}\n`));
      await client.closeWrite();
      return await readAll(client) === `<${i}>\n`;
    }));
    await served.server.shutdown();
    return {
      right: answers.filter((right) => right).length,
      threads: threads.size,
      least: Math.min(...threads.values()),
      kibEach: Math.round(grown * 1024 / size),
      descriptors: descriptors() - open,
      errors: served.takeErrors().length,
    };
  },

  /** One of two threads runs out of memory. */
  async glutton() {
    await using served = await startThreads({ workers: 2 });
    const neighbour = await order(served.addr, "thread, then lines");
    await neighbour.read(new Uint8Array(100));
    const glutton = await order(
      served.addr,
      `use up the memory${Deno.args[2] ?? ""}`,
    );
    const answered = (await readAll(glutton)).length;
    await neighbour.write(new TextEncoder().encode("a\n"));
    await neighbour.closeWrite();
    const lived = await readAll(neighbour) === "<a>\n";
    const goesOn = await ask(served.addr, "lines\nb\n") === "<b>\n";
    const [error, ...others] = served.takeErrors() as Error[];
    return {
      answered,
      lived: Number(lived),
      served: Number(goesOn),
      told: Number(/ is gone: .* memory/.test(error!.message)),
      errors: 1 + others.length,
    };
  },

  /** Nothing happens. */
  async idle() {
    await using served = await startThreads({ workers: 2 });
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => order(served.addr, "lines")),
    );
    await ask(served.addr, "lines\na\n");
    await elapse(200);
    let ticks = Infinity;
    // On a busy machine, what had to be done before takes longer than that.
    for (let tries = 0; ticks > 5 && tries < 10; tries++) {
      const before = processorTicks();
      await elapse(500);
      ticks = processorTicks() - before;
    }
    for (const client of clients) client.close();
    return { ticks };
  },
};

setAcceptMode(Deno.args[0] as AcceptMode);
console.log(JSON.stringify(await scenes[Deno.args[1]!]!()));
