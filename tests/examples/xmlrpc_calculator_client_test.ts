import { strictEqual } from "node:assert";
import { createCalculator } from "../../examples/xmlrpc_calculator.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { startExample } from "./_example.ts";

Deno.test("xmlrpc_calculator_client.ts prints what it was answered", async () => {
  await using served = await serveForTest(
    createCalculator(0, { logRequests: false }),
  );
  const { port } = served.addr;
  await using child = startExample(
    "xmlrpc_calculator_client",
    { 1234: port },
    [port],
    { NO_COLOR: "1" },
  );
  const { code, stdout, stderr } = await child.output();
  strictEqual(stderr, "");
  strictEqual(code, 0);
  strictEqual(
    new TextDecoder().decode(stdout),
    `add: The sum of two numbers. See subtract() for the difference.
divide: The quotient of two numbers. To divide by 0 is fault 1.
multiply: The product of two numbers.
statistics.summary: Counts numbers, and finds the least, the most and the mean.
subtract: The difference of two numbers.
system.listMethods: Lists the names of all methods.
system.methodHelp: Tells what a method does.
system.methodSignature: Lists the signatures of a method: arrays of the type of the result and the types of the parameters. Without any, the answer is a string.
system.multicall: Calls several methods, one after the other. Takes an array of structs of methodName and params. Each answer is an array of the one result, or a struct of faultCode and faultString.
6 * 7 = 42
{ count: 5, least: 1, most: 5, mean: 2.8 }
Fault 1: Cannot divide by 0
Call 0: 5
Call 1: 0.125
Call 2 is fault 1
Call 3: 9
`,
  );
});
