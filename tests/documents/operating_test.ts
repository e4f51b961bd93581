import { strictEqual } from "node:assert";
import { ask } from "../_loopback.ts";
import { connect } from "../../handlers/client/mod.ts";
import { patiently } from "../_patience.ts";
import { WrittenProgram } from "./_written_program.ts";

Deno.test("operating.md's program lets its client finish", async () => {
  await using program = await WrittenProgram.start(
    "docs/operating.md: What a signal does",
  );
  await using client = await connect(await program.address());
  await client.wfile.write("hello\n");
  strictEqual(await client.rfile.readLine(), "hello");
  const ended = program.end();
  await program.child.until("draining;");
  await client.wfile.write("still\n");
  strictEqual(await client.rfile.readLine(), "still");
  await client.wfile.closeWrite();
  strictEqual(await client.rfile.readLine(), null);
  await ended;
});

Deno.test("operating.md's readiness says no before the server ends", async () => {
  await using program = await WrittenProgram.start(
    "docs/operating.md: Readiness",
  );
  const readiness = await program.address();
  const address = await program.address();
  const status = async () => {
    const response = await fetch(`http://127.0.0.1:${readiness.port}/`);
    await response.body?.cancel();
    return response.status;
  };
  strictEqual(await status(), 200);
  const greeting = "Thank you for connecting\n";
  strictEqual(await ask(address), greeting);
  const ended = program.end();
  const told = async () => {
    while (await status() !== 503);
  };
  await patiently(told(), () => "the status 503");
  strictEqual(await ask(address), greeting);
  await ended;
});
