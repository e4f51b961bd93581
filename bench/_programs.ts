/** The programs of a comparison: started, told apart by core, and ended. */

/** The core that servers run on, and the one that the load runs on. */
const SERVER_CORE = "0";
export const LOAD_CORE = "1";

const here = new URL(".", import.meta.url).pathname;

/** A server that prints its port, or several with commas, in its first line. */
export interface ServerCommand {
  /** The name in the table. */
  readonly label: string;
  readonly command: readonly string[];
  /** Set where it may use both cores, as one with threads does. */
  readonly anyCore?: boolean;
}

/** A server written for these benches, run with this Deno. */
export function denoServer(
  label: string,
  file: string,
  ...args: string[]
): ServerCommand {
  return {
    label,
    command: [
      Deno.execPath(),
      "run",
      "--quiet",
      "--unstable-net",
      "--allow-net",
      "--allow-read",
      "--allow-run=deno",
      `${here}peers/${file}`,
      ...args,
    ],
  };
}

/** A server written for these benches, run with another language's program. */
export function peerServer(
  program: string,
  file: string,
  ...args: string[]
): ServerCommand {
  return {
    label: `${program} ${file.replace(/\.\w+$/, "")}`,
    command: [program, `${here}peers/${file}`, ...args],
  };
}

/** Whether a program is on PATH. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/**
 * Compiles a C program next to nothing of the tree: into `folder`.
 *
 * @param libraries Options that name what it is linked with.
 */
export async function compile(
  source: string,
  folder: string,
  ...libraries: string[]
): Promise<string> {
  const program = `${folder}/${source.replace(/\.c$/, "").replace("/", "_")}`;
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-O2", "-pthread", "-o", program, `${here}${source}`, ...libraries],
    stderr: "piped",
  }).output();
  if (success) return program;
  throw new Error(
    `Cannot compile ${source}: ${new TextDecoder().decode(stderr)}`,
  );
}

/** A server that runs until it is disposed. */
export class Server implements AsyncDisposable {
  readonly port: number;
  /** All its ports, as the load generator takes them. */
  readonly ports: string;
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, ports: string) {
    this.#process = process;
    this.ports = ports;
    this.port = parseInt(ports);
  }

  static async start({ command, anyCore }: ServerCommand): Promise<Server> {
    const pinned = anyCore ? command : [
      "taskset",
      "-c",
      SERVER_CORE,
      ...command,
    ];
    const process = new Deno.Command(pinned[0]!, {
      args: pinned.slice(1),
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let line = "";
    for await (
      const text of process.stdout.pipeThrough(new TextDecoderStream())
    ) {
      line += text;
      if (line.includes("\n")) break;
    }
    if (parseInt(line) > 0) return new Server(process, line.trim());
    process.kill("SIGKILL");
    throw new Error(
      `Cannot start "${command.join(" ")}": it printed "${line}"`,
    );
  }

  /** Its resident memory, in KiB. */
  residentMemory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  }

  /** The processor time it has used, its threads' included, in milliseconds. */
  processorTime(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#process.pid}/stat`);
    // proc_pid_stat(5): utime and stime are the 14th and 15th field, in ticks
    // of 10 ms; the 2nd, the name in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
  }
}

/** What a run of the load generator printed. */
export interface Measured {
  /** How many requests were answered, or MiB went through. */
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds that half of the requests took no longer than. */
  readonly p50?: number;
  readonly p90?: number;
  readonly p99?: number;
  /** How many answers the client had that had fewest, of an equal share. */
  readonly least?: number;
}

/** Runs the load generator on its own core. */
export async function runLoad(
  load: string,
  args: readonly (string | number)[],
): Promise<Measured> {
  const { success, stdout, stderr } = await new Deno.Command("taskset", {
    args: ["-c", LOAD_CORE, load, ...args.map(String)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  throw new Error(
    `Cannot measure "${args.join(" ")}": ${new TextDecoder().decode(stderr)}`,
  );
}

/** Runs `during` while the load generator holds its connections open. */
export async function holdConnections<T>(
  load: string,
  args: readonly (string | number)[],
  during: () => T | Promise<T>,
): Promise<T> {
  const process = new Deno.Command("taskset", {
    args: ["-c", LOAD_CORE, load, "idle", ...args.map(String)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  try {
    const reader = process.stdout.getReader();
    const { done } = await reader.read();
    await reader.cancel();
    if (done) throw new Error(`Cannot hold connections: "${args.join(" ")}"`);
    return await during();
  } finally {
    await process.stdin.close();
    await process.status;
  }
}

/** The middle one of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
