import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { type Child, Folder, Program, testWith } from "../_program.ts";
import { end, startExample } from "./_example.ts";

const nc = new Program("nc.openbsd", "netcat-openbsd");

/** Starts the control channel on a path of its own. */
async function start(path: string): Promise<Child> {
  const child = startExample("unix_control", { "/tmp/control.sock": path });
  await child.until(`Listening on ${path}\n`);
  return child;
}

testWith([nc], "unix_control.ts answers commands", async () => {
  await using folder = new Folder();
  const path = folder.at("control.sock");
  await using child = await start(path);
  await using client = nc.start("-U", "-N", path);
  await client.send("status\n");
  await client.until(/^running as process \d+\n/);
  await client.send("uptime\n");
  await client.until(/^\d+ s\n/);
  await client.send("what?\n");
  await client.until("commands: status, uptime, stop\n");
  strictEqual((await client.output()).code, 0);
  strictEqual((await end(child)).code, 0);
});

testWith([nc], "unix_control.ts stops when it is told to", async () => {
  await using folder = new Folder();
  const path = folder.at("control.sock");
  await using child = await start(path);
  await using bystander = nc.start("-U", "-N", path);
  await bystander.send("status\n");
  await bystander.until("running");
  strictEqual(await nc.run(["-U", "-N", path], "stop\n"), "stopped\n");
  const { code } = await child.output();
  strictEqual(code, 0);
  strictEqual((await bystander.output()).code, 0);
  await rejects(Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("unix_control.ts lets nobody but its user in", async () => {
  await using folder = new Folder();
  const path = folder.at("control.sock");
  await using child = await start(path);
  strictEqual((await Deno.lstat(path)).mode! & 0o777, 0o600);
  strictEqual((await end(child)).code, 0);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`unix_control.ts removes its socket and ends on ${signal}`, async () => {
    await using folder = new Folder();
    const path = folder.at("control.sock");
    await using child = await start(path);
    const { code, stderr } = await end(child, signal);
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
    await rejects(Deno.lstat(path), Deno.errors.NotFound);
  });
}

Deno.test("unix_control.ts takes over from one that was killed, and from no other", async () => {
  await using folder = new Folder();
  const path = folder.at("control.sock");
  {
    await using killed = await start(path);
    killed.kill("SIGKILL");
    await killed.output();
  }
  strictEqual((await Deno.lstat(path)).isSocket, true);
  await using child = await start(path);
  await using second = startExample(
    "unix_control",
    { "/tmp/control.sock": path },
  );
  const { code, stderr } = await second.output();
  strictEqual(code, 1);
  match(
    stderr,
    /AddrInUse: Cannot listen on ".*": a live server answers there/,
  );
  strictEqual((await end(child)).code, 0);
});
