import { rejects, strictEqual } from "node:assert";
import { resetConnection } from "../../../server/_closing/reset.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { Folder } from "../../_program.ts";

/** Two connected ends. */
async function connected() {
  const listener = Deno.listen(LOOPBACK);
  const client = await Deno.connect({ ...LOOPBACK, port: listener.addr.port });
  const server = await listener.accept();
  listener.close();
  return { client, server };
}

/** Reads until the end, and returns how much there was. */
async function drain(connection: Deno.Conn): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let total = 0;
  for (let n; (n = await connection.read(buffer)) !== null;) total += n;
  return total;
}

Deno.test("a connection that is reset looks ended to nobody, even where all had been sent", async () => {
  const { client, server } = await connected();
  await server.write(new Uint8Array(1_000));
  strictEqual(await resetConnection(server, false), true);
  await rejects(drain(client), Deno.errors.ConnectionReset);
  client.close();
});

Deno.test("a connection that is reset keeps nothing back, whatever was on its way", async () => {
  const { client, server } = await connected();
  const all = new Uint8Array(64 * 1024 * 1024);
  // As much as the kernel takes, which nobody has read.
  const written = await server.write(all);
  strictEqual(written < all.length, true);
  strictEqual(await resetConnection(server, false), true);
  await rejects(drain(client), Deno.errors.ConnectionReset);
  client.close();
});

Deno.test("a connection that is reset while something reads from it is closed all the same", async () => {
  for (const unsent of [0, 64 * 1024 * 1024]) {
    const { client, server } = await connected();
    const reading = server.read(new Uint8Array(1)).catch((error) => error);
    if (unsent > 0) await server.write(new Uint8Array(unsent));
    strictEqual(await resetConnection(server, true), true);
    if (unsent > 0) {
      await rejects(drain(client), Deno.errors.ConnectionReset);
    } else await drain(client).catch(() => {});
    client.close();
    strictEqual(await reading instanceof Error, true);
  }
});

Deno.test("what has no reset is left as it was", async () => {
  await using folder = new Folder();
  const path = folder.at("socket");
  const listener = Deno.listen({ transport: "unix", path });
  const client = await Deno.connect({ transport: "unix", path });
  const server = await listener.accept();
  listener.close();
  strictEqual(await resetConnection(server, false), false);
  const wrapped = { remoteAddr: TCP } as unknown as Deno.Conn;
  strictEqual(await resetConnection(wrapped, false), false);
  await server.write(new Uint8Array(1));
  server.close();
  strictEqual(await drain(client), 1);
  client.close();
});

const TCP: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};
