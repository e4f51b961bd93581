import { strictEqual } from "node:assert";
import { Child } from "../../_program.ts";
import { childrenOf, until } from "./_processes.ts";
import { patiently } from "../../_patience.ts";

const DENO = Deno.execPath();
const ARGS = [
  ...["run", "--quiet", "--allow-net", "--allow-run"],
  `${import.meta.dirname}/_flooding_program.ts`,
];

for (
  const what of [
    "stderr",
    "stderr in turns",
    "shutdowns",
    "shutdowns in turns",
    "shutdowns in microtasks",
    "awaited shutdowns",
    "messages",
    "messages in turns",
    "awaited messages",
    "writes",
    "writes that nobody awaits",
  ]
) {
  Deno.test(`a server ends though a process floods it with ${what}`, async () => {
    await using program = new Child(DENO, [...ARGS, what]);
    await program.until("ended");
    strictEqual((await program.output()).code, 0);
  });
}

Deno.test("a server ends though nobody reads what its processes print", async () => {
  const program = new Deno.Command(DENO, {
    args: [...ARGS, "stderr"],
    stdout: "piped",
    // It fills, and then no write to it ends.
    stderr: "piped",
  }).spawn();
  try {
    let printed = "";
    const ended = async () => {
      const decoder = new TextDecoder();
      for await (const bytes of program.stdout) {
        printed += decoder.decode(bytes);
        if (printed.includes("ended")) return;
      }
    };
    await patiently(ended(), () => `the end; it printed ${printed}`);
    strictEqual(printed, "flooding\nended\n");
    await until(
      "the end of its processes",
      () => childrenOf(program.pid).length === 0,
    );
  } finally {
    // It waits for somebody who reads.
    program.kill("SIGKILL");
    await program.status;
    await program.stderr.cancel();
  }
});
