import {
  deepStrictEqual,
  doesNotMatch,
  match,
  ok,
  strictEqual,
} from "node:assert";
import { once } from "node:events";
import { createConnection } from "node:net";
import {
  BaseHTTPRequestHandler,
  HTTPError,
  type HTTPHandler,
  HTTPServer,
  type HTTPServerOptions,
} from "../../server/http/mod.ts";
import { serveForTest, type TestServer } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { FetchHijacker, Hijacker } from "./_hijack_handlers.ts";
import { readBytes, replyTo, writeBytes } from "./_replies.ts";
import { readUntil } from "./_raw_client.ts";
import { Attacked, WAYS } from "./_targets.ts";

const UPGRADE =
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const CONNECT = "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n";
const HIJACKERS = { base: Hijacker, fetch: FetchHijacker };

/** Sends text, ends the writing side and gives all that comes back. */
async function exchange(
  connection: Deno.Conn,
  ...parts: readonly string[]
): Promise<string> {
  const sent = (async () => {
    for (const part of parts) await writeBytes(connection, part);
    await connection.closeWrite();
  })();
  const [text] = await patiently(
    Promise.all([readBytes(connection), sent]),
    () => "the end of the connection",
  );
  return text;
}

for (const way of WAYS) {
  Deno.test(`over ${way}, a handler takes a connection over with every byte behind the request`, async () => {
    await using attacked = await Attacked.start(way, HIJACKERS);
    const large = "0123456789abcdef".repeat(20_000);
    for (
      const [request, status] of [[UPGRADE, 101], [CONNECT, 200]] as const
    ) {
      for (const behind of ["", "\x81\x05hello", "GET / HTTP/1.1\r\n\r\n"]) {
        using connection = await attacked.connect();
        const answer = await exchange(connection, request + behind, large);
        const [head, rest] = answer.split(/\r\n\r\n(.*)/s) as [string, string];
        match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
        doesNotMatch(head, /content-length|transfer-encoding|: close/i);
        ok(rest === `${behind}${large}[end]`, `${rest.length} bytes`);
      }
    }
    deepStrictEqual(attacked.served.errors, []);
  });
}

/** A server on the event loop. */
function serveHTTP(
  handler: HTTPHandler<Deno.TcpConn, Deno.NetAddr>,
  options: HTTPServerOptions = {},
): Promise<TestServer<HTTPServer>> {
  return serveForTest(handler, { server: HTTPServer, options });
}

class Quiet extends BaseHTTPRequestHandler<Deno.NetAddr> {
  override logMessage(): void {}
}

Deno.test("a function that answers requests takes a connection over", async () => {
  await using served = await serveHTTP(async (_request, handler) => {
    const { connection, response } = handler.hijack();
    const buffer = new Uint8Array(5);
    // Two reads: the first bytes come with the request.
    for (let done = 0; done < 5;) {
      done += (await connection.read(buffer.subarray(done)))!;
    }
    await connection.write(buffer);
    strictEqual(await connection.read(new Uint8Array(0)), 0);
    return response;
  });
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, `${UPGRADE}he`);
  await writeBytes(connection, "llo");
  strictEqual(await readUntil(connection, "hello"), "hello");
  strictEqual(await readBytes(connection), "");
  deepStrictEqual(served.errors, []);
});

Deno.test("the bytes of a connection that was taken over are counted, once", async () => {
  await using served = await serveHTTP(Hijacker);
  for (const early of ["", "early"]) {
    const before = served.server.stats();
    using connection = await Deno.connect(served.addr);
    const answer = await exchange(connection, UPGRADE + early, "later");
    const { bytesIn, bytesOut } = served.server.stats();
    strictEqual(
      bytesIn - before.bytesIn,
      UPGRADE.length + early.length + "later".length,
    );
    strictEqual(bytesOut - before.bytesOut, answer.length);
  }
});

Deno.test("a connection is taken over behind a request that came with it", async () => {
  class Second extends Hijacker {
    override doGET(): Promise<void> {
      if (this.path === "/") return super.doGET();
      this.sendResponse(204);
      return Promise.resolve();
    }
  }
  await using served = await serveHTTP(Second);
  using connection = await Deno.connect(served.addr);
  const first = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
  match(
    await exchange(connection, `${first}${UPGRADE}GET / HTTP/1.1\r\n\r\n`),
    /^HTTP\/1\.1 204 .*HTTP\/1\.1 101 .*\r\n\r\nGET \/ HTTP\/1\.1\r\n\r\n\[end\]$/s,
  );
});

