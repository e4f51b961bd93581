// ab and h2load: many requests of HTTP/1.0 and 1.1, side by side and pipelined.
// Each counts the answers that it did not expect.
import { match, strictEqual } from "node:assert";
import {
  HTTPServer,
  HTTPSServer,
  SimpleHTTPRequestHandler,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { makeCertificate } from "../_certificate.ts";
import { FetchTarget, Target } from "../http/_target_handlers.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { isDisconnect, LOOPBACK } from "../_loopback.ts";

const ab = new Program("ab", "apache2-utils");
const h2load = new Program("h2load", "nghttp2-client");

/** How many requests a client sends, and on how many connections at once. */
const REQUESTS = 1_000;
const CONNECTIONS = 10;

/** How `ab` is called, and whether the server keeps its connections. */
interface Way {
  readonly name: string;
  readonly keeps: boolean;
  /** Its arguments, of which one may name a file to send. */
  readonly args: (body: string) => string[];
}

const AB_WAYS: readonly Way[] = [
  { name: "a connection for each", keeps: false, args: () => [] },
  { name: "connections that are kept", keeps: true, args: () => ["-k"] },
  { name: "HEAD", keeps: true, args: () => ["-k", "-i"] },
  {
    name: "POST",
    keeps: true,
    args: (body) => ["-k", "-T", "text/plain", "-p", body],
  },
];

const H2LOAD_WAYS: readonly Omit<Way, "keeps">[] = [
  { name: "one after the other", args: () => [] },
  { name: "eight pipelined", args: () => ["-m", "8"] },
  { name: "POST", args: (body) => ["--data", body] },
];

/** Servers by what they are of. Each is asked for `/file`. */
const SERVERS: Record<string, (folder: string) => HTTPServer> = {
  "methods": () => new HTTPServer(LOOPBACK, Target),
  "a fetch handler": () => new HTTPServer(LOOPBACK, FetchTarget),
  "files": (directory) => {
    class Files extends SimpleHTTPRequestHandler<Deno.NetAddr> {
      static override readonly directory = directory;
      override logMessage(): void {}
    }
    return new HTTPServer(LOOPBACK, Files);
  },
  "methods in threads": () =>
    new ThreadingHTTPServer(LOOPBACK, Target, { workers: 2 }),
};

/** A folder with what is asked for, and what is sent. */
async function makeFolder(): Promise<Folder> {
  const folder = new Folder();
  await Deno.writeTextFile(folder.at("file"), "x".repeat(1_000));
  await Deno.writeTextFile(folder.at("body"), "y".repeat(1_000));
  return folder;
}

async function runAb(url: string, args: string[], keeps: boolean) {
  const printed = await ab.run([
    ...["-q", "-n", String(REQUESTS), "-c", String(CONNECTIONS), "-s", "20"],
    ...[...args, url],
  ]);
  const count = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+)$`, "m").exec(printed)?.[1] ?? 0);
  strictEqual(count("Complete requests"), REQUESTS, printed);
  strictEqual(count("Failed requests"), 0, printed);
  // Lines that are only printed where there are any.
  strictEqual(count("Write errors"), 0, printed);
  strictEqual(count("Non-2xx responses"), 0, printed);
  strictEqual(count("Keep-Alive requests"), keeps ? REQUESTS : 0, printed);
}

async function runH2load(url: string, args: string[]) {
  const printed = await h2load.run([
    ...["--h1", "-n", String(REQUESTS), "-c", String(CONNECTIONS)],
    ...["--connection-active-timeout=20", ...args, url],
  ]);
  match(printed, /^Application protocol: http\/1\.1$/m);
  match(
    printed,
    new RegExp(
      `^requests: ${REQUESTS} total, ${REQUESTS} started, ${REQUESTS} done, ${REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout$`,
      "m",
    ),
  );
  match(
    printed,
    new RegExp(`^status codes: ${REQUESTS} 2xx, 0 3xx, 0 4xx, 0 5xx$`, "m"),
  );
}

for (const [name, make] of Object.entries(SERVERS)) {
  /** What is asked of it: nobody sends a file a body. */
  const asked = <Asked extends { name: string }>(ways: readonly Asked[]) =>
    ways.filter((way) => name !== "files" || way.name !== "POST");

  testWith([ab], `ab is answered by ${name}`, async () => {
    await using folder = await makeFolder();
    await using served = await serveForTest(make(folder.path));
    const url = `http://127.0.0.1:${served.addr.port}/file`;
    for (const { args, keeps } of asked(AB_WAYS)) {
      await runAb(url, args(folder.at("body")), keeps);
    }
    strictEqual(served.errors.join(), "");
  });

  testWith(
    [h2load],
    `h2load is answered by ${name}, over HTTP/1.1`,
    async () => {
      await using folder = await makeFolder();
      await using served = await serveForTest(make(folder.path));
      const url = `http://127.0.0.1:${served.addr.port}/file`;
      for (const { args } of asked(H2LOAD_WAYS)) {
        await runH2load(url, args(folder.at("body")));
      }
      strictEqual(served.errors.join(), "");
    },
  );
}

testWith(
  [ab, h2load],
  "ab and h2load are answered over TLS",
  async () => {
    await using folder = await makeFolder();
    const { cert, key } = await makeCertificate(folder);
    await using served = await serveForTest(Target, {
      server: HTTPSServer,
      address: { cert, key },
      // A client that has had its answers resets what TLS has still to say.
      allowErrors: isDisconnect,
    });
    const url = `https://127.0.0.1:${served.addr.port}/file`;
    await runAb(url, ["-k"], true);
    await runAb(url, [], false);
    await runH2load(url, ["-m", "8"]);
    const errors = served.errors.filter((error) => !isDisconnect(error));
    strictEqual(errors.join(), "");
  },
);
