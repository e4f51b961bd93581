import { match } from "node:assert";

/** Those of what a connection carries, and how it ends. */
const FILES = [
  ...["closing", "tls/connection_test.ts", "slow_clients_test.ts"],
  ...["bad_clients_test.ts", "shutdown_test.ts", "hooks_test.ts"],
];

Deno.test("what is tested of TCP holds for sockets that node:net accepts", async () => {
  const folder = `${import.meta.dirname}/..`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "-A", "--no-check", "--parallel"],
      ...FILES.map((file) => `${folder}/${file}`),
    ],
    env: { ON_NODE_SOCKETS: "true", NO_COLOR: "true" },
  }).output();
  const decoder = new TextDecoder();
  const printed = decoder.decode(stdout) + decoder.decode(stderr);
  // Hardly any of them is about what node:net does not have.
  match(printed, /^ok \| \d{2,} passed \| 0 failed \| \d ignored/m, printed);
});
