import { patiently } from "../_patience.ts";
import { type Child, Folder, Program } from "../_program.ts";

export const chromium = new Program("chromium", "chromium");

/** What the browser sends: the answer to a command, or an event. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/**
 * A page in Chromium, told what to do over the Chrome DevTools Protocol
 * (https://chromedevtools.github.io/devtools-protocol/). `--dump-dom` waits until a
 * page is at rest, which one with server-sent events never is.
 */
export class BrowserPage implements AsyncDisposable {
  /** What the page had to complain of: exceptions, and what the browser refused. */
  readonly complaints: string[] = [];
  readonly #profile: Folder;
  readonly #child: Child;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>();
  #session: string | undefined;
  #lastId = 0;

  private constructor(profile: Folder, child: Child, socket: WebSocket) {
    this.#profile = profile;
    this.#child = child;
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<string>) =>
      this.#take(JSON.parse(data) as Message);
    socket.onclose = () => {
      for (const { reject } of this.#answers.values()) {
        reject(new Error("Chromium has closed the connection"));
      }
    };
  }

  /** Starts Chromium with a page that shows nothing. */
  static async start(): Promise<BrowserPage> {
    const profile = new Folder();
    const child = chromium.start(
      ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
      ...[`--user-data-dir=${profile.path}`, "--remote-debugging-port=0"],
      "about:blank",
    );
    const [, url] = await child.untilStderr(/DevTools listening on (\S+)\n/);
    const socket = new WebSocket(url!);
    await patiently(
      new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error(`Cannot connect to ${url}`));
      }),
      () => `a connection to ${url}`,
    );
    const page = new BrowserPage(profile, child, socket);
    const { targetId } = await page.send<{ targetId: string }>(
      "Target.createTarget",
      { url: "about:blank" },
    );
    const { sessionId } = await page.send<{ sessionId: string }>(
      "Target.attachToTarget",
      { targetId, flatten: true },
    );
    page.#session = sessionId;
    for (const domain of ["Page", "Runtime", "Log"]) {
      await page.send(`${domain}.enable`);
    }
    return page;
  }

  /** Sends a command, and waits for its result. */
  async send<Result>(
    method: string,
    params: Record<string, unknown> = {},
  ): Promise<Result> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#answers.set(id, answer);
    this.#socket.send(JSON.stringify({
      ...{ id, method, params },
      ...(this.#session === undefined ? {} : { sessionId: this.#session }),
    }));
    return await patiently(answer.promise, () => method) as Result;
  }

  /** Makes the page as wide as this, in the colours of one scheme. */
  async look(width: number, height: number, scheme: "light" | "dark") {
    await this.send("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 600 },
    });
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
  }

  /** The value of an expression in the page, once it is neither null nor false. */
  async until<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.send<{
      readonly result: { readonly value: Value };
      readonly exceptionDetails?: unknown;
    }>("Runtime.evaluate", {
      expression: `new Promise((resolve) => {
        const look = () => {
          const value = (${expression});
          if (value === null || value === undefined || value === false) {
            setTimeout(look, 20);
          } else resolve(value);
        };
        look();
      })`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(`${expression}: ${Deno.inspect(exceptionDetails)}`);
    }
    return result.value;
  }

  /** What the page looks like, as PNG. */
  async screenshot(): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.send<{ data: string }>(
      "Page.captureScreenshot",
    );
    return Uint8Array.fromBase64(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#socket.addEventListener("close", resolve, { once: true });
    });
    // Chromium closes the connection before it answers.
    this.send("Browser.close").catch(() => {});
    await patiently(closed, () => "Chromium's end");
    await this.#child.output();
    await this.#profile[Symbol.asyncDispose]();
  }

  #take({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const answer = this.#answers.get(id);
      this.#answers.delete(id);
      if (error === undefined) answer?.resolve(result);
      else answer?.reject(new Error(error.message));
    } else if (
      method === "Runtime.exceptionThrown" || method === "Log.entryAdded" ||
      method === "Runtime.consoleAPICalled"
    ) this.complaints.push(Deno.inspect(params, { depth: 6 }));
  }
}
