import { match, strictEqual } from "node:assert";
import { patiently } from "../_patience.ts";
import { requestOf } from "./_cgi_site.ts";
import { FilesSite } from "./_files_site.ts";
import { readBytes } from "./_replies.ts";

// That files are closed whatever happens, Deno's resource sanitizer sees to.

/** More than the buffers of a connection hold. */
const LARGE = 64 * 2 ** 20;

/** Asks for a large file, and reads the beginning of it. */
async function begin(site: FilesSite): Promise<Deno.TcpConn> {
  await Deno.writeTextFile(site.at("large"), "");
  await Deno.truncate(site.at("large"), LARGE);
  const connection = await site.connect();
  await connection.write(new TextEncoder().encode(requestOf("GET /large")));
  await connection.read(new Uint8Array(1000));
  return connection;
}

Deno.test("SimpleHTTPRequestHandler ends the connection when a file is cut short", async () => {
  await using site = await FilesSite.serve({});
  using connection = await begin(site);
  await Deno.truncate(site.at("large"), 1000);
  const rest = await patiently(readBytes(connection), () => "the end");
  strictEqual(rest.length < LARGE, true);
  const [error] = await site.served.untilErrors();
  match(
    String(error),
    /Cannot send 67108864 bytes of a file: it was cut short and ended after \d+/,
  );
});

Deno.test("SimpleHTTPRequestHandler sends what it announced of a file that grows", async () => {
  await using site = await FilesSite.serve({});
  using connection = await begin(site);
  await Deno.truncate(site.at("large"), 2 * LARGE);
  const rest = await patiently(readBytes(connection), () => "the end");
  strictEqual(rest.length <= LARGE, true);
  strictEqual(rest.length > LARGE - 1000, true);
  strictEqual(site.served.errors.length, 0);
});

Deno.test("SimpleHTTPRequestHandler sends a file that was replaced or removed to its end", async () => {
  await using site = await FilesSite.serve({ other: "other" });
  using connection = await begin(site);
  await Deno.rename(site.at("other"), site.at("large"));
  await Deno.remove(site.at("large"));
  const rest = await patiently(readBytes(connection), () => "the end");
  strictEqual(rest.length > LARGE - 1000, true);
  strictEqual(site.served.errors.length, 0);
});

Deno.test("SimpleHTTPRequestHandler closes its file when the client goes away", async () => {
  await using site = await FilesSite.serve({ "a.txt": "text" });
  const connection = await begin(site);
  // With bytes left unread this resets it.
  connection.close();
  const [error] = await site.served.untilErrors();
  match(String(error), /^(ConnectionReset|BrokenPipe)/);
  strictEqual((await site.get("/a.txt")).body, "text");
});

Deno.test("SimpleHTTPRequestHandler closes its file when it is shut down", async () => {
  await using site = await FilesSite.serve({});
  using connection = await begin(site);
  await site.served.server.shutdown({ gracePeriod: 0 });
  match(String(site.served.takeErrors()), /did not finish within 0 ms/);
  const rest = await patiently(readBytes(connection), () => "the end");
  strictEqual(rest.length < LARGE, true);
});
