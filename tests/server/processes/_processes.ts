import { strictEqual } from "node:assert";
import { readAll } from "../../_loopback.ts";
import { patiently } from "../../_patience.ts";

/**
 * Copies a program, in a process of its own: while this one writes the copy, what
 * another test starts inherits that, and Linux runs no file that is written.
 */
export async function copyProgram(from: string, to: string): Promise<void> {
  const { code } = await new Deno.Command("cp", { args: [from, to] }).output();
  strictEqual(code, 0);
}

/** Whether a process is there, a zombie too. */
export function exists(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

/** The processes that a process has started and not waited for. */
export function childrenOf(pid = Deno.pid): number[] {
  // Each thread has its own.
  return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)
        .trim().split(" ").filter((word) => word !== "").map(Number);
    } catch {
      // The thread has ended meanwhile.
      return [];
    }
  });
}

/** The process that started another. */
export function parentOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^PPid:\s+(\d+)/m.exec(status)![1]);
}

/** Resolves when a condition holds; looks every 10 ms. */
export async function until(
  what: string,
  holds: () => boolean,
): Promise<void> {
  let stop = false;
  const looking = (async () => {
    while (!stop && !holds()) {
      await new Promise<void>((resolve) => setTimeout(resolve, 10));
    }
  })();
  try {
    await patiently(looking, () => what);
  } finally {
    stop = true;
    await looking;
  }
}

/** A client of `Command`: it knows the process of its handler. */
export class Commander implements Disposable {
  readonly #conn: Deno.Conn;
  readonly pid: number;

  private constructor(conn: Deno.Conn, pid: number) {
    this.#conn = conn;
    this.pid = pid;
  }

  static async connect(address: Deno.Addr): Promise<Commander> {
    const conn = await Deno.connect(address as Deno.ConnectOptions);
    const buffer = new Uint8Array(16);
    let line = "";
    while (!line.endsWith("\n")) {
      const n = await conn.read(buffer);
      if (n === null) {
        conn.close();
        throw new Deno.errors.UnexpectedEof("The connection ended too soon");
      }
      line += new TextDecoder().decode(buffer.subarray(0, n));
    }
    return new Commander(conn, Number(line));
  }

  async command(text: string): Promise<string> {
    await this.say(text);
    return await this.end();
  }

  async say(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text + "\n"));
  }

  /** Reads to the end. */
  async end(): Promise<string> {
    try {
      return await readAll(this.#conn);
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return "";
      throw error;
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // Read to the end, and closed.
    }
  }
}

/** Connects, sends one command, and returns the answer. */
export async function command(
  address: Deno.Addr,
  text: string,
): Promise<string> {
  using client = await Commander.connect(address);
  return await client.command(text);
}
