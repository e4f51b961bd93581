import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { readBytes, repliesIn, writeBytes } from "./_replies.ts";
import { Attacked, WAYS } from "./_targets.ts";

/** A head with a Host. */
function head(line: string, ...headers: readonly string[]): string {
  return [line, "Host: a", ...headers, "", ""].join("\r\n");
}

const post = (...headers: readonly string[]) =>
  head("POST / HTTP/1.1", ...headers);
const get = (...headers: readonly string[]) =>
  head("GET / HTTP/1.1", ...headers);
const chunked = (chunks: string) => post("Transfer-Encoding: chunked") + chunks;

/** Nobody may ever be served this: it is behind a request that is refused. */
const SMUGGLED = head("GET /smuggled HTTP/1.1");

/** Requests whose end two servers could see in different places. */
const REFUSED: Record<string, string> = {
  // RFC 9112, section 6.3: one of both lengths.
  "Content-Length before Transfer-Encoding": post(
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
  ) + "0\r\n\r\n",
  "Transfer-Encoding before Content-Length": post(
    "Transfer-Encoding: chunked",
    "Content-Length: 5",
  ) + "0\r\n\r\n",
  "two different Content-Length": post(
    "Content-Length: 5",
    "Content-Length: 6",
  ) + "hello",
  "two equal Content-Length": post(
    "Content-Length: 5",
    "Content-Length: 5",
  ) + "hello",
  "Content-Length in a list": post("Content-Length: 5, 5") + "hello",
  "Content-Length with a sign": post("Content-Length: +5") + "hello",
  "a negative Content-Length": post("Content-Length: -5") + "hello",
  "a hexadecimal Content-Length": post("Content-Length: 0x5") + "hello",
  "a Content-Length with a fraction": post("Content-Length: 5.0") + "hello",
  "an empty Content-Length": post("Content-Length:") + "hello",
  "a Content-Length of two words": post("Content-Length: 5 5") + "hello",
  "a Content-Length of 2^64 + 5": post("Content-Length: 18446744073709551621") +
    "hello",
  "a Content-Length of other digits": post("Content-Length: \xd9\xa5") +
    "hello",
  "a space before the colon of Content-Length": post("Content-Length : 5") +
    "hello",
  // RFC 9112, section 6.1: what is not understood, and what is not the last.
  "Transfer-Encoding: xchunked": post("Transfer-Encoding: xchunked") +
    "0\r\n\r\n",
  "Transfer-Encoding: chunked, identity": post(
    "Transfer-Encoding: chunked, identity",
  ) + "0\r\n\r\n",
  "Transfer-Encoding: identity": post("Transfer-Encoding: identity"),
  "Transfer-Encoding: identity with Content-Length": post(
    "Transfer-Encoding: identity",
    "Content-Length: 5",
  ) + "hello",
  "Transfer-Encoding: gzip, chunked": post("Transfer-Encoding: gzip, chunked") +
    "0\r\n\r\n",
  "Transfer-Encoding twice": post(
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked",
  ) + "0\r\n\r\n",
  "Transfer-Encoding: identity and then chunked": post(
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked",
  ) + "0\r\n\r\n",
  "Transfer-Encoding in quotes": post('Transfer-Encoding: "chunked"') +
    "0\r\n\r\n",
  "Transfer-Encoding with a comma": post("Transfer-Encoding: chunked,") +
    "0\r\n\r\n",
  "Transfer-Encoding behind a vertical tab": post(
    "Transfer-Encoding:\x0bchunked",
  ) + "0\r\n\r\n",
  "Transfer-Encoding before a NUL": post("Transfer-Encoding: chunked\0") +
    "0\r\n\r\n",
  "Transfer-Encoding on a folded line": post(
    "Transfer-Encoding:\r\n chunked",
  ) + "0\r\n\r\n",
  "a space before the colon of Transfer-Encoding": post(
    "Transfer-Encoding : chunked",
  ) + "0\r\n\r\n",
  "Transfer-Encoding in HTTP/1.0": head(
    "POST / HTTP/1.0",
    "Transfer-Encoding: chunked",
  ) + "0\r\n\r\n",
  // RFC 9112, section 2.2 and 5: lines.
  "a bare LF behind the request line": "GET / HTTP/1.1\nHost: a\r\n\r\n",
  "a bare LF behind a header": get("X: y\nZ: w"),
  "a bare LF as the empty line": "GET / HTTP/1.1\r\nHost: a\r\n\n",
  "a bare CR in a header": get("X: y\rZ: w"),
  "CR CR LF": get("X: y\r"),
  "a folded line": get("X: y\r\n z"),
  "a folded first line": "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
  "a header without a colon": get("XY"),
  "a header without a name": get(": y"),
  "a NUL in a header's name": get("X\0Y: z"),
  "a NUL in a header's value": get("X: y\0z"),
  "a control character in a header's value": get("X: y\x7f"),
  // RFC 9112, section 7.1: chunks.
  "a chunk's size that is no number": chunked("zz\r\n"),
  "a chunk's size with a prefix": chunked("0x1\r\na\r\n0\r\n\r\n"),
  "a negative chunk's size": chunked("-1\r\na\r\n0\r\n\r\n"),
  "a chunk's size with a sign": chunked("+1\r\na\r\n0\r\n\r\n"),
  "a chunk's size behind a space": chunked(" 1\r\na\r\n0\r\n\r\n"),
  "a chunk's size before a space": chunked("1 \r\na\r\n0\r\n\r\n"),
  "a chunk without a size": chunked("\r\na\r\n0\r\n\r\n"),
  "a chunk's size of 2^64 + 1": chunked(
    "10000000000000001\r\na\r\n0\r\n\r\n",
  ),
  "a chunk's size before a bare LF": chunked("1\na\r\n0\r\n\r\n"),
  "a chunk before a bare LF": chunked("1\r\na\n0\r\n\r\n"),
  "a chunk that is longer than its size": chunked("1\r\nab\r\n0\r\n\r\n"),
  "a bare LF in a chunk extension": chunked("1;a\nb\r\na\r\n0\r\n\r\n"),
  "a bare CR in a chunk extension": chunked("1;a\rb\r\na\r\n0\r\n\r\n"),
  "a bare LF behind the last chunk": chunked("0\r\n\n"),
  "a trailer without a colon": chunked("0\r\nX y\r\n\r\n"),
  "Content-Length in a trailer": chunked("0\r\nContent-Length: 50\r\n\r\n"),
};

