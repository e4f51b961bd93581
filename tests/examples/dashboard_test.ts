import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { channel } from "node:diagnostics_channel";
import { Feed } from "../../examples/dashboard/feed.ts";
import {
  type Sample,
  WatchedServer,
} from "../../examples/dashboard/watched_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { exchange, readUntil } from "../http/_raw_client.ts";
import { patiently } from "../_patience.ts";
import { type Output, testWith } from "../_program.ts";
import { readAll } from "../_loopback.ts";
import { BrowserPage, chromium } from "./_browser.ts";
import { end, portOf, startExample } from "./_example.ts";

const HOSTNAME = "127.0.0.1";

/** The example with its three ports, which the system has chosen. */
async function startDashboard() {
  const child = startExample(
    "dashboard",
    { 1234: 0, 1235: 0, 8080: 0 },
    [0, 0, 0],
  );
  const threads = await portOf(child);
  const processes = await portOf(child);
  const [, page] = await child.until(/The page is at http:\/\/\S+:(\d+)\//);
  return { child, threads, processes, page: Number(page) };
}

/** A client that has had a line answered, and stays. */
async function join(port: number): Promise<Deno.TcpConn> {
  const client = await Deno.connect({ hostname: HOSTNAME, port });
  await client.write(new TextEncoder().encode("line\n"));
  match(await readUntil(client, "\n"), /^[0-9a-f]{64}\n$/);
  return client;
}

const addressOf = ({ localAddr: { hostname, port } }: Deno.TcpConn) =>
  `${hostname}:${port}`;

/** Sends a request and reads the answer's status. */
async function status(
  port: number,
  line: string,
  ...headers: readonly string[]
): Promise<number> {
  const answer = await exchange(
    { hostname: HOSTNAME, port, transport: "tcp" },
    [`${line} HTTP/1.1`, "Connection: close", ...headers, "", ""].join("\r\n"),
  );
  return Number(answer.split(" ", 2)[1]);
}

/** The events of the page, as a browser would take them. */
class Events implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(events: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = events.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async of(page: number): Promise<Events> {
    const response = await fetch(`http://${HOSTNAME}:${page}/events`);
    strictEqual(response.headers.get("content-type"), "text/event-stream");
    return new Events(response.body!);
  }

  /** The next event's servers, or `undefined` at the end. */
  async next(): Promise<Sample[] | undefined> {
    while (true) {
      const [event, ...rest] = this.#text.split("\n\n");
      if (rest.length > 0) {
        this.#text = rest.join("\n\n");
        if (event!.startsWith("data: ")) {
          return JSON.parse(event!.slice("data: ".length)).servers;
        }
        match(event!, /^retry: \d+$/);
        continue;
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** What is told of one server, as soon as it is as it should be. */
  async until(
    name: string,
    fits: (sample: Sample) => boolean,
  ): Promise<Sample> {
    const reach = async () => {
      while (true) {
        const servers = await this.next();
        if (servers === undefined) throw new Error("The events have ended");
        const sample = servers.find((server) => server.name === name);
        if (sample !== undefined && fits(sample)) return sample;
      }
    };
    return await patiently(reach(), () => `an event of ${name}: ${fits}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

function isQuiet({ code, stderr }: Output): void {
  strictEqual(stderr, "");
  strictEqual(code, 0);
}

Deno.test("dashboard.ts tells of threads and processes, and closes a client whose button is pressed", async () => {
  const { child: started, page, ...services } = await startDashboard();
  await using child = started;
  await using events = await Events.of(page);
  const own = [`Host: ${HOSTNAME}:${page}`];
  for (const name of ["threads", "processes"] as const) {
    const client = await join(services[name]);
    const of = (sample: Sample) =>
      sample.connections.find(({ address }) => address === addressOf(client));
    const sample = await events.until(
      name,
      (sample) =>
        of(sample)?.state === "active" && of(sample)!.bytesOut === 65 &&
        sample.rates.bytesIn > 0,
    );
    strictEqual(sample.address, `${HOSTNAME}:${services[name]}`);
    strictEqual(sample.more, 0);
    strictEqual(of(sample)!.bytesIn, 5);
    ok(sample.rates.accepted > 0);
    ok(sample.waits.p99 !== null && sample.waits.p99 >= 0);
    const { active, workers } = sample.stats;
    strictEqual(active, 1);
    strictEqual(workers?.kind, name);
    strictEqual(workers.running.reduce((sum, { load }) => sum + load, 0), 1);

    const close = `POST /close/${name}/${of(sample)!.id}`;
    const other = `http://${HOSTNAME}:${services[name]}`;
    strictEqual(await status(page, close, ...own), 403);
    strictEqual(await status(page, close, ...own, `Origin: ${other}`), 403);
    strictEqual(await status(page, close, ...own, "Origin: null"), 403);
    const origin = `Origin: http://${HOSTNAME}:${page}`;
    // A name of somebody else that leads here.
    strictEqual(
      await status(page, close, "Host: evil.example", origin),
      421,
    );
    strictEqual(
      await status(page, close.replace("POST", "GET"), ...own, origin),
      405,
    );

    // None of these has closed it.
    strictEqual(await status(page, close, ...own, origin), 204);
    strictEqual(await readAll(client), "");
    const after = await events.until(
      name,
      ({ stats, durations }) => stats.active === 0 && durations.p99 !== null,
    );
    deepStrictEqual(after.connections, []);
    strictEqual(after.stats.aborted.closed, 1);
    ok(after.durations.p99! > 0);
    strictEqual(await status(page, close, ...own, origin), 404);
  }
  for (
    const [line, expected] of [
      ["POST /close/nobody/1", 404],
      ["POST /close/threads/x", 404],
      ["GET /other", 404],
      ["POST /", 405],
      ["GET /", 200],
    ] as const
  ) {
    strictEqual(
      await status(page, line, ...own, `Origin: http://${HOSTNAME}:${page}`),
      expected,
      line,
    );
  }
  strictEqual(await status(page, "GET /events", "Host: evil.example"), 421);

  // A stream that is open does not hold up the end, and is ended whole.
  child.kill("SIGINT");
  while (await events.next() !== undefined);
  isQuiet(await child.output());
});

Deno.test("Feed tells those less who do not read, and nobody listens while nobody watches", async () => {
  await using served = await serveForTest(() => {});
  const feed = new Feed([new WatchedServer("one", served.server)], 10);
  const shutdown = new AbortController();
  const open = () =>
    new Events(
      feed.open(shutdown.signal).body as ReadableStream<
        Uint8Array<ArrayBuffer>
      >,
    );
  strictEqual(channel("socketserver:end").hasSubscribers, false);
  const silent = feed.open(shutdown.signal);
  const reading = open();
  for (let i = 0; i < 20; i++) ok(await reading.next());
  strictEqual(channel("socketserver:end").hasSubscribers, true);
  shutdown.abort();
  while (await reading.next() !== undefined);
  const kept = (await silent.text()).split("\n\n").slice(0, -1);
  strictEqual(kept.length, 2, "the retry, and the first event");
  strictEqual(channel("socketserver:end").hasSubscribers, false);

  // One that comes after the end has begun is ended at once.
  const late = open();
  strictEqual(await late.next(), undefined);
  strictEqual(channel("socketserver:end").hasSubscribers, false);
});

testWith(
  [chromium],
  "Chromium shows the dashboard on a phone and a desk, light and dark, and its button closes a client",
  async () => {
    const [{ child: started, page, threads }, browser_] = await Promise.all([
      startDashboard(),
      BrowserPage.start(),
    ]);
    await using child = started;
    await using browser = browser_;
    const client = await join(threads);
    await browser.look(320, 640, "light");
    await browser.send("Page.navigate", { url: `http://127.0.0.1:${page}/` });
    strictEqual(
      await browser.until(
        "document.querySelector('tbody td')?.textContent",
      ),
      addressOf(client),
    );
    strictEqual(
      await browser.until("document.getElementById('state').textContent"),
      "Live",
    );
    deepStrictEqual(
      await browser.until(
        "[...document.querySelectorAll('h2')].map((h) => h.textContent)",
      ),
      ["threads", "processes"],
    );
    const grounds = new Set<unknown>();
    for (const scheme of ["light", "dark"] as const) {
      for (const width of [320, 1280]) {
        await browser.look(width, 640, scheme);
        await browser.until(`innerWidth === ${width}`);
        ok(
          await browser.until<number>(
            "document.documentElement.scrollWidth",
          ) <= width,
          `${width} ${scheme}`,
        );
        const [text, ground] = await browser.until<[string, string]>(
          `["color", "backgroundColor"].map((of) => getComputedStyle(document.body)[of])`,
        );
        ok(contrast(text, ground) >= 7, `${text} on ${ground}`);
        grounds.add(ground);
        // A page without anything on it is a PNG of a tenth of that.
        ok((await browser.screenshot()).length > 5_000, `${width} ${scheme}`);
      }
    }
    strictEqual(grounds.size, 2);

    // What somebody is called is text, whatever it looks like.
    strictEqual(
      await browser.until(`(() => {
        const row = copy("client");
        fill(row, { client: "<img src=x>" });
        return row.querySelector("td").innerHTML;
      })()`),
      "&lt;img src=x&gt;",
    );

    await browser.until(
      `(document.querySelector("[aria-label='Close ${
        addressOf(client)
      }']").click(), true)`,
    );
    strictEqual(await patiently(readAll(client), () => "the end"), "");
    await browser.until("document.querySelector('tbody td') === null");
    deepStrictEqual(browser.complaints, []);

    // A page whose server has gone says so.
    isQuiet(await end(child));
    strictEqual(
      await browser.until(
        "document.querySelector('#state:not(.live)')?.textContent",
      ),
      "No connection, trying again",
    );
  },
);

/**
 * The contrast ratio of two colours, 1 to 21, as the Web Content Accessibility
 * Guidelines 2.1 define it.
 */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const [r, g, b] = color.match(/\d+/g)!.map((part) => {
      const c = Number(part) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) =>
    a - b
  );
  return (light! + 0.05) / (dark! + 0.05);
}
