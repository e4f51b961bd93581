import { match, strictEqual } from "node:assert";
import { closing, exchange } from "../http/_raw_client.ts";
import { end, portOf, startExample } from "./_example.ts";

Deno.test("fetch_hello greets whoever the path names", async () => {
  await using child = startExample(
    "fetch_hello",
    { "127.0.0.1:1234": "127.0.0.1:0" },
    [0],
  );
  const port = await portOf(child);
  const addr = { hostname: "127.0.0.1", port, transport: "tcp" } as const;
  match(
    await exchange(addr, closing("GET /J%C3%BCrgen HTTP/1.1")),
    /^HTTP\/1.1 200 [^]*\r\n\r\nHello, Jürgen!\n$/,
  );
  match(
    await exchange(addr, closing("GET / HTTP/1.1")),
    /\r\n\r\nHello, World!\n$/,
  );
  match(
    await exchange(addr, closing("POST / HTTP/1.1")),
    /^HTTP\/1.1 405 [^]*allow: GET\r\n/,
  );
  // A bad escape is the client's mistake, and the server goes on.
  match(
    await exchange(addr, closing("GET /%ff HTTP/1.1")),
    /^HTTP\/1.1 400 /,
  );
  strictEqual((await end(child)).code, 0);
});
