import { deepStrictEqual, match, strictEqual } from "node:assert";
import { end, portOf, startExample } from "./_example.ts";

Deno.test("file_server.ts serves its folder in threads, with what its command permits", async () => {
  await using child = startExample(
    "file_server",
    { 8000: 0 },
    ["examples", 0],
  );
  const url = `http://127.0.0.1:${await portOf(child)}`;
  const own = await Deno.readTextFile(
    new URL("../../examples/file_server.ts", import.meta.url),
  );
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => fetch(`${url}/file_server.ts`)),
  );
  for (const response of responses) {
    strictEqual(response.headers.get("cache-control"), "no-cache");
    strictEqual(await response.text(), own);
  }
  const part = await fetch(`${url}/file_server.ts`, {
    headers: { range: "bytes=3-6" },
  });
  deepStrictEqual([part.status, await part.text()], [206, own.slice(3, 7)]);
  match(await (await fetch(url)).text(), /<a href="file_server\.ts">/);
  const outside = await fetch(`${url}/%2e%2e%2fdeno.json`);
  strictEqual(outside.status, 404);
  await outside.body?.cancel();
  await child.untilStderr(/"GET \/file_server\.ts HTTP\/1\.1" 200 -\n/);
  const { code } = await end(child);
  strictEqual(code, 0);
});
