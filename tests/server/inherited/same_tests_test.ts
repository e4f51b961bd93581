import { strictEqual } from "node:assert";

/** Those of what a connection carries, and how it ends. */
const FILES = [
  ...["closing", "tls/connection_test.ts", "slow_clients_test.ts"],
  ...["bad_clients_test.ts", "shutdown_test.ts", "hooks_test.ts"],
];

Deno.test("what is tested of TCP holds for sockets that node:net accepts", async () => {
  const folder = `${import.meta.dirname}/..`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "-A", "--trace-leaks", "--no-check"],
      // Without the flag there are no datagrams.
      ...["--filter", "/^(?!.*(datagram|UDP))/i"],
      ...FILES.map((file) => `${folder}/${file}`),
    ],
    env: { ON_NODE_SOCKETS: "true", NO_COLOR: "true" },
  }).output();
  const decoder = new TextDecoder();
  strictEqual(
    code,
    0,
    `${decoder.decode(stdout).slice(-20_000)}${decoder.decode(stderr)}`,
  );
});
