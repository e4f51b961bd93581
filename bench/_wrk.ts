import { LOAD_CORE, type Measured } from "./_programs.ts";

/** What wrk is told. */
export interface WrkRun {
  readonly connections: number;
  /** How long it lasts, in seconds. */
  readonly seconds: number;
  /** What is asked for; `/` by default. */
  readonly path?: string;
  /** Whether it is asked for in TLS. */
  readonly secure?: boolean;
  /** Further lines of the requests. */
  readonly headers?: readonly string[];
  /** A Lua script beside wrk_report.lua, which it must include. */
  readonly script?: string;
}

const peers = new URL("peers/", import.meta.url).pathname;

/**
 * Runs wrk on the core of the load.
 *
 * @throws {Error} If it could not, or any answer was not what was asked for.
 */
export async function runWrk(
  port: number,
  {
    connections,
    seconds,
    path = "/",
    secure = false,
    headers = [],
    script = "wrk_report.lua",
  }: WrkRun,
): Promise<Measured> {
  const { success, stdout, stderr } = await new Deno.Command("taskset", {
    args: [
      ...["-c", LOAD_CORE, "wrk", "-t", "1", "-c", `${connections}`],
      ...["-d", `${seconds}`, "-s", `${peers}${script}`],
      ...headers.flatMap((header) => ["-H", header]),
      `${secure ? "https" : "http"}://127.0.0.1:${port}${path}`,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  // Its last line is written by the script.
  const last = decoder.decode(stdout).trim().split("\n").at(-1) ?? "";
  if (!success || !last.startsWith("{")) {
    throw new Error(`Cannot measure with wrk: ${decoder.decode(stderr)}`);
  }
  const measured: Measured & { readonly wrong: number } = JSON.parse(last);
  if (measured.wrong > 0) {
    throw new Error(`Cannot measure: ${measured.wrong} answers were wrong`);
  }
  return measured;
}
