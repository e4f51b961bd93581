// deno run --allow-net=127.0.0.1:1234 examples/xmlrpc_calculator_client.ts
//
// The other end: asks examples/xmlrpc_calculator.ts what it can do, and has it
// compute. The same works with every server of XML-RPC, in whatever language.
//
// Another port is the first argument, and belongs in --allow-net too.

import {
  MultiCall,
  ServerProxy,
  XMLRPCFault,
  type XMLRPCSystemMethods,
} from "../server/xmlrpc/mod.ts";

/** What the calculator can do. A dot in a name leads to a member. */
export interface Calculator extends XMLRPCSystemMethods {
  add(a: number, b: number): number;
  subtract(a: number, b: number): number;
  multiply(a: number, b: number): number;
  divide(a: number, b: number): number;
  readonly statistics: {
    summary(
      values: readonly number[],
    ): { count: number; least: number; most: number; mean: number };
  };
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  using calculator = new ServerProxy<Calculator>(`http://127.0.0.1:${port}`);

  for (const name of await calculator.system.listMethods()) {
    const [help] = (await calculator.system.methodHelp(name)).split("\n");
    console.log(`${name}: ${help}`);
  }

  console.log("6 * 7 =", await calculator.multiply(6, 7));
  console.log(await calculator.statistics.summary([3, 1, 4, 1, 5]));
  try {
    await calculator.divide(1, 0);
  } catch (error) {
    if (!(error instanceof XMLRPCFault)) throw error;
    console.log(`Fault ${error.faultCode}: ${error.faultString}`);
  }

  // Several calls in one. A fault is thrown where its result is reached.
  const calls = new MultiCall(calculator);
  calls.add(2, 3);
  calls.divide(1, 8);
  calls.divide(1, 0);
  calls.add(4, 5);
  const results = await calls();
  for (let call = 0; call < results.length; call++) {
    try {
      console.log(`Call ${call}:`, results.get(call));
    } catch (error) {
      if (!(error instanceof XMLRPCFault)) throw error;
      console.log(`Call ${call} is fault ${error.faultCode}`);
    }
  }
}
