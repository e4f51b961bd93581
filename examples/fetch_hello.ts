// deno run --allow-net=127.0.0.1:1234 examples/fetch_hello.ts
//
// HTTP on a TCP server: the handler is a function from Request to Response, as
// `Deno.serve` takes it.
//
// Talk to it with `curl http://127.0.0.1:1234/Ada` or a browser. Another port
// is the first argument, and belongs in --allow-net too.

import { run } from "../server/mod.ts";
import { HTTPError, HTTPServer } from "../server/http/mod.ts";

/** Greets whoever the path names. */
export function greet(request: Request): Response {
  if (request.method !== "GET") {
    throw new HTTPError(405, "Only GET is answered", {
      headers: { allow: "GET" },
    });
  }
  return new Response(`Hello, ${nameIn(request.url) || "World"}!\n`);
}

function nameIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.slice(1));
  } catch (cause) {
    throw new HTTPError(400, "The name is not encoded as UTF-8", { cause });
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new HTTPServer({ hostname: "127.0.0.1", port }, greet, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on http://${hostname}:${port}/`),
  });
  await run(server);
}
