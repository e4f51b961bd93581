import { deepStrictEqual, match } from "node:assert";
import { LOOPBACK } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

/** Runs the client with the permissions for a port of the test's. */
async function ask(port: number) {
  await using client = startExample("udp_time_client", { 1234: port }, [port]);
  const { code, stdout, stderr } = await client.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr };
}

Deno.test("udp_time_client.ts prints the time that udp_time.ts tells", async () => {
  await using server = startExample("udp_time", {}, [0]);
  const { code, stdout, stderr } = await ask(await portOf(server));
  deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  match(stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n$/);
  await end(server);
});

Deno.test("udp_time_client.ts asks again, and says in the end that nobody answers", async () => {
  const server = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  const { port } = server.addr as Deno.NetAddr;
  try {
    const asked = ask(port);
    for (let attempt = 0; attempt < 3; attempt++) await server.receive();
    deepStrictEqual(await asked, {
      ...{ code: 1, stdout: "" },
      stderr: `Nobody answers on 127.0.0.1:${port}\n`,
    });
  } finally {
    server.close();
  }
});
