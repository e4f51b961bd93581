import { deepStrictEqual, match, strictEqual } from "node:assert";
import { end, portOf, startExample } from "./_example.ts";

/** Starts the example on a free port. */
async function start() {
  // Nobody else may be able to read the Deno that runs this.
  const child = startExample("cgi_server", {}, [0, "as-server"]);
  const origin = `http://127.0.0.1:${await portOf(child)}`;
  return {
    child,
    origin,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Asks on a connection of its own, so that none is left open. */
async function ask(url: string, init: RequestInit = {}) {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const response = await fetch(url, { ...init, client });
  return { status: response.status, text: await response.text() };
}

Deno.test("cgi_server.ts greets whom the query or the form names", async () => {
  await using example = await start();
  const script = `${example.origin}/cgi-bin/greet.ts`;
  match((await ask(script)).text, /What is your name\?/);
  match((await ask(`${script}?name=Ada`)).text, /<p>Hello, Ada!<\/p>/);
  const { status, text } = await ask(script, {
    method: "POST",
    body: new URLSearchParams({ name: '<Grace & "Co">' }),
  });
  strictEqual(status, 200);
  match(text, /<p>Hello, &lt;Grace &amp; &quot;Co&quot;&gt;!<\/p>/);
  const { code, stderr } = await end(example.child);
  strictEqual(code, 0);
  match(stderr, /"POST \/cgi-bin\/greet\.ts HTTP\/1\.1" 200/);
});

Deno.test("cgi_server.ts serves files, and of scripts only what they print", async () => {
  await using example = await start();
  const { origin } = example;
  match((await ask(`${origin}/cgi_server.ts`)).text, /^\/\/ deno run/);
  deepStrictEqual(
    await Promise.all(
      ["/cgi-bin/", "/cgi-bin/none"].map(
        async (path) => (await ask(origin + path)).status,
      ),
    ),
    [403, 404],
  );
});
