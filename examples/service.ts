// deno run --unstable-net --allow-env --allow-net --allow-read=/run --allow-write=/run --allow-run=deno examples/service.ts
//
// A service as systemd starts it: examples/systemd/ has its unit and its socket. It
// tells systemd when it serves, and again and again that it does still, and has
// another process take over on SIGHUP, which no client notices. Without systemd it listens on a port, which is the first
// argument, 1234 unless given.

import {
  inheritedSockets,
  restart,
  run,
  StreamRequestHandler,
  TCPServer,
} from "../mod.ts";

class Greeter extends StreamRequestHandler {
  override async handle() {
    await this.wfile.write(`Hello from process ${Deno.pid}\n`);
  }
}

/** What a successor may do is what this process may. */
const FLAGS = [
  ...["--unstable-net", "--allow-env", "--allow-net", "--allow-run=deno"],
  ...["--allow-read=/run", "--allow-write=/run", "--no-prompt", "--quiet"],
];

if (import.meta.main) {
  const [inherited] = inheritedSockets();
  const port = Number(Deno.args[0] ?? 1234);
  const server = new TCPServer(
    inherited === undefined
      ? { port, inheritable: true }
      : { fd: inherited.fd },
    Greeter,
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  Deno.addSignalListener("SIGHUP", async () => {
    try {
      const args = ["run", ...FLAGS, import.meta.filename!, ...Deno.args];
      await restart(server, { args });
      Deno.exit();
    } catch (error) {
      console.error("It goes on as it was:", error);
    }
  });
  // It tells systemd, and drains on SIGTERM.
  await run(server);
}
