import { strictEqual } from "node:assert";
import { Child, Folder } from "../_program.ts";
import { PATIENCE, patiently } from "../_patience.ts";
import { ask } from "../_loopback.ts";

/** The most that a process holds more than the time before, in bytes. */
const HELD = 64 * 1024;
/** The same of resident memory, which its allocator gives back as it pleases. */
const RESIDENT = 16 * 1024 * 1024;
/**
 * How many times a process may do better. It optimizes its code meanwhile,
 * which takes some 100 KiB a time, less each time; what is lost in each request
 * takes the same each time.
 */
const ROUNDS = 8;
/** Deno opens a pair of sockets for itself, and may do so at any time. */
const OWN_DESCRIPTORS = 2;

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

/** What was measured in the end, and all errors until then. */
interface Settled extends Omit<Measured, "errors"> {
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
    const map = Deno.env.get("IMPORT_MAP");
    const child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--allow-all", "--unstable-net"],
      // Where these tests are run with something else in the place of this module.
      ...map === undefined ? [] : [`--import-map=${map}`],
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
    await patiently(this.#serves(), () => "the servers to serve");
  }

  async #serves(): Promise<void> {
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

  /** Waits until it has reported so many errors, and gives them. */
  async reported(errors: number): Promise<string[]> {
    return (await this.settled(Infinity, errors)).errors;
  }

  /**
   * Measures until it has no more than so many descriptors and has reported so
   * many errors.
   */
  async settled(descriptors: number, errors: number): Promise<Settled> {
    const latest = performance.now() + PATIENCE;
    const reported: string[] = [];
    while (true) {
      const measured = await this.order<Measured>("measure");
      for (const [error, count] of measured.errors) {
        for (let i = 0; i < count; i++) reported.push(error);
      }
      if (measured.descriptors <= descriptors && reported.length >= errors) {
        return { ...measured, errors: reported };
      }
      if (performance.now() > latest) {
        throw new Error(
          `Waited in vain for ${descriptors} descriptors and ${errors} errors: there are ${measured.descriptors} and ${reported.length}`,
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
 * Does something bad to servers, again and again, and asserts that they serve as
 * before, have the descriptors they had, and in the end hold no more memory
 * than the time before.
 *
 * @returns What the servers reported the last time.
 */
export async function unharmed(
  harm: (victim: Victim) => Promise<void>,
  { options, errors = 0 }: Harm = {},
): Promise<string[]> {
  await using victim = await Victim.start(options);
  await victim.serves();
  const { descriptors } = await victim.order<Measured>("measure");
  const survive = async () => {
    await patiently(harm(victim), () => "what was done to end");
    await victim.serves();
    return await victim.settled(descriptors + OWN_DESCRIPTORS, errors);
  };
  let before = await survive();
  const grown: string[] = [];
  for (let round = 1; round < ROUNDS; round++) {
    const after = await survive();
    const held = after.held - before.held;
    const rss = after.rss - before.rss;
    if (held <= HELD && rss <= RESIDENT) return after.errors;
    grown.push(`${held} (${rss} resident)`);
    before = after;
  }
  throw new Error(`It holds more bytes each time: ${grown.join(", ")}`);
}
