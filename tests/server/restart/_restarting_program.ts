/**
 * A server that has a successor on SIGHUP. The first argument says how the first
 * gets its socket, the second which successor there is.
 */
import {
  inheritedSockets,
  restart,
  StreamRequestHandler,
  TCPServer,
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
const server = new TCPServer(
  inherited === undefined
    ? { hostname: "127.0.0.1", port: 0, inheritable: how === "inheritable" }
    : { fd: inherited.fd },
  Who,
);
const main = import.meta.filename!;
const flags = ["run", "--quiet", "--no-prompt", "--no-config"];
const allowed = ["--allow-net", "--allow-env", "--allow-run=deno"];
const args = {
  "": [...flags, ...allowed, main],
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
    Deno.exit();
  } catch (error) {
    console.log(`kept: ${error}`);
  }
}
Deno.addSignalListener("SIGHUP", start);
console.log(`ready ${Deno.pid} ${JSON.stringify(server.addr)}`);
await server.serveForever();
