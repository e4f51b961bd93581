import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { ScriptRoom } from "../../handlers/http/_cgi/script_room.ts";
import { readAll } from "../_loopback.ts";
import { requestOf, Site } from "./_cgi_site.ts";

/** A script that runs until its client resets the connection. */
async function runOne(site: Site): Promise<Socket> {
  const client = createConnection(site.addr.port, site.addr.hostname);
  client.write(requestOf("GET /cgi-bin/behave?hang-late"));
  await once(client, "data");
  return client;
}

async function reset(client: Socket): Promise<void> {
  client.resetAndDestroy();
  await once(client, "close");
}

/** Waits until something is so, and asks for a file meanwhile. */
async function until(site: Site, isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    ok(tries < 10_000, `it did not become so: ${isSo}`);
    strictEqual((await site.get("/files/missing")).status, 404);
  }
}

function untilWaiting(site: Site, count: number): Promise<void> {
  return until(site, () => site.room.waiting === count);
}

Deno.test("no more than maxScripts CGI scripts run at once, and the others wait in order", async () => {
  await using site = await Site.serve({ maxScripts: 2 });
  const running = [await runOne(site), await runOne(site)];
  const order: number[] = [];
  const waiting: Promise<void>[] = [];
  for (let i = 1; i <= 5; i++) {
    const answered = site.get(`/cgi-bin/query?${i}`).then(({ body }) => {
      order.push(Number(body));
    });
    waiting.push(answered);
    await untilWaiting(site, i);
  }
  // One place becomes free, through which all of them go.
  await reset(running[0]!);
  await Promise.all(waiting);
  deepStrictEqual(order, [1, 2, 3, 4, 5]);
  strictEqual(site.room.waiting, 0);
  await reset(running[1]!);
  await site.served.untilErrors(2);
});

Deno.test("a client that leaves while its CGI script is waited for leaves the queue", async () => {
  await using site = await Site.serve({ maxScripts: 1 });
  const running = await runOne(site);
  const leaving = createConnection(site.addr.port, site.addr.hostname);
  leaving.write(requestOf("GET /cgi-bin/query?leaving"));
  await untilWaiting(site, 1);
  const next = site.get("/cgi-bin/query?next");
  await untilWaiting(site, 2);
  await reset(leaving);
  await untilWaiting(site, 1);
  await reset(running);
  strictEqual((await next).body, "next");
  await site.served.untilErrors(2);
});

Deno.test("a request that waits too long for a CGI script is answered with 503", async () => {
  await using site = await Site.serve({ maxScripts: 1, cgiQueueTimeout: 1 });
  const running = await runOne(site);
  const { status, headers } = await site.get("/cgi-bin/query?late");
  strictEqual(status, 503);
  strictEqual(headers.get("retry-after"), "1");
  // Files need no place.
  strictEqual((await site.get("/files/missing")).status, 404);
  await reset(running);
  await site.served.untilErrors();
  strictEqual((await site.get("/cgi-bin/query?again")).body, "again");
});

Deno.test("a CGI script that redirects to another needs one place at a time", async () => {
  await using site = await Site.serve({
    maxScripts: 1,
    cgiQueueTimeout: 20_000,
  });
  const { body } = await site.get(
    "/cgi-bin/behave?redirect-to=/cgi-bin/query?there",
  );
  strictEqual(body, "there");
});

Deno.test("the bodies that are collected for CGI scripts have one room", async () => {
  await using site = await Site.serve({ maxScripts: 2, maxSpooledBody: 1_000 });
  const head = requestOf("POST /cgi-bin/echo", [
    "Content-Type: text/plain",
    "Transfer-Encoding: chunked",
  ]);
  const chunk = (size: number) =>
    `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
  const end = "0\r\n\r\n";
  const slow = [await site.connect(), await site.connect()];
  for (const [i, client] of slow.entries()) {
    await client.write(new TextEncoder().encode(head + chunk(900)));
    // Another that came between them would take the room of the second.
    await until(site, () => site.room.spooled === (i + 1) * 900);
  }
  const { status, headers } = await site.send(head + chunk(900) + end);
  strictEqual(status, 503);
  strictEqual(headers.get("retry-after"), "1");
  const { body } = await site.send(head + chunk(100) + end);
  strictEqual(body, "x".repeat(100));
  await until(site, () => site.room.spooled === 1_800);
  // One leaves, and its room is another's.
  slow[0]!.close();
  await until(site, () => site.room.spooled === 900);
  strictEqual((await site.send(head + chunk(900) + end)).status, 200);
  await slow[1]!.write(new TextEncoder().encode(end));
  match(await readAll(slow[1]!), /^HTTP\/1\.1 200 [^]*x{900}/);
  await until(site, () => site.room.spooled === 0);
});

Deno.test("limits of CGI scripts that are out of range are refused", async () => {
  const limits = { maxScripts: 1, cgiQueueTimeout: 0, maxSpooledBody: 0 };
  new ScriptRoom(limits);
  for (const name of Object.keys(limits)) {
    for (const value of [-1, NaN, "1"]) {
      throws(
        () => new ScriptRoom({ ...limits, [name]: value }),
        new RegExp(
          `^RangeError: Cannot run CGI scripts: ${name} must be a number of at least`,
        ),
      );
    }
  }
  throws(() => new ScriptRoom({ ...limits, maxScripts: 0 }), RangeError);
  // Before anybody is served.
  await rejects(Site.serve({ maxScripts: 0 }), RangeError);
});
