// Scripts that print whole responses, whose headers nobody parses.
import { deepStrictEqual, match, strictEqual } from "node:assert";
import { isDisconnect } from "../_loopback.ts";
import { patiently } from "../_patience.ts";
import { exists, until } from "../server/processes/_processes.ts";
import { requestOf, Site } from "./_cgi_site.ts";
import { readBytes, writeBytes } from "./_replies.ts";

const HEAD = "HTTP/1.1 299 Own Phrase\r\nX-Own: yes\r\n\r\n";

/** Sends requests, and gives all that comes until the connection ends. */
async function exchange(site: Site, requests: string): Promise<string> {
  using client = await site.connect();
  const [text] = await patiently(
    Promise.all([readBytes(client), writeBytes(client, requests)]),
    () => "the end of the connection",
  );
  return text;
}

const ask = (query: string) => requestOf(`GET /cgi-bin/nph-behave?${query}`);

Deno.test("what an nph- script prints is sent as it is, and the connection closed", async () => {
  await using site = await Site.serve();
  const keeping = (line: string, ...headers: string[]) =>
    requestOf(line, headers).replace("Connection: close\r\n", "");
  const next = requestOf("GET /cgi-bin/query?never");
  strictEqual(
    await exchange(
      site,
      keeping("GET /cgi-bin/nph-behave/a%20b?tell") + next,
    ),
    `${HEAD}GET /cgi-bin/nph-behave/a b `,
  );
  strictEqual(
    await exchange(
      site,
      keeping("POST /cgi-bin/nph-behave?tell", "Content-Length: 5") + "hello",
    ),
    `${HEAD}POST /cgi-bin/nph-behave hello`,
  );
  const chunks = "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
  strictEqual(
    await exchange(
      site,
      keeping("POST /cgi-bin/nph-behave?tell", "Transfer-Encoding: chunked") +
        chunks,
    ),
    `${HEAD}POST /cgi-bin/nph-behave hello!`,
  );
  strictEqual(
    await exchange(site, "GET /cgi-bin/nph-behave?tell HTTP/1.0\r\n\r\n"),
    `${HEAD}GET /cgi-bin/nph-behave `,
  );
  // Nor is it changed where it would not be what is asked for.
  strictEqual(
    await exchange(site, keeping("HEAD /cgi-bin/nph-behave?tell")),
    `${HEAD}HEAD /cgi-bin/nph-behave `,
  );
  deepStrictEqual([site.log, site.served.errors], [[], []]);
});

Deno.test("the beginning of an nph- script's response may come in any parts", async () => {
  await using site = await Site.serve();
  match(await exchange(site, ask("drip")), /^HTTP\/1\.0 200 OK\n+body\n$/);
});

Deno.test("an nph- script that prints no response is answered with 502, and one that hangs with 504", async () => {
  await using site = await Site.serve({ cgiTimeout: 300 });
  const cases = {
    "print-nothing": [502, /it is to print a whole response/],
    "print-header": [502, /it is to print a whole response/],
    "interim": [502, /it is to print a whole response/],
    "hang-early": [504, /it neither took nor gave anything for 300 ms/],
  } as const;
  for (const [query, [status, why]] of Object.entries(cases)) {
    strictEqual((await site.send(ask(query))).status, status, query);
    match(site.log.splice(0)[0]!, why, query);
  }
  deepStrictEqual(site.served.errors, []);
});

Deno.test("an nph- script that hangs, dies or fails behind its beginning ends the connection, and is reported", async () => {
  await using site = await Site.serve({ cgiTimeout: 300 });
  for (
    const [query, why] of [
      ["hang-late", /it neither took nor gave anything for 300 ms/],
      ["die-late", /SIGKILL ended it/],
    ] as const
  ) {
    match(await exchange(site, ask(query)), /^(HTTP\/1\.1 299 [^]*)?$/);
    match(String(await site.served.untilErrors()), why);
  }
  strictEqual(await exchange(site, ask("exit-late")), HEAD);
  match(site.log[0]!, /nph-behave ended with exit code 3/);
});

Deno.test("an nph- script that prints for ever waits for its client, and ends with it", async () => {
  await using site = await Site.serve({}, { allowErrors: isDisconnect });
  let pid: number;
  {
    using client = await site.connect();
    await writeBytes(client, ask("flood"));
    const buffer = new Uint8Array(1024);
    const n = await patiently(client.read(buffer), () => "its beginning");
    const text = new TextDecoder().decode(buffer.subarray(0, n!));
    pid = Number(/X-Pid: (\d+)/.exec(text)![1]);
    strictEqual(exists(pid), true);
  }
  await until(`script ${pid} to be gone`, () => !exists(pid));
});

Deno.test("an nph- script's response is logged with its status", async () => {
  const statuses: unknown[] = [];
  await using site = await Site.serve({
    onRequest: (code) => statuses.push(code),
  });
  await exchange(site, ask("tell"));
  deepStrictEqual(statuses, [299]);
});
