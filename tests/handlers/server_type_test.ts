// A handler on the event loop knows the class of its server.

import { strictEqual } from "node:assert";
import { StreamRequestHandler, TCPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask } from "../_loopback.ts";

class Room extends TCPServer {
  readonly members = new Set<string>();
}

class Member extends StreamRequestHandler<Deno.NetAddr, Room> {
  override async handle() {
    const { members } = this.server;
    members.add(`${await this.rfile.readLine()}`);
    await this.wfile.write([...members].join(" "));
  }
}

Deno.test("a handler names the class of its server, and has its members without a cast", async () => {
  await using served = await serveForTest(Member, { server: Room });
  strictEqual(await ask(served.addr, "ann\n"), "ann");
  strictEqual(await ask(served.addr, "bob\n"), "ann bob");
});
