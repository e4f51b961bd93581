import { strictEqual } from "node:assert";
import { Child, Folder } from "../_program.ts";
import { PATIENCE } from "../_patience.ts";
import { ask } from "../_serve.ts";

/**
 * How much more it may hold after the second time, in bytes: code that V8 has
 * optimized meanwhile takes some 50 KiB, what 100 connections hold takes more.
 */
const HELD = 192 * 1024;
/** The allocator gives pages back as it pleases, in bytes. */
const RESIDENT = 16 * 1024 * 1024;
/** How many descriptors Deno opens for itself when they are first needed. */
const OWN_DESCRIPTORS = 4;

/** What `_victim.ts` measures. */
interface Measured {
  readonly descriptors: number;
  /** The heap and what hangs on it, without garbage, in bytes. */
  readonly held: number;
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** How often each error was reported since the last measurement. */
  readonly errors: readonly (readonly [error: string, count: number])[];
}

/** The most that a process may hold. */
type Limits = Omit<Measured, "errors">;

/** What was measured in the end, and all errors until then. */
interface Settled extends Limits {
  readonly errors: string[];
}

/** Servers in a process of their own: its descriptors and memory are theirs. */
export class Victim implements AsyncDisposable {
  readonly tcp: Deno.NetAddr & { transport: "tcp" };
  readonly unix: Deno.UnixConnectOptions;
  readonly udp: Deno.NetAddr;
  readonly #child: Child;
  readonly #folder: Folder;

  private constructor(child: Child, folder: Folder, addresses: string) {
    [this.tcp, this.unix, this.udp] = JSON.parse(addresses);
    this.#child = child;
    this.#folder = folder;
  }

  /** @param options Options of its servers of connections. */
  static async start(options: Record<string, number> = {}): Promise<Victim> {
    const folder = new Folder();
    const child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--allow-all", "--unstable-net"],
      ...["--v8-flags=--expose-gc", `${import.meta.dirname}/_victim.ts`],
      ...[folder.at("s"), JSON.stringify(options)],
    ]);
    const [addresses] = await child.until(/^\[.*\]\n/);
    return new Victim(child, folder, addresses);
  }

  /** Has it do something that `_victim.ts` knows, and gives the result. */
  async order<Result>(order: string): Promise<Result> {
    await this.#child.send(`${order}\n`);
    const [answer] = await this.#child.until(/^.*\n/);
    return JSON.parse(answer);
  }

  /** Asserts that each of its servers serves. */
  async serves(): Promise<void> {
    strictEqual(await ask(this.tcp, "still\nthere\n"), "<still>\n<there>\n");
    strictEqual(await ask(this.unix, "still\nthere\n"), "<still>\n<there>\n");
    const socket = Deno.listenDatagram({
      ...{ transport: "udp", hostname: "127.0.0.1", port: 0 },
    });
    await socket.send(new TextEncoder().encode("still"), this.udp);
    const [answer] = await socket.receive();
    socket.close();
    strictEqual(new TextDecoder().decode(answer), "still");
  }

  /**
   * Measures until it is within limits and has reported at least so many
   * errors, or has had its time.
   */
  async settled(limits: Limits, errors: number): Promise<Settled> {
    const latest = performance.now() + PATIENCE;
    const reported: string[] = [];
    while (true) {
      const measured = await this.order<Measured>("measure");
      for (const [error, count] of measured.errors) {
        for (let i = 0; i < count; i++) reported.push(error);
      }
      if (
        measured.descriptors <= limits.descriptors &&
        measured.held <= limits.held && measured.rss <= limits.rss &&
        reported.length >= errors
      ) return { ...measured, errors: reported };
      if (performance.now() > latest) {
        throw new Error(
          `Expected at most ${
            Deno.inspect(limits)
          } and at least ${errors} errors, measured ${
            Deno.inspect(measured)
          } and ${reported.length} errors`,
        );
      }
      // Nobody tells when a process has closed a descriptor.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { code, stderr } = await this.#child.output();
    await this.#folder[Symbol.asyncDispose]();
    strictEqual(code, 0, stderr);
    strictEqual(stderr, "");
  }
}

/** Options of {@linkcode unharmed}. */
export interface Harm {
  /** Options of the servers of connections. */
  readonly options?: Record<string, number>;
  /** How many errors the servers report at least, each time. */
  readonly errors?: number;
}

/**
 * Does something bad to servers, twice, and asserts that they serve as before,
 * and hold no more descriptors and memory after the second time than after the
 * first, when all that is made once has been made.
 *
 * @returns What the servers reported the second time.
 */
export async function unharmed(
  harm: (victim: Victim) => Promise<void>,
  { options, errors = 0 }: Harm = {},
): Promise<string[]> {
  await using victim = await Victim.start(options);
  await victim.serves();
  const start = await victim.order<Measured>("measure");
  const survive = async (limits: Limits) => {
    await harm(victim);
    await victim.serves();
    return await victim.settled(limits, errors);
  };
  const warm = await survive({
    descriptors: start.descriptors + OWN_DESCRIPTORS,
    held: Infinity,
    rss: Infinity,
  });
  const after = await survive({
    descriptors: warm.descriptors,
    held: warm.held + HELD,
    rss: warm.rss + RESIDENT,
  });
  return after.errors;
}
