import { ok, strictEqual } from "node:assert";
import { patiently } from "../../_patience.ts";
import { Child } from "../../_program.ts";

const soon = <T>(coming: Promise<T>, what: string) =>
  patiently(coming, () => what);
const encode = (text: string) => new TextEncoder().encode(text);

/** A server that may have only so many descriptors. */
function start(limit: number, workers: number | "five"): Child {
  const program = `${import.meta.dirname}/_few_descriptors_program.ts`;
  const deno = `'${Deno.execPath()}' run --quiet --allow-net --allow-read`;
  return new Child("/bin/sh", [
    "-c",
    `ulimit -n ${limit}; exec ${deno} '${program}' ${workers}`,
  ]);
}

/** A client that has asked, and may wait for its answer for long. */
class Client implements Disposable {
  readonly #conn: Deno.Conn;
  readonly answered: Promise<boolean>;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.answered = this.#ask("x");
  }

  static async connect(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async #ask(line: string): Promise<boolean> {
    const buffer = new Uint8Array(10);
    try {
      await this.#conn.write(encode(`${line}\n`));
      const n = await this.#conn.read(buffer);
      return new TextDecoder().decode(buffer.subarray(0, n ?? 0)) ===
        `<${line}>\n`;
    } catch {
      // Closed, or lost with its thread.
      return false;
    }
  }

  /** Ends the thread that it is on. */
  async kill(): Promise<void> {
    await this.#ask("die");
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Fills the server with clients that stay, until it can accept no more. */
async function crowd(child: Child, port: number): Promise<Client[]> {
  const clients: Client[] = [];
  for (let i = 0; i < 200; i++) clients.push(await Client.connect(port));
  await child.untilStderr(/Too many open files/);
  return clients;
}

for (
  const [limit, workers] of [[80, 2], [60, 1], [110, 4], [80, 8]] as const
) {
  Deno.test(`a server of ${workers} threads and ${limit} descriptors serves 200 clients, and replaces a thread meanwhile`, async () => {
    await using child = start(limit, workers);
    const [, text] = await child.until(/port (\d+)/);
    const port = Number(text);
    const clients = await crowd(child, port);
    const [first] = clients;
    ok(await soon(first!.answered, "the first answer"));
    // What the thread had is lost with it; all that wait are served by others.
    await soon(first!.kill(), "the end of a thread");
    let served = 0;
    for (const client of clients) {
      if (await soon(client.answered, `answer ${served}`)) served++;
      client[Symbol.dispose]();
    }
    // How many are depends on how long the next thread takes to start.
    ok(served > 0, `${served} of 200 clients were served`);
    using last = await Client.connect(port);
    ok(await soon(last.answered, "an answer afterwards"));
    child.kill("SIGTERM");
    const { code, stderr } = await child.output();
    strictEqual(code, 0, stderr);
    ok(!stderr.includes("panicked"), stderr);
  });
}

Deno.test("a server with threads says that there are too few descriptors for one", async () => {
  await using child = start(80, "five");
  const { stdout } = await child.output();
  strictEqual(
    new TextDecoder().decode(stdout),
    "Busy: Cannot start a thread: too few descriptors are left; raise the limit (ulimit -n)\n",
  );
});
