/**
 * A server that has a successor on SIGHUP. The first argument says how the first
 * gets its socket, "inheritable" or the path of one, the second which successor
 * there is.
 */
import {
  inheritedSockets,
  restart,
  StreamRequestHandler,
  TCPServer,
  UnixStreamServer,
} from "../../../mod.ts";

class Who extends StreamRequestHandler {
  override async handle() {
    for await (const line of this.rfile) {
      await this.wfile.write(`${line} ${Deno.pid}\n`);
    }
  }
}

const [how = "", successor = ""] = Deno.args;
const [inherited] = inheritedSockets();
const isUnix = how.startsWith("/");
const server = isUnix
  ? new UnixStreamServer(inherited ?? { path: how, inheritable: true }, Who)
  : new TCPServer(
    inherited ??
      { hostname: "127.0.0.1", port: 0, inheritable: how === "inheritable" },
    Who,
  );
const main = import.meta.filename!;
const flags = ["run", "--quiet", "--no-prompt", "--no-config"];
const allowed = ["--allow-net", "--allow-env", "--allow-run=deno"];
const args = {
  "": [...flags, ...allowed, main, how],
  "that may do nothing": [...flags, "--allow-env", main],
  "that ends": ["eval", "Deno.exit(3)"],
  "that does not serve": ["eval", "setInterval(() => {}, 1000)"],
}[successor]!;

async function start(): Promise<void> {
  try {
    const pid = await restart(server, {
      args,
      readyTimeout: successor === "that does not serve" ? 1_000 : 30_000,
    });
    console.log(`handed over to ${pid}`);
    if (!isUnix) Deno.exit();
    // Or it ends by itself, which must not take the socket's file away.
    Deno.removeSignalListener("SIGHUP", start);
  } catch (error) {
    console.log(`kept: ${error}`);
  }
}
Deno.addSignalListener("SIGHUP", start);
console.log(`ready ${Deno.pid} ${JSON.stringify(server.addr)}`);
await server.serveForever();
