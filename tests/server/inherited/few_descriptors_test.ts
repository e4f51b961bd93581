import { deepStrictEqual } from "node:assert";
import { Child, Folder } from "../../_program.ts";

const CLIENTS = 200;
/** Many fewer than there are clients; Deno itself takes some 25. */
const DESCRIPTORS = 90;

const PROGRAM = (mod: string) => `
import { TCPServer } from "${mod}";
const server = new TCPServer(
  { hostname: "127.0.0.1", port: 0, inheritable: true },
  async ({ rfile, wfile }) => {
    await wfile.write(\`<\${await rfile.readLine()}>\`);
  },
);
console.log("ready", server.addr.port);
await server.serveForever();
`;

Deno.test("a handle that finds no descriptor free serves all that wait, one after the other", async () => {
  await using folder = new Folder();
  const file = folder.at("program.ts");
  const mod = new URL("../../../mod.ts", import.meta.url).href;
  await Deno.writeTextFile(file, PROGRAM(mod));
  await using child = new Child("sh", [
    "-c",
    `ulimit -n ${DESCRIPTORS}; exec "$0" run --quiet --no-config -A "$1"`,
    ...[Deno.execPath(), file],
  ]);
  const [, port] = await child.until(/ready (\d+)\n/);
  const clients = await Promise.all(
    Array.from(
      { length: CLIENTS },
      () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) }),
    ),
  );
  const answers = await Promise.all(clients.map(async (client, i) => {
    await client.write(new TextEncoder().encode(`${i}\n`));
    return await new Response(
      client.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
    ).text();
  }));
  deepStrictEqual(answers, clients.map((_, i) => `<${i}>`));
});
