import { deepStrictEqual, strictEqual } from "node:assert";
import {
  reachesHandler,
  takesHandler,
} from "../../handlers/http/_connection/reach.ts";
import { IN_REACH } from "../../handlers/http/_inside.ts";
import { FetchRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import type { RequestServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";

const answer = () => new Response("hello");

/** A class of handlers that answer over TCP. */
type FetchClass = new (
  request: Deno.TcpConn,
  clientAddress: Deno.NetAddr,
  server: RequestServer,
) => FetchRequestHandler<Deno.NetAddr>;

class Plain extends FetchRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;
  static readonly text = "hello";
  readonly count: number = 1;
  override fetch(request: Request): Response {
    return new Response(`${Plain.text} ${new URL(request.url).pathname}`);
  }
}

/** Whether a class is seen to have the handler, as its own handlers ask. */
const reaches = (Handler: FetchClass) => reachesHandler(Handler);

Deno.test("a class that names no object does not reach its handler, nor what extends it", () => {
  strictEqual(reaches(Plain), false);
  strictEqual(reaches(class extends Plain {}), false);
  strictEqual(
    reaches(
      class extends Plain {
        override readonly count: number = 2;
        override fetch = answer;
      },
    ),
    false,
  );
});

const kept: unknown[] = [];

for (
  const [how, Handler] of Object.entries<FetchClass>({
    "in fetch()": class extends Plain {
      override fetch(): Response {
        return new Response(this.path);
      }
    },
    "by its super": class extends Plain {
      override fetch(request: Request): Response {
        return super.fetch(request);
      }
    },
    "in a field": class extends Plain {
      readonly own = kept.push(this);
    },
    "in a private method": class extends Plain {
      #keep = () => kept.push(this);
      override fetch(): Response {
        return new Response(`${typeof this.#keep}`);
      }
    },
    "in another step": class extends Plain {
      override setup(): void {
        kept.push(this);
      }
    },
    "in a getter": class extends Plain {
      get mine(): unknown {
        return this;
      }
    },
    "by eval": class extends Plain {
      override fetch(): Response {
        return new Response(`${eval("1")}`);
      }
    },
    "in a class below": class extends (class extends Plain {
      override finish(): void {
        kept.push(this);
      }
    }) {},
  })
) {
  Deno.test(`a class reaches its handler ${how}`, () => {
    strictEqual(reaches(Handler), true);
    strictEqual(reaches(class extends Handler {}), true);
  });
}

Deno.test("a class reaches its handler by what its prototype was given", () => {
  class Changed extends Plain {}
  const { prototype } = Changed;
  strictEqual(reaches(Changed), false);
  prototype.fetch = function (): Response {
    return new Response(this.path);
  };
  strictEqual(reaches(Changed), true);
  class Bound extends Plain {}
  Bound.prototype.fetch = answer.bind(undefined);
  strictEqual(reaches(Bound), true);
  class Hidden extends Plain {}
  Object.defineProperty(Hidden.prototype, Symbol("mine"), {
    get(): unknown {
      return this;
    },
  });
  strictEqual(reaches(Hidden), true);
});

Deno.test("a class made of a function reaches the handler that the function is given", () => {
  const from = (...args: Parameters<typeof FetchRequestHandler.from>) =>
    FetchRequestHandler.from(...args) as FetchClass;
  strictEqual(reachesHandler(FetchRequestHandler), false);
  strictEqual(reaches(from(answer)), false);
  // Each instance asks, of whatever it is one.
  strictEqual(reaches(from(answer)), false);
  strictEqual(reaches(class extends from(answer) {}), false);
  strictEqual(reaches(from((_, handler) => handler && answer())), true);
  strictEqual(reaches(from(answer, {}, false, { onError: answer })), true);
  strictEqual(
    reaches(
      class extends from(answer) {
        override setup(): void {
          kept.push(this);
        }
      },
    ),
    true,
  );
});

for (
  const [what, Handler, isInReach] of [
    ["a function", FetchRequestHandler.from(answer), false],
    [
      "a function that is given it",
      FetchRequestHandler.from((_, handler) => handler && answer()),
      true,
    ],
    ["a class", Plain, false],
  ] as [string, FetchClass, boolean][]
) {
  Deno.test(`a handler of ${what} is ${isInReach ? "" : "not "}in reach`, async () => {
    let seen: boolean | undefined;
    class Seen extends HTTPServer {
      override finishRequest(
        request: Deno.TcpConn,
        clientAddress: Deno.NetAddr,
      ): void | Promise<void> {
        seen = new Handler(request, clientAddress, this)[IN_REACH];
        return super.finishRequest(request, clientAddress);
      }
    }
    await using served = await serveForTest(Handler, { server: Seen });
    strictEqual(
      await (await fetch(`http://127.0.0.1:${served.addr.port}/`)).text() !==
        "",
      true,
    );
    strictEqual(seen, isInReach);
  });
}

Deno.test("only an arrow function of the request alone is not given the handler", () => {
  strictEqual(takesHandler(answer), false);
  strictEqual(takesHandler((_request: Request) => answer()), false);
  strictEqual(takesHandler(async (_request: Request) => await answer()), false);
  strictEqual(
    takesHandler((_: Request, info: unknown) => kept.push(info)),
    true,
  );
  strictEqual(takesHandler((...all: unknown[]) => kept.push(all)), true);
  strictEqual(takesHandler(function () {}), true);
  strictEqual(takesHandler(answer.bind(undefined)), true);
});

for (
  const [what, Base] of [
    ["a class", Plain],
    ["a class made of a function", FetchRequestHandler.from(answer)],
  ] as [string, FetchClass][]
) {
  Deno.test(`what a request has left running has nothing of the next one where its subclass reaches ${what}`, async () => {
    const seen: (string | null)[] = [];
    const next = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    class Leaving extends Base {
      override fetch(request: Request): Response {
        if (request.url.endsWith("/first")) {
          next.promise.then(() => {
            seen.push(this.headers.get("x"));
            done.resolve();
          });
          return new Response("first");
        }
        next.resolve();
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await done.promise;
              controller.close();
            },
          }),
        );
      }
    }
    await using served = await serveForTest(Leaving, { server: HTTPServer });
    await using client = await served.connect();
    await client.wfile.write(
      "GET /first HTTP/1.1\r\nHost: a\r\nX: mine\r\n\r\n" +
        "GET /second HTTP/1.1\r\nHost: a\r\nX: yours\r\nConnection: close\r\n\r\n",
    );
    const text = new TextDecoder().decode(await client.rfile.readAll());
    strictEqual(text.split("HTTP/1.1 200 ").length, 3);
    deepStrictEqual(seen, ["mine"]);
  });
}
