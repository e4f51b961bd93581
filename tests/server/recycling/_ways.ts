import {
  ForkingTCPServer,
  type Recyclable,
  type StreamRequestHandler,
  type TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";
import {
  type ServedOptions,
  serveForTest,
  type TestServer,
} from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";

/** How handlers are run elsewhere. */
export type Way = "threads accept" | "main accepts" | "processes";

export const WAYS: readonly Way[] = [
  "threads accept",
  "main accepts",
  "processes",
];

/** What a server takes beside, as all ways of running do. */
interface Options {
  readonly requestsPerWorker?: number;
  readonly workers?: number;
  readonly gracePeriod?: number;
  readonly timeout?: number;
  readonly onError?: (error: unknown) => void;
}

const MODULE = new URL("../../../handlers/mod.ts", import.meta.url).href;

/** A file with a handler class, which says which version of it this is. */
export class HandlerFile implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly url: string = `file://${this.#folder}/handler.ts`;

  constructor() {
    this.write("1");
  }

  /** Has the handlers of new threads and processes be of another version. */
  write(version: string): void {
    this.writeCode(`
      import { StreamRequestHandler } from "${MODULE}";
      import { threadId } from "node:worker_threads";

      /**
       * Answers each line with the version, and with what runs it. After "hold"
       * it says that it was told to end, and "die" ends its thread.
       */
      export class Told extends StreamRequestHandler {
        static override readonly moduleUrl: string = import.meta.url;
        #line = "";
        override async handle(): Promise<void> {
          for await (const line of this.rfile) {
            this.#line = line;
            if (line === "die") self.close();
            await this.wfile.write(\`${version} \${threadId} \${Deno.pid}\\n\`);
          }
        }
        override onShutdown(): void {
          if (this.#line === "hold") void this.wfile.write("told\\n");
        }
      }
    `);
  }

  /** Has nothing new be able to start. */
  breakIt(): void {
    this.writeCode("throw new Error('broken');");
  }

  writeCode(code: string): void {
    Deno.writeTextFileSync(new URL(this.url), code);
  }

  async import(): Promise<typeof StreamRequestHandler> {
    return (await import(this.url)).Told;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** A server that starts what runs its handlers again. */
export type Server = TCPServer & Recyclable;

/** Serves the handlers of a file. */
export async function start(
  way: Way,
  file: HandlerFile,
  options: Options = {},
  servedOptions: ServedOptions = {},
): Promise<TestServer<Server>> {
  return serveForTest(await make(way, file, options), servedOptions);
}

/** Makes a server of the handlers of a file. */
export async function make(
  way: Way,
  file: HandlerFile,
  { workers = 2, ...options }: Options = {},
): Promise<Server> {
  const Handler = await file.import();
  const onError = () => {};
  return way === "processes"
    ? new ForkingTCPServer(LOOPBACK, Handler, {
      ...{ onError, requestsPerChild: Infinity, connectionsPerChild: 100 },
      ...options,
    })
    : new ThreadingTCPServer(LOOPBACK, Handler, {
      ...{ onError, workers },
      accept: way === "threads accept" ? "threads" : "main",
      ...options,
    });
}

/** A client that sends lines and reads lines. */
export class Client implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #lines: ReadableStreamDefaultReader<string>;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#lines = conn.readable.pipeThrough(new TextDecoderStream())
      .getReader();
  }

  static async connect({ addr }: TCPServer): Promise<Client> {
    return new Client(await Deno.connect(addr));
  }

  async send(line: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(`${line}\n`));
  }

  /** What comes next, or "" at the end. */
  async read(): Promise<string> {
    const { value = "" } = await this.#lines.read();
    return value;
  }

  async ask(line: string): Promise<string> {
    await this.send(line);
    return await this.read();
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // It was closed with its stream.
    }
  }
}
