import { ok, strictEqual } from "node:assert";
import { Child, Folder, type Output } from "../_program.ts";
import { blockNamed, textOf } from "./_blocks.ts";
import consumer from "./consumer.json" with { type: "json" };

const HERE = new URL("./", import.meta.url);
const ROOT = new URL("../../", import.meta.url).pathname;

/** Ports that documents name, in programs, URLs and permissions. */
const PORTS = /(\bport: |(?<=\d):)\d+\b/g;

/** How a block is run, where that is not `deno run -A FILE`. */
export interface Running {
  /** The command, as the document says it, with the name of the file at its end. */
  readonly command?: string;
  /**
   * Flags that are told elsewhere, and those that a checkout takes and a package does
   * not, since that is in Deno's cache.
   */
  readonly flags?: readonly string[];
  /** What the ports that it names become; 0 unless said otherwise. */
  readonly port?: number;
  /** Whether it takes datagrams by deno.json, as README.md says. */
  readonly isUnstable?: boolean;
  /** What else is there for readers to replace, once the ports are. */
  readonly changes?: Readonly<Record<string, string>>;
  /** A module that calls what it exports from `./server.ts`, and is run. */
  readonly caller?: string;
  /** Files beside it. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** The flag by which a thread may import this checkout. */
export const READ_CHECKOUT = `--allow-read=${ROOT}`;

/** A block of a document that is run in a folder of its own, as a reader would. */
export class WrittenProgram implements AsyncDisposable {
  readonly child: Child;
  readonly #folder: Folder;

  private constructor(folder: Folder, child: Child) {
    this.#folder = folder;
    this.child = child;
  }

  /**
   * Writes and starts it.
   *
   * @param name The document and the heading, as `blocksOf` names it.
   */
  static async start(
    name: string,
    running: Running = {},
  ): Promise<WrittenProgram> {
    const { flags = [], port = 0 } = running;
    const { command = `deno run ${flags.length > 0 ? "" : "-A "}FILE` } =
      running;
    const put = (_: string, before: string) => `${before}${port}`;
    const [, action, ...words] = command.replaceAll(PORTS, put)
      .split(" ");
    // `deno test` alone runs the files whose names say that they are tests.
    const file = action === "test"
      ? "server_test.ts"
      : words.pop()!.replace("FILE", "server.ts").split("/").pop()!;
    if (running.command !== undefined) {
      const [document] = name.split(": ", 1);
      ok(
        textOf(document!).replaceAll(/\s+/g, " ").includes(command),
        `${document} does not say ${command}`,
      );
    }
    const { caller, changes = {}, files = {} } = running;
    let code = blockNamed(name).code.replaceAll(PORTS, put);
    for (const [from, to] of Object.entries(changes)) {
      ok(code.includes(from), `${name} does not have ${from}:\n${code}`);
      code = code.replaceAll(from, to);
    }
    const all = {
      ...files,
      "deno.json": configuration(running.isUnstable ?? false),
      [file]: code,
      ...caller === undefined ? {} : { "caller.ts": caller },
    };
    const folder = new Folder();
    for (const [path, text] of Object.entries(all)) {
      await Deno.writeTextFile(folder.at(path), text);
    }
    const preload = new URL("_tell_events.ts", HERE).pathname;
    return new WrittenProgram(
      folder,
      new Child(
        Deno.execPath(),
        [
          ...[action!, "--quiet", "--no-prompt", "--no-check"],
          ...[`--preload=${preload}`, ...words, ...flags],
          caller === undefined ? file : "caller.ts",
        ],
        { NO_COLOR: "1", ...running.env },
        folder.path,
      ),
    );
  }

  /** The path of a file of its folder. */
  at(file: string): string {
    return this.#folder.at(file);
  }

  /** Waits until its next server listens, and tells where. */
  async address(): Promise<{ hostname: "127.0.0.1"; port: number }> {
    const [, port] = await this.child.until(/listening on (\d+);/);
    return { hostname: "127.0.0.1", port: Number(port) };
  }

  /**
   * Ends it by a signal, of which it must make no error.
   *
   * @param code Its exit code.
   */
  async end(
    signal: "SIGINT" | "SIGTERM" = "SIGTERM",
    code = 0,
  ): Promise<Output> {
    this.child.kill(signal);
    return await this.ended(code);
  }

  /** Waits until it ends by itself, without an error. */
  async ended(code = 0): Promise<Output> {
    const output = await this.child.output();
    strictEqual(output.code, code, output.stderr);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** A deno.json as README.md has it, with this checkout for the package. */
function configuration(isUnstable: boolean): string {
  const imports = Object.fromEntries(
    Object.entries(consumer.imports)
      .map(([name, path]) => [name, new URL(path, HERE).href]),
  );
  return JSON.stringify({
    imports,
    ...isUnstable ? { unstable: consumer.unstable } : {},
  });
}
