import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

const nc = new Program("nc.openbsd", "netcat-openbsd");

Deno.test("udp_time.ts answers each datagram, an empty one too, with the time", async () => {
  await using child = startExample("udp_time", {}, [0]);
  const port = await portOf(child);
  const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  for (const question of ["what time is it?", ""]) {
    const before = Date.now();
    await client.send(
      new TextEncoder().encode(question),
      { transport: "udp", hostname: "127.0.0.1", port },
    );
    const [answer] = await client.receive();
    const text = new TextDecoder().decode(answer);
    match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n$/);
    const time = Date.parse(text.trim());
    ok(before <= time && time <= Date.now(), text);
  }
  client.close();
  const { code, stderr } = await end(child);
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
});

testWith(
  [nc],
  "udp_time.ts tells nc the time and ends on SIGTERM",
  async () => {
    await using child = startExample("udp_time", {}, [0]);
    await using client = nc.start(
      ...["-u", "-W", "1", "127.0.0.1", `${await portOf(child)}`],
    );
    await client.send("\n");
    await client.until(/^\d{4}-.*Z\n/);
    strictEqual((await client.output()).code, 0);
    strictEqual((await end(child, "SIGTERM")).code, 0);
  },
);
