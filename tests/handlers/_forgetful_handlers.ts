// Handlers that start something and do not await it: what threads and processes
// import.

import { StreamRequestHandler } from "../../handlers/mod.ts";

/** How many requests have come to this module: to this thread, or process. */
let requests = 0;

const never = () => new Promise<never>(() => {});

type Work = (handler: Forgetful) => Promise<unknown>;

/** What is left behind, by what the first line says. */
const works: Readonly<Record<string, Work>> = {
  "read a line": async ({ rfile }) => await rfile.readLine(),
  "read, and never look": ({ rfile }) => {
    void rfile.readLine();
    return Promise.resolve();
  },
  "read into a buffer": async ({ rfile }) =>
    await rfile.readInto(new Uint8Array(1)),
  "read, then write": async ({ rfile, wfile }) =>
    await wfile.write(`<${await rfile.readLine()}>`),
  "write later": async ({ wfile }) => {
    await new Promise((resolve) => setTimeout(resolve));
    await wfile.write("late");
  },
  "write twice": async ({ wfile }) => {
    await wfile.write("in time");
    await new Promise((resolve) => setTimeout(resolve));
    await wfile.write("late");
  },
  "read all": async ({ rfile }) => (await rfile.readAll()).length,
  "wrap": async ({ rfile }) => {
    try {
      await rfile.readLine();
    } catch (cause) {
      throw new Error("Cannot work", { cause });
    }
  },
  "race": ({ rfile }) => Promise.any([rfile.readLine()]),
  "pipe": ({ rfile, wfile }) => rfile.readable.pipeTo(wfile.writable),
  "iterate": async ({ rfile, wfile }) => {
    for await (const line of rfile) await wfile.write(line);
  },
};

export const WORKS: readonly string[] = Object.keys(works);

/** What fails while the handler still runs, by what the first line says. */
const failing: Readonly<Record<string, Work>> = {
  "a line that is too long": async ({ rfile }) => {
    rfile.limit = 4;
    return await rfile.readLine();
  },
  "a message that is cut short": async ({ rfile }) =>
    await rfile.readExactly(100),
  "too much": async ({ wfile }) => {
    // Nobody reads it, and more than this may not wait.
    wfile.write(new Uint8Array(64 * 1024 * 1024));
    await wfile.write("x");
  },
};

export const FAILING: readonly string[] = Object.keys(failing);

export class Forgetful extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle(): Promise<void> {
    requests++;
    const order = await this.rfile.readLine() ?? "";
    if (order === "requests") return await this.wfile.write(`${requests}`);
    void (works[order] ?? failing[order])!(this);
    if (order in failing) await Promise.race([never(), this.#aborted()]);
  }

  #aborted(): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) return resolve();
      this.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
