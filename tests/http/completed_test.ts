import { match, rejects, strictEqual, throws } from "node:assert";
import { type FetchRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { patiently } from "../_patience.ts";
import { LOOPBACK } from "../_loopback.ts";

/** What a function that answers requests is told beside them. */
interface Info {
  readonly completed: Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** Answers with a body that `go` lets end, or fail. */
function slowly(go: Promise<void>): Response {
  return new Response(
    new ReadableStream({
      async pull(controller) {
        controller.enqueue(bytes("begun"));
        await go;
        controller.close();
      },
    }, { highWaterMark: 0 }),
  );
}

/** A server that answers with `answer`, and keeps what each request was told. */
class Server extends HTTPServer {
  readonly completed: Promise<void>[] = [];

  constructor(answer: () => Response | Promise<Response>) {
    super(LOOPBACK, (_request, { completed }) => {
      this.completed.push(completed);
      return answer();
    }, { onError() {} });
  }

  get url(): string {
    return `http://127.0.0.1:${this.addr.port}/`;
  }

  /** Waits for what became of the `n`th request. */
  async outcome(n: number): Promise<void> {
    await patiently(this.completed[n]!, () => `the end of request ${n}`);
  }
}

Deno.test("code written for Deno.serve is told when its response was sent, here as there", async () => {
  for (const serves of ["HTTPServer", "Deno.serve"]) {
    const end = Promise.withResolvers<void>();
    const told: string[] = [];
    const answer = (_request: Request, { completed }: Info) => {
      completed.then(() => told.push("sent"));
      return slowly(end.promise);
    };
    const ask = async (port: number) => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      const reader = response.body!.getReader();
      await reader.read();
      told.push("begun");
      end.resolve();
      while (!(await reader.read()).done);
    };
    if (serves === "HTTPServer") {
      await using served = await serveForTest(answer, { server: HTTPServer });
      await ask(served.addr.port);
    } else {
      await using server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        answer,
      );
      await ask(server.addr.port);
    }
    // Both have waited for their requests when they are closed.
    strictEqual(told.join(), "begun,sent", serves);
  }
});

Deno.test("each request of a connection has an end of its own", async () => {
  const second = Promise.withResolvers<void>();
  let asked = 0;
  await using served = await serveForTest(
    new Server(() =>
      ++asked === 1 ? new Response("whole") : slowly(second.promise)
    ),
  );
  const { server } = served;
  strictEqual(await (await fetch(server.url)).text(), "whole");
  const response = await fetch(server.url);
  await server.outcome(0);
  let isOver = false;
  void server.completed[1]!.then(() => isOver = true);
  strictEqual(isOver, false);
  second.resolve();
  strictEqual(await response.text(), "begun");
  await server.outcome(1);
});

Deno.test("an error's page completes its request, too", async () => {
  await using served = await serveForTest(
    new Server(() => {
      throw new Error("Thrown");
    }),
  );
  const { server } = served;
  const response = await fetch(server.url);
  strictEqual(response.status, 500);
  await response.body?.cancel();
  await server.outcome(0);
  strictEqual(served.takeErrors().length, 1);
});

Deno.test("where the client leaves before, the promise rejects with what aborted the request", async () => {
  const never = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server(() => slowly(never.promise)),
  );
  const { server } = served;
  const client = new AbortController();
  const response = await fetch(server.url, { signal: client.signal });
  await response.body!.getReader().read();
  client.abort();
  await rejects(server.outcome(0), { name: "AbortError" });
  never.resolve();
});

Deno.test("where the body fails, the promise rejects, and nobody need look at it", async () => {
  const end = Promise.withResolvers<void>();
  await using served = await serveForTest(
    new Server(() => slowly(end.promise)),
  );
  const { server } = served;
  const response = await fetch(server.url);
  const reader = response.body!.getReader();
  await reader.read();
  end.reject(new Error("No more"));
  await rejects(reader.read());
  await rejects(server.outcome(0), /was not sent as a whole/);
  match(String(await served.untilErrors()), /No more/);
});

Deno.test("nothing is completed where no request is served", async () => {
  const handlers: FetchRequestHandler[] = [];
  await using served = await serveForTest((_request, handler) => {
    handlers.push(handler);
    return new Response("x");
  }, { server: HTTPServer });
  const url = `http://127.0.0.1:${served.addr.port}/`;
  await (await fetch(url)).text();
  await served.server.shutdown();
  throws(() => handlers[0]!.completed, Deno.errors.BadResource);
});
