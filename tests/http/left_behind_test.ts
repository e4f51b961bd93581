// What a handler of HTTP has not awaited harms neither others nor later responses.

import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  BaseHTTPRequestHandler,
  CGIHTTPRequestHandler,
  FetchRequestHandler,
  HTTPServer,
} from "../../server/http/mod.ts";
import { TCPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { readMatch } from "./_raw_client.ts";
import { LOOPBACK } from "../_loopback.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const elapse = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

Deno.test("a doPOST() that does not await its work ends nothing, and is reported", async () => {
  class Forgetful extends BaseHTTPRequestHandler<Deno.NetAddr> {
    override logMessage() {}
    doPOST() {
      void this.#work();
    }
    async #work() {
      await this.rfile.readAll();
      await elapse(0);
      this.sendResponse(200);
      this.endHeaders();
      await this.wfile.write("x");
    }
  }
  await using served = await serveForTest(Forgetful, { server: HTTPServer });
  using client = await Deno.connect(served.addr);
  await client.write(
    encode("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
  );
  match(await readMatch(client, /\r\n\r\n/), /^HTTP\/1.1 500 /);
  // An unhandled rejection would fail the test.
  for (const error of await served.untilErrors(2)) {
    match(`${error}`, /the handler sent none; await|did handle\(\) await/);
  }
});

Deno.test("a late write is no part of a response that has ended", async () => {
  const late = Promise.withResolvers<unknown>();
  class Late extends BaseHTTPRequestHandler<Deno.NetAddr> {
    override logMessage() {}
    doGET() {
      if (this.path === "/late") {
        setTimeout(() => {
          this.wfile.write("HTTP/1.1 200 forged").then(
            late.resolve,
            late.resolve,
          );
        }, 20);
      }
      this.sendResponse(200);
      this.endHeaders();
    }
  }
  await using served = await serveForTest(Late, { server: HTTPServer });
  using client = await Deno.connect(served.addr);
  await client.write(encode("GET /late HTTP/1.1\r\nHost: a\r\n\r\n"));
  await readMatch(client, /\r\n\r\n/);
  match(`${await late.promise}`, /the request is finished/);
  await client.write(encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const next = await readMatch(client, /\r\n\r\n/);
  strictEqual(next.includes("forged"), false, next);
  match(next, /^HTTP\/1.1 200 /);
});

Deno.test("what a request has left running has nothing of the next request", async () => {
  const begun = Promise.withResolvers<void>();
  const late = Promise.withResolvers<readonly string[]>();
  const said = async (call: () => unknown) => {
    try {
      return `${await call()}`;
    } catch (error) {
      return `${error}`;
    }
  };
  class Late extends BaseHTTPRequestHandler<Deno.NetAddr> {
    override logMessage() {}
    async doPOST() {
      if (this.path === "/first") void this.#late(this.signal);
      else {
        // Its response is to be had at first, then its body's.
        begun.resolve();
        const told = await late.promise;
        this.sendResponse(200);
        this.endHeaders();
        await this.wfile.write(told.join("\n"));
        return;
      }
      this.sendResponse(200);
      this.endHeaders();
    }
    async #late(own: AbortSignal) {
      await begun.promise;
      const told = [
        await said(() => this.wfile.write("forged")),
        await said(() => this.rfile.readAll()),
        await said(() => this.sendResponse(403)),
        await said(() => this.sendHeader("a", "b")),
        await said(() => this.endHeaders()),
        await said(() => this.sendError(403)),
        await said(() => this.headers.get("x")),
        await said(() => this.signal === own),
      ];
      late.resolve(told);
    }
  }
  await using served = await serveForTest(Late, { server: HTTPServer });
  using client = await Deno.connect(served.addr);
  const post = (path: string) =>
    client.write(
      encode(
        `POST ${path} HTTP/1.1\r\nHost: a\r\nX: ${path}\r\nContent-Length: 6\r\n\r\nsecret`,
      ),
    );
  await post("/first");
  match(await readMatch(client, /\r\n\r\n0\r\n\r\n/), /^HTTP\/1.1 200 /);
  await post("/second");
  const [head, body] = (await readMatch(client, /\r\n0\r\n\r\n/)).split(
    "\r\n\r\n",
  );
  match(head!, /^HTTP\/1.1 200 /);
  deepStrictEqual(body!.split(/\r?\n/).slice(1, -1), [
    "BadResource: Cannot write: the request is finished; did handle() await all that it started?",
    "BadResource: Cannot read the body: the request is finished; did its handler await all that it started?",
    "BadResource: Cannot send a response of status 403: the request is finished; did handle() await all that it started?",
    'BadResource: Cannot send the header "a": the request is finished; did handle() await all that it started?',
    "BadResource: Cannot end the headers: the request is finished; did handle() await all that it started?",
    "BadResource: Cannot send an error of status 403: the request is finished; did handle() await all that it started?",
    "/first",
    "true",
  ]);
});

for (
  const [what, construct] of [
    ["a limit of a class", () =>
      new TCPServer(
        LOOPBACK,
        class extends FetchRequestHandler<Deno.NetAddr> {
          static override readonly limits = { maxBodySiz: 1 } as object;
        },
      )],
    ["a limit of from()", () =>
      FetchRequestHandler.from(() => new Response(), {
        maxBodySiz: 1,
      } as object)],
    ["a number of scripts that is text", () =>
      new TCPServer(
        LOOPBACK,
        class extends CGIHTTPRequestHandler<Deno.NetAddr> {
          static override readonly maxScripts = "3" as unknown as number;
        },
      )],
  ] as const
) {
  Deno.test(`${what} is refused when it is given`, () => {
    throws(construct, /Cannot (limit|run|queue)/);
  });
}

const BODIES: Record<string, (request: Request) => Promise<unknown>> = {
  "text()": (request) => request.text(),
  "a pipe": ({ body }) => body!.pipeTo(new WritableStream()),
  "a clone": (request) => request.clone().arrayBuffer(),
  "one half of a tee": ({ body }) => new Response(body!.tee()[0]).text(),
  "iteration": ({ body }) => Array.fromAsync(body!),
  "an error around it": async (request) => {
    try {
      await request.json();
    } catch (cause) {
      throw new Error("Cannot work", { cause });
    }
  },
  "the signal": ({ signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    ),
};

for (
  const [what, read, when, wait] of Object.entries(BODIES).flatMap((
    [what, read],
  ) =>
    [
      [what, read, "at once", 0],
      // Requests that take long are looked after, once.
      [what, read, "after a while", 30],
    ] as const
  )
) {
  Deno.test(`a client that leaves ${when} ends no server whose handler forgot to await ${what}, and its request`, async () => {
    const asked = Promise.withResolvers<void>();
    await using served = await serveForTest(
      (request) => {
        void read(request);
        asked.resolve();
        return new Promise<Response>((answer) =>
          request.signal.addEventListener("abort", () => answer(new Response()))
        );
      },
      { server: HTTPServer },
    );
    const client = await Deno.connect(served.addr);
    // Nobody looks whether a client has left whose body waits to be read.
    const length = what === "the signal" ? 0 : 5;
    await client.write(
      encode(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${
          "he".slice(0, length)
        }`,
      ),
    );
    await asked.promise;
    await new Promise((resolve) => setTimeout(resolve, wait));
    client.close();
    // An unhandled rejection would fail the test.
    await served.untilErrors();
  });
}