/** Requests whose end is clear, with what is understood of them. */
const SERVED: Record<string, readonly [bytes: string, body: string]> = {
  "a body of GET": [get("Content-Length: 5") + "hello", "GET / []"],
  "a body that looks like a request": [
    post(`Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    `POST / [${SMUGGLED}]`,
  ],
  "a chunk that looks like a request": [
    chunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    `POST / [${SMUGGLED}]`,
  ],
  "Transfer-Encoding: Chunked": [
    post("Transfer-Encoding: Chunked") + "1\r\na\r\n0\r\n\r\n",
    "POST / [a]",
  ],
  "chunk extensions": [
    chunked('1;a=b;c="d\\"e"\r\na\r\n0;x\r\n\r\n'),
    "POST / [a]",
  ],
  "zeros before a chunk's size": [
    chunked("00000000001\r\na\r\n0\r\n\r\n"),
    "POST / [a]",
  ],
  "trailers, which are no headers of the next request": [
    chunked("1\r\na\r\n0\r\nX: y\r\nHost: b\r\n\r\n"),
    "POST / [a]",
  ],
  "Content_Length, which is another header": [
    post("Content_Length: 5"),
    "POST / []",
  ],
  "an upgrade that nobody makes": [
    get("Connection: Upgrade", "Upgrade: websocket"),
    "GET / []",
  ],
};

for (const way of WAYS) {
  Deno.test(`over ${way}, no request is smuggled behind one that is not clear`, async () => {
    await using attacked = await Attacked.start(way);
    for (const [name, bytes] of Object.entries(REFUSED)) {
      const replies = await attacked.send(bytes + SMUGGLED);
      strictEqual(replies.length, 1, name);
      const { status, body, complete } = replies[0]!;
      ok(
        [400, 501, 505].includes(status),
        `${name} is answered with ${status}: ${body}`,
      );
      strictEqual(complete, true, name);
    }
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, a request ends where its framing says`, async () => {
    await using attacked = await Attacked.start(way);
    for (const [name, [bytes, body]] of Object.entries(SERVED)) {
      const replies = await attacked.send(
        bytes + head("GET /next HTTP/1.1", "Connection: close"),
      );
      // A Request of GET has no body that could be read.
      const expected = name === "a body of GET" && way !== "TCP, with fetch"
        ? "GET / [hello]"
        : body;
      deepStrictEqual(
        replies.map(({ status, body }) => [status, body]),
        [[200, expected], [200, "GET /next []"]],
        name,
      );
    }
    deepStrictEqual(attacked.served.errors, []);
  });
}

Deno.test("a request that comes a byte at a time is understood like one that comes whole", async () => {
  await using attacked = await Attacked.start();
  const bytes = chunked("5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n") +
    head("GET /next HTTP/1.1", "Connection: close");
  using connection = await attacked.connect();
  const answer = readBytes(connection);
  for (const byte of bytes) await writeBytes(connection, byte);
  deepStrictEqual(
    repliesIn(await answer).map(({ body }) => body),
    ["POST / [hello]", "GET /next []"],
  );
});