Deno.test("what is being read when a connection is taken over is not lost", async () => {
  const asked = Promise.withResolvers<void>();
  const came = Promise.withResolvers<void>();
  class Late extends Quiet {
    async doGET(): Promise<void> {
      // It is looked for: a read is under way from now on.
      ok(!this.signal.aborted);
      asked.resolve();
      await came.promise;
      const { rfile, wfile } = this.hijack();
      wfile.write("taken ");
      await wfile.write(await rfile.readAll());
    }
  }
  await using served = await serveHTTP(Late);
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, UPGRADE);
  await asked.promise;
  await writeBytes(connection, "early ");
  came.resolve();
  await writeBytes(connection, "late");
  await connection.closeWrite();
  strictEqual(await readBytes(connection), "taken early late");
  deepStrictEqual(served.errors, []);
});

/** What a handler does wrong, and what it is told. */
const MISUSES: Record<
  string,
  readonly [request: string, wrong: (handler: Quiet) => unknown, told: RegExp]
> = {
  "takes over what asks for nothing": [
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    (handler) => handler.hijack(),
    /Cannot take the connection over: GET \/a asks for no upgrade and is not CONNECT/,
  ],
  "takes over what only names a protocol": [
    "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n",
    (handler) => handler.hijack(),
    /asks for no upgrade/,
  ],
  "takes over what HTTP/1.0 asks for": [
    UPGRADE.replace("1.1", "1.0"),
    (handler) => handler.hijack(),
    /asks for no upgrade/,
  ],
  "takes over while the body is on its way": [
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 5\r\n\r\nhe",
    (handler) => handler.hijack(),
    /the body of GET \/ has not all come; read it first/,
  ],
  "takes over within a response's head": [
    UPGRADE,
    (handler) => {
      handler.sendResponse(101);
      handler.hijack();
    },
    /a response was begun; call endHeaders\(\) first/,
  ],
  "answers 101 to what asks for nothing": [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    (handler) => handler.sendResponse(101),
    /Cannot send a response of status 101: the request asks for no upgrade/,
  ],
};

for (const [what, [request, wrong, told]] of Object.entries(MISUSES)) {
  Deno.test(`a handler that ${what} is told, and its client gets 500`, async () => {
    class Wrong extends Quiet {
      doGET(): void {
        wrong(this);
      }
    }
    await using served = await serveHTTP(Wrong);
    strictEqual((await replyTo(served.addr, request)).status, 500);
    const [error] = await served.untilErrors();
    match(String(error), told);
  });
}

/** What goes wrong behind a head that was sent, and what is reported. */
const LATE_MISUSES: Record<
  string,
  readonly [wrong: (handler: Quiet) => unknown, told: RegExp]
> = {
  "answers and then takes over": [
    (handler) => {
      handler.sendResponse(200);
      handler.endHeaders();
      handler.hijack();
    },
    /Cannot take the connection over: a response of status 200 was sent/,
  ],
  "takes over twice": [
    (handler) => {
      handler.hijack();
      handler.hijack();
    },
    /Cannot take the connection over: the connection was taken over/,
  ],
  "takes over and answers": [
    (handler) => {
      handler.hijack();
      handler.sendResponse(200);
    },
    /Cannot send a response of status 200: the connection was taken over/,
  ],
  "takes over and writes to the old wfile": [
    async (handler) => {
      handler.sendResponse(101);
      handler.endHeaders();
      handler.hijack();
      await handler.wfile.write("x");
    },
    /Cannot write 1 bytes of a body/,
  ],
  "answers 101 and takes nothing over": [
    (handler) => {
      handler.sendResponse(101);
      handler.endHeaders();
    },
    /it was 101, and nobody has taken the connection over; call hijack\(\)/,
  ],
  "takes over and throws what would be an answer": [
    (handler) => {
      handler.hijack();
      throw new HTTPError(404);
    },
    /Not Found/,
  ],
};

for (const [what, [wrong, told]] of Object.entries(LATE_MISUSES)) {
  Deno.test(`a handler that ${what} is reported, and nothing more is sent`, async () => {
    class Wrong extends Quiet {
      async doGET(): Promise<void> {
        await wrong(this);
      }
    }
    await using served = await serveHTTP(Wrong);
    using connection = await Deno.connect(served.addr);
    await writeBytes(connection, UPGRADE);
    const answer = await patiently(readBytes(connection), () => "the end");
    doesNotMatch(answer, /HTTP.*HTTP/s);
    doesNotMatch(answer, /^HTTP\/1.1 [45]|html/);
    const [error, ...others] = await served.untilErrors();
    match(String(error), told);
    deepStrictEqual(others, []);
  });
}

Deno.test("a body that came whole is read when its connection was taken over", async () => {
  class Reader extends Quiet {
    async doPOST(): Promise<void> {
      const { wfile } = this.hijack();
      await wfile.write(await this.rfile.readAll());
    }
  }
  await using served = await serveHTTP(Reader);
  using connection = await Deno.connect(served.addr);
  const request = UPGRADE.replace("GET", "POST").replace(
    "\r\n\r\n",
    "\r\nContent-Length: 5\r\n\r\nhello, and more",
  );
  strictEqual(await exchange(connection, request), "hello");
});

