import { deepStrictEqual, strictEqual } from "node:assert";
import { readUntil } from "./_raw_client.ts";
import { Attacked, WAYS } from "./_targets.ts";

/** A head that ends its connection. */
function closing(line: string, ...headers: readonly string[]): string {
  return [line, "Host: a", "Connection: close", ...headers, "", ""]
    .join("\r\n");
}

/** Requests that few clients make, with the status of each answer. */
const ODD: Record<string, readonly [bytes: string, ...statuses: number[]]> = {
  "HTTP/0.9": ["GET /\r\n\r\n", 505],
  "no version behind a space": ["GET / \r\nHost: a\r\n\r\n", 400],
  "a known method without a version": [
    "PROPFIND / \r\nHost: a\r\n\r\n",
    400,
  ],
  "an unknown method without a version": [
    "CUSTOM / \r\nHost: a\r\n\r\n",
    501,
  ],
  "spaces around a slash": [" / \r\nHost: a\r\n\r\n", 501],
  "a version of 0.9": [closing("GET / HTTP/0.9"), 505],
  "a version of 2.0": [closing("GET / HTTP/2.0"), 505],
  "a version of 1.2, which llhttp does not know": [
    closing("GET / HTTP/1.2"),
    505,
  ],
  "a version of 9.9": [closing("GET / HTTP/9.9"), 505],
  "a version of three numbers": [closing("GET / HTTP/9.9.9"), 505],
  "a version that is none": [closing("GET / FUBAR"), 400],
  "a version with signs and underscores": [
    closing("GET / HTTP/-9_9_9.+9_9_9"),
    400,
  ],
  "a major version that is too long": [
    closing("GET / HTTP/909876543210.0"),
    400,
  ],
  "a minor version that is too long": [
    closing("GET / HTTP/1.909876543210"),
    505,
  ],
  "an unknown method, and LF and CR LF behind the version": [
    closing("XYZBOGUS / HTTP/1.1\n"),
    501,
  ],
  "a version without a minor number": [closing("GET / HTTP/1"), 400],
  "a version of three digits": [closing("GET / HTTP/1.01"), 400],
  "a version of many digits": [closing(`GET / HTTP/1.${"1".repeat(100)}`), 400],
  "a version with a sign": [closing("GET / HTTP/+1.1"), 400],
  "a version in small letters": [closing("GET / http/1.1"), 400],
  "the preface of HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  "the first bytes of TLS": [
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    501,
  ],
  "a response": ["HTTP/1.1 200 OK\r\n\r\n", 501],
  "a method of RTSP": ["DESCRIBE / RTSP/1.0\r\n\r\n", 501],
  "a method in small letters": [closing("get / HTTP/1.1"), 501],
  "a method that is none": [closing("FROBNICATE / HTTP/1.1"), 501],
  "a method with a sign": [closing("G@T / HTTP/1.1"), 501],
  "a tab behind the method": [closing("GET\t/ HTTP/1.1"), 501],
  "a space before the method": [closing(" GET / HTTP/1.1"), 501],
  "a space behind the version": [closing("GET / HTTP/1.1 "), 400],
  "empty lines before the request": [
    "\r\n\r\n" + closing("GET / HTTP/1.1"),
    200,
  ],
  "no Host": ["GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  "no Host in HTTP/1.0": ["GET / HTTP/1.0\r\n\r\n", 200],
  "two Hosts": [closing("GET / HTTP/1.1", "Host: a"), 400],
  "an empty Host": [
    "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
    200,
  ],
  "a Host that is none": ["GET / HTTP/1.1\r\nHost: a/b c\r\n\r\n", 400],
  "a target that is no path": [closing("GET a HTTP/1.1"), 400],
  "a target with a NUL": [closing("GET /\0 HTTP/1.1"), 400],
  "a target with a control character": [closing("GET /\x01 HTTP/1.1"), 400],
  "an unknown expectation": [
    closing("POST / HTTP/1.1", "Expect: 200-ok", "Content-Length: 5") +
    "hello",
    417,
  ],
  "an expectation of HTTP/1.0 without a body": [
    "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
    200,
  ],
  "an expectation without a body": [
    closing("GET / HTTP/1.1", "Expect: 100-continue"),
    200,
  ],
  "an expectation in HTTP/1.0": [
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    200,
  ],
  "an expectation whose body is there already": [
    closing("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 5") +
    "hello",
    200,
  ],
  "CONNECT, and what would go through the tunnel": [
    "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + closing("GET / HTTP/1.1"),
    501,
  ],
  "TRACE": [closing("TRACE / HTTP/1.1", "Cookie: secret"), 501],
  "a request behind Connection: close": [
    closing("GET / HTTP/1.1") + closing("GET / HTTP/1.1"),
    200,
  ],
};

for (const way of WAYS) {
  Deno.test(`over ${way}, odd requests are answered, each with its status`, async () => {
    await using attacked = await Attacked.start(way);
    const found: Record<string, number[]> = {};
    for (const [name, [bytes]] of Object.entries(ODD)) {
      const replies = await attacked.send(bytes);
      found[name] = replies.map(({ status }) => status);
      for (const { body, complete } of replies) {
        strictEqual(body.includes("secret"), false, name);
        strictEqual(complete, true, name);
      }
    }
    const expected = Object.entries(ODD).map((
      [name, [, ...statuses]],
    ) => [name, statuses]);
    deepStrictEqual(found, Object.fromEntries(expected));
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, a whole URL and * are targets too`, async () => {
    await using attacked = await Attacked.start(way);
    const told = async (line: string) =>
      (await attacked.send(closing(line))).map(({ body }) => body);
    const isFetch = way === "TCP, with fetch";
    deepStrictEqual(
      await told("GET http://other.test:81/x?y HTTP/1.1"),
      [isFetch ? "GET /x?y []" : "GET http://other.test:81/x?y []"],
    );
    deepStrictEqual(
      await told("OPTIONS * HTTP/1.1"),
      [isFetch ? "OPTIONS / []" : "OPTIONS * []"],
    );
  });

  Deno.test(`over ${way}, HEAD with a body is answered without one`, async () => {
    await using attacked = await Attacked.start(way);
    const replies = await attacked.send(
      "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" +
        closing("HEAD / HTTP/1.1"),
    );
    deepStrictEqual(replies.map(({ status }) => status), [200, 200]);
    deepStrictEqual(attacked.served.errors, []);
  });

  Deno.test(`over ${way}, HTTP/1.0 keeps a connection only where it is asked to`, async () => {
    await using attacked = await Attacked.start(way);
    const request = "GET / HTTP/1.0\r\n";
    const kept = await attacked.send(
      `${request}Connection: keep-alive\r\n\r\n${request}\r\n${request}\r\n`,
    );
    deepStrictEqual(
      kept.map(({ headers }) => headers.get("connection")),
      ["keep-alive", "close"],
    );
  });

  Deno.test(`over ${way}, a client that waits is told to continue, once`, async () => {
    await using attacked = await Attacked.start(way);
    using connection = await attacked.connect();
    const write = (text: string) =>
      connection.write(new TextEncoder().encode(text));
    await write(
      closing("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 10"),
    );
    await readUntil(connection, "HTTP/1.1 100 Continue\r\n\r\n");
    await write("hello");
    await write("world");
    const answer = await readUntil(connection, "POST / [helloworld]");
    strictEqual(answer.includes("100 Continue"), false);
  });
}
