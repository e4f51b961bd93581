import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { isDisconnect } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { readBytes, repliesIn, type Reply, writeBytes } from "./_replies.ts";
import { Attacked } from "./_targets.ts";

/** More than any buffer on the way holds, in bytes. */
const FLOOD = 64 * 1024 * 1024;

/** A head that ends its connection. */
function closing(line: string, ...headers: readonly string[]): string {
  return [line, "Host: a", "Connection: close", ...headers, "", ""]
    .join("\r\n");
}

/**
 * Sends a beginning and then the same again and again, until the server has
 * closed.
 *
 * @returns What was answered.
 */
async function flood(begin: string, unit: string): Promise<Reply[]> {
  await using attacked = await Attacked.start();
  using connection = await attacked.connect();
  const answer = readBytes(connection);
  let answered = false;
  void answer.then(() => answered = true);
  await writeBytes(connection, begin);
  const repeated = unit.repeat(Math.ceil(64 * 1024 / unit.length));
  for (let sent = 0; !answered; sent += repeated.length) {
    ok(sent < FLOOD, "The server has taken all of it");
    await writeBytes(connection, repeated);
    // A write that need not wait would let nobody read the answer.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const replies = repliesIn(await answer);
  deepStrictEqual(attacked.served.errors, []);
  return replies;
}

/** The phrases of RFC 9110 and RFC 6585; others tell more. */
const PHRASES: Readonly<Record<number, string>> = {
  414: "URI Too Long",
  431: "Request Header Fields Too Large",
};

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED =
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

for (
  const [name, begin, unit, status] of [
    ["empty lines", "", "\r\n", 431],
    ["headers", HEAD, "X: y\r\n", 431],
    ["one header's name", HEAD, "x", 431],
    ["one header's value", `${HEAD}X: `, "y", 431],
    // llhttp itself does not count them.
    ["spaces before a header's value", `${HEAD}X:`, " ", 431],
    ["a target", "GET /", "x", 414],
    ["a target's query", "GET /?", "&", 414],
    ["a method", "", "GET", 501],
    ["trailers", `${CHUNKED}0\r\n`, "X: y\r\n", 431],
    ["one trailer", `${CHUNKED}0\r\nX: `, "y", 431],
    ["a chunk's extension", `${CHUNKED}1;`, "x", 413],
    ["zeros before a chunk's size", CHUNKED, "0", 413],
    [
      "chunks of one byte with extensions",
      CHUNKED,
      `1;${"x".repeat(99)}\r\na\r\n`,
      413,
    ],
    [
      "chunks beyond maxBodySize",
      CHUNKED,
      `400\r\n${"x".repeat(1024)}\r\n`,
      413,
    ],
    [
      "a body that is announced to be beyond maxBodySize",
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 40}\r\n\r\n`,
      "x",
      413,
    ],
  ] as const
) {
  Deno.test(`a flood of ${name} is answered with ${status}`, async () => {
    const replies = await flood(begin, unit);
    deepStrictEqual(replies.map(({ status }) => status), [status]);
    const { reason } = replies[0]!;
    strictEqual(reason, PHRASES[status] ?? reason);
    strictEqual(replies[0]!.headers.get("connection"), "close");
  });
}

Deno.test("100,000 headers are answered with 431", async () => {
  await using attacked = await Attacked.start();
  const replies = await attacked.send(
    `${HEAD}${"X: y\r\n".repeat(100_000)}\r\n`,
  );
  deepStrictEqual(replies.map(({ status }) => status), [431]);
});

Deno.test("a request that comes a byte at a time is answered with 408 in time", async () => {
  await using attacked = await Attacked.start();
  for (
    const [bytes, statuses] of [
      // What waits for a request is closed without a word.
      ["\r\n".repeat(500), []],
      [HEAD + "X: y\r\n".repeat(100), [408]],
      [`${CHUNKED}1000\r\n${"x".repeat(1000)}`, [408]],
    ] as const
  ) {
    using connection = await attacked.connect();
    const started = performance.now();
    let at = 0;
    const dripping = setInterval(
      () => void writeBytes(connection, bytes[at++ % bytes.length]!),
      20,
    );
    // The head of a body comes whole: only the body drips.
    if (bytes.startsWith(CHUNKED)) {
      await writeBytes(connection, bytes.slice(0, at = CHUNKED.length));
    }
    const text = await patiently(readBytes(connection), () => "the end");
    clearInterval(dripping);
    const took = performance.now() - started;
    deepStrictEqual(repliesIn(text).map(({ status }) => status), statuses);
    ok(took >= 990 && took < 10_000, `${took} ms`);
  }
  deepStrictEqual(attacked.served.errors, []);
});

Deno.test("1,000 pipelined requests are answered in their order", async () => {
  await using attacked = await Attacked.start();
  const requests = Array.from(
    { length: 1_000 },
    (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const replies = await attacked.send(
    requests.join("") + closing("GET /last HTTP/1.1"),
  );
  deepStrictEqual(
    replies.map(({ body }) => body),
    [...requests.keys(), "last"].map((name) => `GET /${name} []`),
  );
});

Deno.test("1,000 pipelined requests with bodies, cut anywhere, are answered in their order", async () => {
  await using attacked = await Attacked.start();
  const requests = Array.from(
    { length: 1_000 },
    (_, i) =>
      i % 2 === 0
        ? `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`
        : `POST /${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n`,
  );
  const bytes = requests.join("") + closing("GET /last HTTP/1.1");
  using connection = await attacked.connect();
  const answer = readBytes(connection);
  // A prime, so that the cuts come everywhere.
  for (let at = 0; at < bytes.length; at += 997) {
    await writeBytes(connection, bytes.slice(at, at + 997));
  }
  deepStrictEqual(
    repliesIn(await answer).map(({ body }) => body),
    [
      ...[...requests.keys()].map((name) => `POST /${name} [body]`),
      "GET /last []",
    ],
  );
});

Deno.test("requests that are pipelined without reading the answers wait outside", async () => {
  let answered = 0;
  await using served = await serveForTest(
    () => {
      answered++;
      return new Response("x".repeat(64 * 1024));
    },
    { server: HTTPServer, allowErrors: isDisconnect },
  );
  using connection = await Deno.connect(served.addr);
  let written = 0;
  const request = new TextEncoder().encode(
    `${HEAD}X: ${"y".repeat(4_000)}\r\n\r\n`,
  );
  const writing = (async () => {
    for (; written < 100_000; written++) await connection.write(request);
  })();
  // The client reads nothing: what is on its way fills up.
  let before = -1;
  while (answered !== before) {
    before = answered;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  ok(answered < 1_000, `${answered} requests were served to nobody`);
  ok(written < 100_000, "all requests were taken");
  connection.close();
  await writing.catch((error) => {
    ok(
      error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted,
      `${error}`,
    );
  });
});
