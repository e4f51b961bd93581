import { ok, strictEqual } from "node:assert";
import { join } from "node:path";
import { repeatUntil } from "../_patience.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { blockNamed } from "../documents/_blocks.ts";

const ROOT = join(import.meta.dirname!, "../..");
/** Runs a program in a terminal of its own: `script -qec COMMAND FILE`. */
const script = new Program("script", "bsdutils");
const CTRL_C = "\x03";

/** Replaces what must be there. */
function replaced(text: string, from: string, to: string): string {
  ok(text.includes(from), `${text}\ndoes not have ${from}`);
  return text.replace(from, to);
}

testWith(
  [script],
  "README's first program drains on Ctrl-C, and ends at once on a second",
  async () => {
    await using folder = new Folder();
    let program = blockNamed("README.md: socketserver").code;
    program = replaced(
      program,
      "port: 1234 }, Echo)",
      "port: 0 }, Echo, { onListen: ({ port }) => console.log(`port ${port};`) })",
    );
    // The client below never ends, so that only the second Ctrl-C can.
    program = replaced(
      program,
      "run(server)",
      "run(server, { gracePeriod: Infinity, onSignal: (_, action) => console.log(`${action};`) })",
    );
    const file = folder.at("server.ts");
    await Deno.writeTextFile(file, program);
    const config = join(ROOT, "deno.json");
    // What it prints is said by the terminal: all of it is its stdout.
    await using terminal = script.start(
      "-qec",
      // A shell that waited for it would tell of the Ctrl-C in its own exit code.
      `exec "${Deno.execPath()}" run --config "${config}" --allow-net=127.0.0.1 "${file}"`,
      "/dev/null",
    );
    const [, port] = await terminal.until(/port (\d+);/);
    using client = await Deno.connect({ port: Number(port) });
    await client.write(new TextEncoder().encode("hello\n"));
    const buffer = new Uint8Array(100);
    const n = await client.read(buffer);
    strictEqual(new TextDecoder().decode(buffer.subarray(0, n!)), "hello\n");
    await terminal.send(CTRL_C);
    await terminal.until("drain;");
    await repeatUntil(terminal.until("end;"), () => terminal.send(CTRL_C));
    await terminal.until("AbortError");
    strictEqual(await client.read(buffer), null);
    const { code } = await terminal.output();
    strictEqual(code, 0);
  },
);
