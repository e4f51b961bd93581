import { match, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { ask } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

const cli = new Program("redis-cli", "redis-tools");
const benchmark = new Program("redis-benchmark", "redis-tools");

/** Runs something against the example, which has no fault to tell. */
async function withServer(
  use: (port: number) => Promise<void>,
): Promise<void> {
  await using child = startExample("key_value_server", { 6379: 0 }, [0]);
  await use(await portOf(child));
  const { code, stderr } = await end(child);
  strictEqual(stderr, "");
  strictEqual(code, 0);
}

/** Sends bytes, and reads all that comes back. */
async function sent(port: number, text: string): Promise<string> {
  return await ask({ hostname: "127.0.0.1", port }, text);
}

/** A command, as clients send it. */
function words(...all: string[]): string {
  const parts = all.map((word) =>
    `$${new TextEncoder().encode(word).length}\r\n${word}\r\n`
  );
  return `*${all.length}\r\n${parts.join("")}`;
}

Deno.test("key_value_server.ts keeps values, and counts", async () => {
  await withServer(async (port) => {
    const answers = await sent(
      port,
      [
        words("SET", "a", "1\r\n2"),
        words("get", "a"),
        words("GET", "b"),
        words("SET", "a", "x", "NX"),
        words("SET", "n", "41", "EX", "100"),
        words("INCR", "n"),
        words("INCR", "a"),
        words("TTL", "n"),
        words("TTL", "a"),
        words("TTL", "b"),
        words("EXISTS", "a", "n", "b"),
        words("DBSIZE"),
        words("DEL", "a", "b"),
        words("SET", "b", "", "XX"),
        "PING\r\n\r\nECHO hello\r\n",
      ].join(""),
    );
    strictEqual(
      answers,
      [
        "+OK\r\n",
        "$4\r\n1\r\n2\r\n",
        "$-1\r\n",
        "$-1\r\n",
        "+OK\r\n",
        ":42\r\n",
        "-ERR value is not an integer or out of range\r\n",
        ":100\r\n",
        ":-1\r\n",
        ":-2\r\n",
        ":2\r\n",
        ":2\r\n",
        ":1\r\n",
        "$-1\r\n",
        "+PONG\r\n$5\r\nhello\r\n",
      ].join(""),
    );
    // All clients share them.
    strictEqual(await sent(port, words("GET", "n")), "$2\r\n42\r\n");
    strictEqual(
      await sent(port, words("SET", "brief", "1", "PX", "1")),
      "+OK\r\n",
    );
    while (await sent(port, words("GET", "brief")) !== "$-1\r\n");
    strictEqual(
      await sent(port, words("FLUSHALL") + words("DBSIZE") + words("QUIT")),
      "+OK\r\n:0\r\n+OK\r\n",
    );
  });
});

Deno.test("key_value_server.ts refuses what is no command, and what is too large", async () => {
  await withServer(async (port) => {
    for (
      const [what, answer] of [
        [words("NOPE\r\n+OK"), "-ERR unknown command 'NOPE??+OK'\r\n"],
        [words("GET"), "-ERR wrong number of arguments for 'get' command\r\n"],
        [words("toString"), "-ERR unknown command 'toString'\r\n"],
        [words("SET", "a", "b", "EX"), /^-ERR invalid expire time/],
        [words("SET", "a", "b", "KEEP"), "-ERR syntax error\r\n"],
        ["*1\r\nGET\r\n", "-ERR Protocol error: expected '$'\r\n"],
        ["*2000000000\r\n", /^-ERR Protocol error: invalid length/],
        ["*-1\r\n", /^-ERR Protocol error: invalid length/],
        ["*1\r\n$1048577\r\n", /^-ERR Protocol error: invalid length/],
        ["*2\r\n$3\r\nGET\r\n$5\r\na", ""],
        ["a".repeat(1024 * 1024 + 2), /^-ERR Protocol error: Cannot read/],
      ] as const
    ) {
      const got = await sent(port, what);
      if (typeof answer === "string") strictEqual(got, answer);
      else match(got, answer);
    }
    // What all of them together take has an end, too.
    const value = "x".repeat(1_000_000);
    let answer = "";
    for (let i = 0; i < 70 && !answer.startsWith("-"); i++) {
      answer = await sent(port, words("SET", `${i}`, value));
    }
    match(answer, /^-OOM /);
    match(await sent(port, words("DEL", "0") + words("SET", "b", "1")), /OK/);
  });
});

testWith([cli], "redis-cli talks to key_value_server.ts", async () => {
  await withServer(async (port) => {
    const run = async (...args: string[]) =>
      await cli.run(["-p", `${port}`, ...args]);
    strictEqual(await run("set", "greeting", "hello"), "OK\n");
    strictEqual(await run("get", "greeting"), "hello\n");
    strictEqual(
      await cli.run(["-p", `${port}`], "incr n\nincr n\ndel n greeting\n"),
      "1\n2\n2\n",
    );
  });
});

testWith(
  [benchmark],
  "redis-benchmark drives key_value_server.ts, in pipelines",
  async () => {
    await withServer(async (port) => {
      const printed = await benchmark.run([
        ...["-p", `${port}`, "-t", "ping,set,get,incr", "-n", "2000"],
        ...["-c", "20", "-P", "16", "--csv"],
      ]);
      for (const name of ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"]) {
        match(printed, new RegExp(`"${name}","[1-9]`));
      }
    });
  },
);
