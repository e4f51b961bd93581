import { match, notStrictEqual, ok, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { ask } from "../_loopback.ts";
import { commandOf, portOf, startExample } from "./_example.ts";

const analyze = new Program("systemd-analyze", "systemd");
const FOLDER = `${import.meta.dirname}/../../examples/systemd`;

Deno.test("service.ts is taken over by another process on SIGHUP", async () => {
  await using child = startExample("service", {}, [0]);
  const port = await portOf(child);
  const server = { hostname: "127.0.0.1", port };
  const pidOf = async () =>
    Number(/^Hello from process (\d+)\n$/.exec(await ask(server))![1]);
  const first = await pidOf();
  Deno.kill(first, "SIGHUP");
  await child.until(/Listening on \S+:(\d+)/);
  let second = first;
  // Both serve until the first has nothing left to do.
  while (second === first) second = await pidOf();
  notStrictEqual(second, first);
  Deno.kill(second, "SIGTERM");
  strictEqual((await child.output()).code, 0);
});

Deno.test("the unit of service.ts runs it with the flags of its first line", () => {
  const unit = Deno.readTextFileSync(`${FOLDER}/greeter.service`);
  const { flags } = commandOf("service");
  ok(unit.includes(` run ${flags.join(" ")} /opt/greeter/service.ts\n`), unit);
});

testWith([analyze], "systemd understands the unit and the socket", async () => {
  await using child = analyze.start(
    ...["verify", "--man=no", `${FOLDER}/greeter.service`],
    `${FOLDER}/greeter.socket`,
  );
  const { stderr } = await child.output();
  // What it finds in other units of this machine is none of these.
  const found = stderr.split("\n").filter((line) => line.includes("greeter"));
  for (const line of found) match(line, /is not executable/);
});
