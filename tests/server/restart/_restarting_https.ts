/**
 * A server of HTTPS that has a successor on SIGHUP. The arguments are the files of
 * its certificate and of its key.
 */
import { inheritedSockets, restart } from "../../../mod.ts";
import { HTTPSServer } from "../../../server/http/mod.ts";

const [certFile = "", keyFile = ""] = Deno.args;
const inherited = inheritedSockets()[0] ??
  { hostname: "127.0.0.1", port: 0, inheritable: true };
const server = new HTTPSServer(
  {
    ...inherited,
    cert: Deno.readTextFileSync(certFile),
    key: Deno.readTextFileSync(keyFile),
  },
  () => new Response("served\n"),
);
const args = [
  ...["run", "--quiet", "--no-prompt", "--no-config", "--allow-net"],
  ...["--allow-env", "--allow-run=deno", "--allow-read"],
  ...[import.meta.filename!, certFile, keyFile],
];
Deno.addSignalListener("SIGHUP", async () => {
  console.log(`handed over to ${await restart(server, { args })}`);
  Deno.exit();
});
console.log(`ready ${Deno.pid} ${JSON.stringify(server.addr)}`);
await server.serveForever();
