import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import type { Calculator } from "../../examples/xmlrpc_calculator_client.ts";
import { ServerProxy } from "../../server/xmlrpc/mod.ts";
import { Program, testWith } from "../_program.ts";
import { end, portOf, startExample } from "./_example.ts";

const python = new Program("python3", "python3");
const NAME = "xmlrpc_calculator";

Deno.test("xmlrpc_calculator.ts computes, and says what it can", async () => {
  await using child = startExample(NAME, { 1234: 0 }, [0]);
  const url = `http://127.0.0.1:${await portOf(child)}/`;
  using calculator = new ServerProxy<Calculator>(url);
  strictEqual(await calculator.add(2, 3), 5);
  strictEqual(await calculator.subtract(2.5, 1), 1.5);
  strictEqual(await calculator.multiply(6, 7), 42);
  strictEqual(await calculator.divide(1, 8), 0.125);
  deepStrictEqual(await calculator.statistics.summary([3, 1, 4, 1, 5]), {
    count: 5,
    least: 1,
    most: 5,
    mean: 2.8,
  });
  await rejects(calculator.divide(1, 0), { faultCode: 1 });
  const text = "2" as unknown as number;
  await rejects(calculator.statistics.summary([text]), { faultCode: 1 });
  await rejects(calculator.add(text, 3), { faultCode: -32602 });
  const page = await (await fetch(url)).text();
  match(page, /<h1>Calculator<\/h1>/);
  match(page, /Computes for whoever asks\./);
  const { code, stderr } = await end(child);
  strictEqual(code, 0);
  match(stderr, /"POST \/ HTTP\/1\.1" 200/);
});

testWith([python], "xmlrpc_calculator.ts computes for Python", async () => {
  await using child = startExample(NAME, { 1234: 0 }, [0]);
  const port = await portOf(child);
  const printed = await python.run([
    ...["-I", "-c"],
    `import sys, xmlrpc.client
print(xmlrpc.client.ServerProxy("http://127.0.0.1:" + sys.argv[1]).add(2, 3))`,
    String(port),
  ]);
  strictEqual(printed, "5\n");
});
