/** A service that does what its first argument says, in a terminal. */
import {
  inheritedSockets,
  restart,
  sdNotify,
  type StreamRequestHandler,
  TCPServer,
  UnixStreamServer,
} from "../../mod.ts";

const [what = ""] = Deno.args;
const fd = what === "notify" ? undefined : inheritedSockets()[0]?.fd;

switch (what) {
  case "notify":
    try {
      console.log(`told ${await sdNotify("READY=1")};`);
    } catch (error) {
      console.log(`refused: ${error};`);
    }
    break;
  case "inherited unix":
    await new UnixStreamServer({ fd: fd! }, greet, { onListen }).serveForever();
    break;
  case "restarted": {
    if (fd !== undefined) {
      await makeServer({ fd }).serveForever();
      break;
    }
    const hostname = "127.0.0.1";
    const server = makeServer({ hostname, port: 0, inheritable: true });
    void server.serveForever();
    const net = `--allow-net=${hostname}:${server.addr.port}`;
    const args = [
      "run",
      "--no-config",
      net,
      "--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES",
      import.meta.filename!,
      what,
    ];
    try {
      console.log(`restarted as ${await restart(server, { args })};`);
    } catch (error) {
      console.log(`refused: ${error};`);
      await server.shutdown();
    }
  }
}

function makeServer(address: ConstructorParameters<typeof TCPServer>[0]) {
  return new TCPServer(address, greet, { onListen });
}

async function greet({ wfile }: StreamRequestHandler): Promise<void> {
  await wfile.write("served\n");
}

function onListen(): void {
  console.log("ready;");
}
