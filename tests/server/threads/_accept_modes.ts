import type { AcceptMode } from "../../../server/threading_options.ts";

/** Who accepts in the servers of the test that runs. */
let current: AcceptMode = "auto";

/** Who accepts in the servers of the test that runs, unless it says so itself. */
export function acceptMode(): AcceptMode {
  return current;
}

/** Says who accepts from now on, in a program of its own. */
export function setAcceptMode(mode: AcceptMode): void {
  current = mode;
}

function register(
  name: string,
  mode: AcceptMode,
  test: (mode: AcceptMode) => void | Promise<void>,
): void {
  Deno.test(name, async () => {
    current = mode;
    try {
      await test(mode);
    } finally {
      current = "auto";
    }
  });
}

/** A test of what means the same whoever accepts. */
export function testBoth(
  name: string,
  test: (mode: AcceptMode) => void | Promise<void>,
): void {
  for (const mode of ["threads", "main"] as const) {
    register(
      `${name} (${mode} accept${mode === "main" ? "s" : ""})`,
      mode,
      test,
    );
  }
}

/** A test of what there is only where the main thread accepts. */
export function testMain(
  name: string,
  test: () => void | Promise<void>,
): void {
  register(`${name} (main accepts)`, "main", test);
}

/** A test of what there is only where threads accept. */
export function testThreads(
  name: string,
  test: () => void | Promise<void>,
): void {
  register(`${name} (threads accept)`, "threads", test);
}
