/**
 * Compares servers of HTTP, run in turn on one core under the load of wrk on the
 * other: small answers, JSON that is sent back, a MiB each way, and threads.
 *
 * Options: `--rounds=N`, `--only=TEXT` for those rows whose names have it,
 * `--short` to see only that everything works.
 */
import { httpLoad } from "./_http_loads.ts";
import { benchOptions } from "./_options.ts";
import { denoServer, type ServerCommand } from "./_programs.ts";
import { compareLoads, type ServedLoad } from "./_served_loads.ts";
import { runWrk, type WrkRun } from "./_wrk.ts";
import type { Answering } from "./peers/http_answers.ts";

const { rounds, seconds, short, only } = benchOptions();

/** Those that answer with the same. */
const servers = (answering: Answering, method: string) => [
  denoServer("HTTPServer, fetch", "ours_http.ts", "fetch", answering),
  denoServer(`HTTPServer, ${method}`, "ours_http.ts", "base", answering),
  denoServer("node:http in Deno", "deno_node_http.ts", answering),
  denoServer("Deno.serve", "deno_serve.ts", answering),
];

const load = (
  name: string,
  compared: readonly ServerCommand[],
  run: Omit<WrkRun, "seconds">,
): ServedLoad => ({
  name,
  program: "wrk",
  servers: compared,
  run: (port) => runWrk(port, { ...run, seconds }),
});

const threads = (workers: number): ServerCommand => ({
  ...denoServer(
    `ThreadingHTTPServer, ${workers} workers`,
    "ours_http.ts",
    ...["fetch", "hello", `${workers}`],
  ),
  anyCore: true,
});

const loads: readonly ServedLoad[] = [
  // The servers are the same, however many connections there are.
  ...(short ? [50] : [1, 50, 500]).map((count) => httpLoad(count, seconds)),
  load(
    "POST of 1 KiB of JSON and its echo, 50 connections",
    servers("echo", "doPOST"),
    { connections: 50, script: "http_json.lua" },
  ),
  load(
    "a MiB up, 10 connections",
    servers("sink", "doPOST"),
    { connections: 10, script: "http_mebibyte.lua" },
  ),
  load(
    "a MiB down, 10 connections",
    servers("source", "doGET"),
    { connections: 10 },
  ),
  load(
    "threads: GET, keep-alive, 50 connections",
    [
      threads(2),
      ...servers("hello", "doGET").filter(({ label }) => label === "Deno.serve")
        .map((server) => ({ ...server, anyCore: true })),
    ],
    { connections: 50 },
  ),
];

await compareLoads(
  loads.filter(({ name }) => name.includes(only)),
  rounds,
  // What a request takes falls for a hundred thousand of them.
  short ? 0 : 2,
);
