// deno run --allow-net=127.0.0.1:1234 examples/xmlrpc_calculator_client.ts
//
// The other end: asks examples/xmlrpc_calculator.ts what it can do, and has it
// compute. A client of XML-RPC is little more than fetch and two functions of
// this module; it talks to servers in any language.
//
// Another port is the first argument, and belongs in --allow-net too.

import {
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  XMLRPCFault,
  type XMLRPCValue,
} from "../server/xmlrpc/mod.ts";

/** Calls a method. It rejects with the fault, if that is the answer. */
export async function call(
  url: string,
  method: string,
  ...params: unknown[]
): Promise<XMLRPCValue> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "text/xml" },
    body: encodeXMLRPCCall(method, params),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`Cannot call "${method}": ${url} says ${response.status}`);
  }
  return decodeXMLRPCResponse(await response.bytes());
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const url = `http://127.0.0.1:${port}/RPC2`;

  for (const name of await call(url, "system.listMethods") as string[]) {
    const [help] = `${await call(url, "system.methodHelp", name)}`.split("\n");
    console.log(`${name}: ${help}`);
  }

  console.log("6 * 7 =", await call(url, "multiply", 6, 7));
  console.log(await call(url, "statistics.summary", [3, 1, 4, 1, 5]));
  try {
    await call(url, "divide", 1, 0);
  } catch (error) {
    if (!(error instanceof XMLRPCFault)) throw error;
    console.log(`Fault ${error.faultCode}: ${error.faultString}`);
  }

  // Several calls in one: each has its result in an array, or a fault.
  const results = await call(url, "system.multicall", [
    { methodName: "add", params: [2, 3] },
    { methodName: "divide", params: [1, 8] },
    { methodName: "root", params: [2] },
  ]);
  console.log(results);
}
