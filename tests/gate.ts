/**
 * The whole gate: every check in turn, a line for each, and a count at the end.
 * Goes on after a failure, so that one run shows them all.
 */

import config from "../deno.json" with { type: "json" };
import { DOCUMENTS } from "./documents/_names.ts";

interface Check {
  readonly name: string;
  readonly args: readonly string[];
}

/** The modules that others import. */
const entries = Object.values(config.exports);

/** Documents whose programs serve until they are ended. */
const endless = ["README.md", "docs/fairness.md"];
/** Documents whose programs end by themselves. */
const documents = ["docs/guide", "docs/cookbook.md", "docs/operating.md"];

const checks: readonly Check[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "."] },
  // Programs that have the sources on disk check them with options of their own.
  { name: "types by default", args: ["check", "--no-config", ...entries] },
  { name: "README's code", args: ["check", "--doc-only", ...endless] },
  // Readers check by Deno's own options, which are not this project's.
  {
    name: "documents' code by default",
    args: [
      ...["check", "--config", "tests/documents/consumer.json", "--doc-only"],
      ...DOCUMENTS,
    ],
  },
  // Each alone: who imports one has only what that one exports.
  ...entries.map((entry): Check => ({
    name: `documentation of ${entry}`,
    args: ["doc", "--lint", entry],
  })),
  { name: "publishable", args: ["publish", "--dry-run", "--allow-dirty"] },
  {
    name: "documentation examples",
    args: [
      ...["test", "-A", "--doc", "--parallel"],
      ...["--preload", "tests/poll/_open_libc.ts"],
      ...["mod.ts", "handlers", "server", "poll", ...documents],
    ],
  },
  { name: "tests and examples", args: ["task", "test"] },
  { name: "micro benches", args: ["bench", "--allow-all", "bench"] },
  {
    name: "benches, short",
    args: ["run", "--allow-all", "bench/servers.ts", "--short"],
  },
  {
    name: "report of benches, short",
    args: ["task", "bench:report", "--short"],
  },
  {
    name: "benches of poll, short",
    args: ["run", "--allow-all", "bench/poll/compare.ts", "--short"],
  },
  ...[
    ...["http", "http_files", "xmlrpc", "numbers", "fresh_children"],
    ...["before_handlers", "websocket", "clients", "flatness"],
    ...["tls", "restarts"],
  ].map((
    name,
  ): Check => ({
    name: `bench ${name}, short`,
    args: [
      ...["run", "--allow-all", "--v8-flags=--expose-gc"],
      ...[`bench/${name}.ts`, "--short"],
    ],
  })),
];

let passed = 0;
let failed = 0;

for (const { name, args } of checks) {
  console.log(`\n--- ${name}: deno ${args.join(" ")}`);
  const started = performance.now();
  const output = await run(args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const tests = /(\d+) passed[^|]*\| (\d+) failed/.exec(output.text);
  // A run of tests counts each of them; any other check counts as one.
  passed += tests ? Number(tests[1]) : output.success ? 1 : 0;
  failed += tests ? Number(tests[2]) : output.success ? 0 : 1;
  if (tests && tests[2] === "0" && !output.success) failed++;
  console.log(
    `--- ${name}: ${output.success ? "ok" : "FAILED"} (${seconds} s)`,
  );
}

console.log(`\n${passed} passed, ${failed} failed`);
if (failed > 0) Deno.exit(1);

/** Runs Deno, shows what it prints as it comes, and keeps it. */
async function run(
  args: readonly string[],
): Promise<{ readonly success: boolean; readonly text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const show = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      await Deno.stdout.write(new TextEncoder().encode(part));
    }
  };
  const [status] = await Promise.all([
    child.status,
    show(child.stdout),
    show(child.stderr),
  ]);
  return { success: status.success, text };
}
