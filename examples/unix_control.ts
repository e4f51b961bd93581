// deno run --allow-read=/tmp/control.sock --allow-write=/tmp/control.sock --allow-net=unix:/tmp/control.sock examples/unix_control.ts /tmp/control.sock
//
// A control channel for the user who started it and nobody else: the mode of
// the socket file is the access control. And a handler may shut its own server
// down.
//
// Talk to it with `nc -U /tmp/control.sock`: status, uptime, stop.

import { run, StreamRequestHandler, UnixStreamServer } from "../mod.ts";

export class ControlHandler extends StreamRequestHandler<Deno.UnixAddr> {
  override async handle() {
    for await (const command of this.rfile) {
      switch (command.trim()) {
        case "status":
          await this.wfile.write(`running as process ${Deno.pid}\n`);
          break;
        case "uptime":
          await this.wfile.write(`${Math.floor(performance.now() / 1000)} s\n`);
          break;
        case "stop":
          // Waits for the other requests, not for this one.
          await this.server.shutdown({ gracePeriod: 500 });
          return await this.wfile.write("stopped\n");
        default:
          await this.wfile.write("commands: status, uptime, stop\n");
      }
    }
  }
}

if (import.meta.main) {
  const path = Deno.args[0] ?? "/tmp/control.sock";
  const server = new UnixStreamServer({ path }, ControlHandler, {
    mode: 0o600,
    // A server that was killed leaves its socket file behind.
    reclaim: true,
    onListen: ({ path }) => console.log(`Listening on ${path}`),
  });
  await run(server, { gracePeriod: 500 });
}
