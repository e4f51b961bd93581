// CPython's own tests of its servers of HTTP and XML-RPC, with CPython's clients,
// against the servers here. Which of them pass is asserted by name: one that
// begins to pass has to be moved, one that fails is a fault.
import { deepStrictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import {
  DOCXMLRPC,
  type Expected,
  expectedOfHTTP,
  XMLRPC,
} from "./_cpython_suite/expected.ts";

const RUNNER = `${import.meta.dirname}/_cpython_suite/run.py`;
const isRoot = Deno.uid() === 0;

/**
 * Debian's Python, of the version whose tests these are, with them. Another one
 * may lie where only root may run it, and the tests of CGI run it as nobody.
 */
const python = new Program(
  "python3",
  "libpython3.11-testsuite",
  (path) =>
    path.startsWith("/usr/bin/") &&
    new Deno.Command(path, {
      args: [
        ...["-I", "-c"],
        "import sys, test.test_xmlrpc; sys.exit(sys.version_info[:2] != (3, 11))",
      ],
      stderr: "null",
    }).outputSync().success,
);

type Outcome = "pass" | "fail" | "skip" | "untouched";

/** What became of the tests of one module. */
interface Run {
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly why: Readonly<Record<string, string>>;
}

async function run(module: string, ...flags: string[]): Promise<Run> {
  const printed = await python.run(
    ["-I", RUNNER, module, Deno.execPath(), ...flags],
  );
  return JSON.parse(printed);
}

function check({ outcomes, why }: Run, expected: Expected): void {
  const found = (wanted: Outcome) =>
    Object.keys(outcomes).filter((name) => outcomes[name] === wanted).sort();
  const whys = (names: readonly string[]) =>
    names.map((name) => `${name}: ${why[name]}`).join("\n");
  const passes = Object.entries(expected.pass).flatMap(([name, tests]) =>
    tests.split(" ").map((test) => `${name}.test_${test}`)
  );
  const failed = found("fail");
  deepStrictEqual(
    failed,
    Object.keys(expected.differ).sort(),
    whys(failed.filter((name) => !(name in expected.differ))),
  );
  deepStrictEqual(found("pass"), passes.sort());
  deepStrictEqual(found("skip"), []);
  // Of a class that is named as a whole, each of its tests is.
  const untouched = found("untouched").map((name) => {
    const [ofClass] = name.split(".");
    return ofClass! in expected.untouched ? ofClass! : name;
  });
  deepStrictEqual(
    [...new Set(untouched)].sort(),
    Object.keys(expected.untouched).sort(),
  );
}

testWith(
  [python],
  "CPython's test_httpservers passes, but for what is named",
  async () => {
    const expected = expectedOfHTTP(isRoot);
    const all = await run("test_httpservers");
    if (!isRoot) return check(all, expected);
    // Where root runs them, those of CGI do nothing.
    const scripts = await run("test_httpservers", "--as-nobody");
    check({
      outcomes: { ...all.outcomes, ...scripts.outcomes },
      why: { ...all.why, ...scripts.why },
    }, expected);
  },
);

testWith(
  [python],
  "CPython's test_xmlrpc passes, but for what is named",
  async () => check(await run("test_xmlrpc"), XMLRPC),
);

testWith(
  [python],
  "CPython's test_docxmlrpc passes, but for what is named",
  async () => check(await run("test_docxmlrpc"), DOCXMLRPC),
);
