// Makes a server of the kind that its first argument names where as few
// descriptors are left as the second says, then with one more each time, until
// three have served or the third is passed. Prints what comes of each, and serves
// until a client ends it. Given "stack", it prints the stack of an error while none
// is left.

import * as all from "../../mod.ts";
import * as http from "../../server/http/mod.ts";
import { farError } from "./_far_error.ts";
import { Line, Packet, Page } from "./_scarce_handlers.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

const kinds = {
  ThreadingTCPServer: () => new all.ThreadingTCPServer(LOOPBACK, Line),
  ThreadingUDPServer: () => new all.ThreadingUDPServer(LOOPBACK, Packet),
  ThreadingHTTPServer: () => new http.ThreadingHTTPServer(LOOPBACK, Page),
  ForkingTCPServer: () => new all.ForkingTCPServer(LOOPBACK, Line),
  ForkingUDPServer: () => new all.ForkingUDPServer(LOOPBACK, Packet),
};

/** Descriptors that are kept from everybody else. */
const files: Deno.FsFile[] = [];

function leave(count: number): void {
  try {
    for (;;) files.push(Deno.openSync(new URL(import.meta.url)));
  } catch {
    for (const file of files.splice(files.length - count)) file.close();
  }
}

if (Deno.args[0] === "stack") {
  leave(0);
  const { stack } = farError();
  for (const file of files.splice(0)) file.close();
  console.log(stack);
  Deno.exit();
}
const [kind, fewest, most] = Deno.args as [keyof typeof kinds, string, string];
for (
  let left = Number(fewest), served = 0;
  served < 3 && left <= Number(most);
  left++
) {
  leave(left);
  try {
    const server = kinds[kind]();
    console.log(`${left} port ${server.addr.port}`);
    await server.serveForever();
    served++;
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    console.log(`${left} ${code ?? name}`);
  }
}
Deno.exit();
