import { match, strictEqual } from "node:assert";
import { ask } from "../_loopback.ts";
import { end, portOf, startExample } from "./_example.ts";

Deno.test("sandboxed_calculator.ts computes, and permits nothing else", async () => {
  await using child = startExample("sandboxed_calculator", { 1234: 0 }, [0]);
  const address = { hostname: "127.0.0.1", port: await portOf(child) };
  strictEqual(
    await ask(address, "6 * 7\nMath.max(...[3, 1, 2])\n1 +\n"),
    "42\n3\nSyntaxError: Unexpected token ')'\n",
  );
  for (
    const expression of [
      'Deno.readTextFileSync("/etc/passwd")',
      `Deno.connect(${JSON.stringify(address)})`,
      'new Deno.Command("/bin/sh").outputSync()',
      'Deno.env.get("HOME")',
    ]
  ) {
    match(await ask(address, `${expression}\n`), /^NotCapable: /);
  }
  strictEqual((await end(child)).code, 0);
});

Deno.test("sandboxed_calculator.ts outlives what breaks its process", async () => {
  await using child = startExample("sandboxed_calculator", { 1234: 0 }, [0]);
  const address = { hostname: "127.0.0.1", port: await portOf(child) };
  const breakers: [string, RegExp][] = [
    ["Deno.exit(7)", /it ended with exit code 7/],
    ["(() => { for (;;); })()", /TimeoutError: .*requestTimeout, 2000 ms/],
    [
      "(() => { const a = []; for (;;) a.push(new Array(1000).fill(1)); })()",
      /The process that ran this request is gone: /,
    ],
  ];
  for (const [expression, expected] of breakers) {
    strictEqual(await ask(address, `${expression}\n`), "");
    await child.untilStderr(expected);
    strictEqual(await ask(address, "1 + 1\n"), "2\n");
  }
  strictEqual((await end(child)).code, 0);
});