Deno.test("CONNECT of HTTP/1.0 is taken over too", async () => {
  await using served = await serveHTTP(Hijacker);
  using connection = await Deno.connect(served.addr);
  match(
    await exchange(connection, CONNECT.replace("1.1", "1.0"), "hello"),
    /^HTTP\/1\.1 200 Connected\r\n.*\r\n\r\nhello\[end\]$/s,
  );
});

Deno.test("a fetch handler without doCONNECT answers CONNECT with 501", async () => {
  await using served = await serveHTTP(() => new Response("never"));
  strictEqual((await replyTo(served.addr, CONNECT)).status, 501);
});

/** Takes over, and says what becomes of it. */
class Waiting extends Quiet {
  async doGET(): Promise<void> {
    const { rfile, wfile } = this.hijack();
    const aborted = new Promise((resolve) =>
      this.signal.addEventListener("abort", () => resolve("aborted"))
    );
    const told = new Promise((resolve) =>
      this.shutdownSignal.addEventListener("abort", () => resolve("told"))
    );
    await wfile.write("taken");
    const what = await Promise.race([
      rfile.readLine(),
      told,
      ...this.path === "/deaf" ? [aborted] : [],
    ]);
    if (what === "told" && this.path === "/deaf") await aborted;
    await wfile.write(`, ${what}`);
  }
}

Deno.test("requestTimeout ends where a connection is taken over", async () => {
  await using served = await serveHTTP(Waiting, { requestTimeout: 400 });
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, UPGRADE);
  await readUntil(connection, "taken");
  // Another request meets the same limit, which shows that it has gone by.
  class Slow extends Quiet {
    doGET(): Promise<void> {
      return new Promise(() => {});
    }
  }
  await using slow = await serveHTTP(Slow, { requestTimeout: 500 });
  strictEqual((await replyTo(slow.addr, UPGRADE)).status, 503);
  match(String(await slow.untilErrors()), /longer than requestTimeout/);
  await writeBytes(connection, "in time\n");
  strictEqual(await readBytes(connection), ", in time");
  deepStrictEqual(served.errors, []);
});

Deno.test("idleTimeout ends a connection that was taken over and is silent", async () => {
  await using served = await serveHTTP(Waiting, { idleTimeout: 400 });
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, UPGRADE);
  strictEqual(await readBytes(connection), "taken");
  match(String(await served.untilErrors()), /idle for longer/);
});

Deno.test("a connection that was taken over is told of a shutdown, and aborted after it", async () => {
  await using served = await serveHTTP(Waiting);
  using polite = await Deno.connect(served.addr);
  using deaf = await Deno.connect(served.addr);
  await writeBytes(polite, UPGRADE);
  await writeBytes(deaf, UPGRADE.replace("/", "/deaf"));
  await readUntil(polite, "taken");
  await readUntil(deaf, "taken");
  const ended = served.server.shutdown({ gracePeriod: 200 });
  strictEqual(await readBytes(polite), ", told");
  strictEqual(await readBytes(deaf), "");
  await ended;
  match(
    String(await served.untilErrors()),
    /the request did not finish within 200 ms/,
  );
});

Deno.test("a client's reset aborts the signal of a connection that was taken over", async () => {
  const aborted = Promise.withResolvers<unknown>();
  class Reader extends Quiet {
    async doGET(): Promise<void> {
      const { rfile, wfile } = this.hijack();
      this.signal.addEventListener(
        "abort",
        () => aborted.resolve(this.signal.reason),
      );
      await wfile.write("taken");
      await rfile.readAll();
    }
  }
  await using served = await serveHTTP(Reader);
  const client = createConnection(served.addr.port, "127.0.0.1");
  client.write(UPGRADE);
  await once(client, "data");
  client.resetAndDestroy();
  ok(
    await patiently(aborted.promise, () => "the abort") instanceof
      Deno.errors.ConnectionReset,
  );
  const errors = await served.untilErrors();
  ok(errors[0] instanceof Deno.errors.ConnectionReset);
});

Deno.test("what a handler leaves behind of a connection that it took over is reported", async () => {
  class Forgetful extends Quiet {
    doGET(): void {
      const { rfile, wfile } = this.hijack();
      wfile.write("bye");
      rfile.readLine().then(() => {});
    }
  }
  await using served = await serveHTTP(Forgetful);
  using connection = await Deno.connect(served.addr);
  await writeBytes(connection, UPGRADE);
  strictEqual(await readBytes(connection), "bye");
  match(
    String(await served.untilErrors()),
    /Cannot read: the request is finished/,
  );
});
