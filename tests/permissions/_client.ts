// Clients that are run in a terminal with just the flags that the README says: the
// first argument says which, the second where, the third how. Prints the answer.

import { dirname } from "node:path";
import { connect, connectDatagram } from "../../handlers/client/mod.ts";

const [what, where = "", ca = ""] = Deno.args;
const folder = dirname(where);
const port = Number(where);

const clients = {
  async tcp() {
    await using client = await connect({ port });
    await client.wfile.write("x\n");
    return await client.rfile.readLine();
  },
  async tls() {
    await using client = await connect({ port }, {
      tls: { ca: Deno.readTextFileSync(ca) },
    });
    await client.wfile.write("x\n");
    return await client.rfile.readLine();
  },
  async unix() {
    await using client = await connect({ path: where });
    await client.wfile.write("x\n");
    return await client.rfile.readLine();
  },
  async udp() {
    await using client = await connectDatagram({ port });
    return new TextDecoder().decode(await client.request("x"));
  },
  async "unix datagrams"() {
    await using client = await connectDatagram({ path: where });
    return new TextDecoder().decode(await client.request("x"));
  },
  async "unix datagrams with folder"() {
    await using client = await connectDatagram({ path: where }, { folder });
    return new TextDecoder().decode(await client.request("x"));
  },
};

console.log(`answered ${await clients[what as keyof typeof clients]()}`);
