import { ok } from "node:assert";
import { HTTPConnection } from "../../handlers/http/_connection/http_connection.ts";
import { DEFAULT_HTTP_LIMITS } from "../../handlers/http/http_limits.ts";

const encoder = new TextEncoder();

/** A connection that brings the same again and again, and its reads. */
class Bringing {
  reads = 0;
  readonly #parts: (string | null)[];

  /** @param parts What it brings, of which the last comes for ever. */
  constructor(...parts: (string | null)[]) {
    this.#parts = parts;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const part = this.#parts[Math.min(this.reads++, this.#parts.length - 1)]!;
    if (part === null) return Promise.resolve(null);
    return Promise.resolve(encoder.encodeInto(part, buffer).written);
  }
}

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Serves the first request, whose signal is looked at in each of 100 turns. */
async function watched(
  source: Bringing,
): Promise<{ readonly reads: number; readonly ended: boolean }> {
  let ended = false;
  const connection = new HTTPConnection(
    source as unknown as Deno.Conn,
    DEFAULT_HTTP_LIMITS,
    {
      lost: () => {},
      ended: () => {
        ended = true;
      },
      overdue: () => {},
    },
  );
  try {
    ok(await connection.next() !== undefined);
    for (let turn = 0; turn < 100; turn++) {
      connection.watch();
      await new Promise((resolve) => setTimeout(resolve));
    }
    return { reads: source.reads, ended };
  } finally {
    connection.close();
  }
}

/** What may be read behind a request, and one read more, in bytes. */
const MOST = 16 * 1024 + 4 * 1024;

Deno.test("of what is pipelined behind a request that is served, so much waits and no more", async () => {
  const { reads } = await watched(new Bringing(REQUEST));
  ok(reads > 1 && reads * REQUEST.length < MOST, `${reads} reads`);
});

Deno.test("of a header that comes in parts behind a request, so much waits and no more", async () => {
  const part = "x".repeat(100);
  const { reads } = await watched(
    new Bringing(REQUEST, "GET / HTTP/1.1\r\na: ", part),
  );
  ok(reads > 2 && reads * part.length < MOST, `${reads} reads`);
});

for (
  const [what, ahead] of [
    ["another request", REQUEST],
    ["the first byte of one", "G"],
    ["several in one read", REQUEST.repeat(10)],
  ] as const
) {
  Deno.test(`a client's end is seen behind ${what}`, async () => {
    const { ended } = await watched(new Bringing(REQUEST, ahead, null));
    ok(ended);
  });
}

Deno.test("a client's end is seen behind empty lines", async () => {
  const { ended } = await watched(new Bringing(REQUEST, "\r\n", "\r\n", null));
  ok(ended);
});

Deno.test("empty lines without end are read until they are too many", async () => {
  const { reads } = await watched(
    new Bringing(REQUEST, "\r\n".repeat(1_000)),
  );
  ok(reads < 100, `${reads} reads`);
});
