/** A server that answers with 24 bytes, and has a successor on SIGHUP. */
import { inheritedSockets, restart, TCPServer } from "../../mod.ts";

const address = inheritedSockets()[0] ??
  { hostname: "127.0.0.1", port: 0, inheritable: true };
const server = new TCPServer(
  address,
  ({ wfile }) => wfile.write("Thank you for connecting"),
);
const args = [
  ...["run", "--quiet", "--allow-net", "--allow-env", "--allow-run=deno"],
  import.meta.filename!,
];
Deno.addSignalListener("SIGHUP", async () => {
  const pid = await restart(server, { args });
  console.log(`handed over to ${pid}`);
  Deno.exit();
});
console.log(`ready ${Deno.pid} ${server.addr.port}`);
await server.serveForever();
