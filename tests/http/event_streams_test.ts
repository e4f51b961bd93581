// Streams of events that go on until the server shuts down, wherever they are made.

import { deepStrictEqual, ok } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPServer,
  type HTTPServerOptions,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { patiently } from "../_patience.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { Events } from "./_event_handlers.ts";

const WAYS: Readonly<
  Record<string, (options: HTTPServerOptions<Events["config"]>) => HTTPServer>
> = {
  "on the event loop": (options) => new HTTPServer(LOOPBACK, Events, options),
  "in threads that accept": (options) =>
    new ThreadingHTTPServer(LOOPBACK, Events, {
      ...{ accept: "threads", ...options },
    }),
  "in threads where main accepts": (options) =>
    new ThreadingHTTPServer(LOOPBACK, Events, {
      ...{ accept: "main", ...options },
    }),
  "in processes": (options) =>
    new ForkingHTTPServer(LOOPBACK, Events, { maxChildren: 1, ...options }),
};

for (const [way, make] of Object.entries(WAYS)) {
  Deno.test(`${way}, a stream of events has what is broadcast, and its end when the server shuts down`, async () => {
    const posted: unknown[] = [];
    await using served = await serveForTest(
      make({
        config: { first: "hello" },
        onMessage: (message) => void posted.push(message),
      }),
    );
    const { server } = served;
    const { body } = await fetch(`http://127.0.0.1:${server.addr.port}/`);
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    let came = "";
    const until = async (text: string) => {
      while (!came.endsWith(text)) {
        const { value } = await patiently(reader.read(), () => text);
        came += value;
      }
    };
    await until("data: hello\n\n");
    ok(server.broadcast("news") > 0);
    await until("data: news\n\n");
    // It has no grace period but the usual one, which would end the test.
    const ended = server.shutdown();
    await until("data: end: AbortError\n\n");
    deepStrictEqual(await reader.read(), { value: undefined, done: true });
    await ended;
    deepStrictEqual(posted, ["127.0.0.1"]);
  });
}
