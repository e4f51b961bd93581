/**
 * Compares servers of XML-RPC: calls of `add`, made by wrk and by CPython's
 * client, servers run in turn on one core and the load on the other.
 *
 * Options: `--rounds=N`, `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import {
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
} from "../server/xmlrpc/mod.ts";
import {
  denoServer,
  peerServer,
  runLoad,
  type ServerCommand,
} from "./_programs.ts";
import { compareLoads, type ServedLoad } from "./_served_loads.ts";
import { runWrk } from "./_wrk.ts";

const { rounds, seconds, short } = benchOptions();
const PATH = "/RPC2";

const ours = denoServer("SimpleXMLRPCServer", "ours_xmlrpc.ts");
const checked = denoServer(
  "the same, with a signature",
  "ours_xmlrpc.ts",
  "signature",
);
const cpython = (how: string, ...args: string[]): ServerCommand => ({
  ...peerServer("python3", "cpython_xmlrpc.py", ...args),
  label: `CPython SimpleXMLRPCServer, ${how}`,
});
const keepAlive = cpython("HTTP/1.1", "plain", "1.1");
const closing = cpython("as shipped", "plain", "1.0");
const threading = cpython("HTTP/1.1, threads", "threading", "1.1");

const withWrk = (
  connections: number,
  servers: readonly ServerCommand[],
): ServedLoad => ({
  name: `add, wrk, ${connections} connections`,
  program: "wrk",
  servers,
  async run(port) {
    await requireSum(port);
    return await runWrk(port, {
      connections,
      seconds,
      path: PATH,
      script: "xmlrpc_add.lua",
    });
  },
});

await compareLoads(
  [
    withWrk(1, [ours, checked, keepAlive, closing]),
    // Without threads, CPython's serves one connection until it ends.
    withWrk(50, [ours, checked, threading, closing]),
    {
      name: "add, CPython's client, 1 connection",
      program: "python3",
      servers: [ours, keepAlive, closing],
      run: (port) =>
        runLoad("python3", [
          new URL("peers/xmlrpc_client.py", import.meta.url).pathname,
          port,
          seconds * 1000,
        ]),
    },
  ],
  rounds,
  short ? 0 : 1,
);

/** wrk looks at no answer, and a fault has status 200 too. */
async function requireSum(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${PATH}`, {
    method: "POST",
    headers: { connection: "close", "content-type": "text/xml" },
    body: encodeXMLRPCCall("add", [2, 3]),
  });
  const sum = decodeXMLRPCResponse(await response.bytes());
  if (sum !== 5) throw new Error(`Cannot measure: 2 + 3 is ${sum} there`);
}
