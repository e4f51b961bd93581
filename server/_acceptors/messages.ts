/**
 * What the main thread and a thread that accepts for itself tell each other. The
 * main thread believes none of it: see `readReport`. What may be large travels as an
 * `ArrayBuffer`: whoever receives a view of one from `node:worker_threads` of Deno
 * 2.9.6 waits a microsecond for each byte.
 */

import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import { ProtocolError } from "../_bridge/frames.ts";
import { isCount, readClient } from "./checks.ts";
import { type PackedEvent, readEvents } from "./forwarded_events.ts";

/** What the main thread tells a thread. */
export type Command =
  /** Accept until you are told otherwise. */
  | { readonly do: "serve" }
  /** Accept one connection, and say when it has come. */
  | { readonly do: "serve one" }
  /** Serve the one that has come, or close it. */
  | { readonly do: "go on"; readonly serve: boolean }
  /** Shut down. */
  | {
    readonly do: "shut down";
    readonly gracePeriod: number;
    /** Whether to serve first who waits in the queue, though nobody has said so. */
    readonly drains: boolean;
  }
  /** Stop listening. Requests in progress go on. */
  | { readonly do: "close" }
  /** Leave what comes to others, and shut down. */
  | { readonly do: "retire"; readonly gracePeriod: number }
  /** Show another certificate. */
  | { readonly do: "set certificate"; readonly certificate: TLSCertificate }
  /** Count the requests up to the next `spent` from 0 again. */
  | { readonly do: "count anew" }
  /** The requests that wait for a shutdown need wait no longer. */
  | { readonly do: "end waits" }
  /** An error has been handled. */
  | { readonly do: "forget"; readonly error: number }
  /** Look again whether you may accept. */
  | { readonly do: "look" }
  /** Say whether you live. */
  | { readonly do: "ping" }
  /** Say which requests you have. */
  | { readonly do: "list"; readonly question: number }
  /** End one of them, and say whether it was there. */
  | { readonly do: "end one"; readonly question: number; readonly id: number }
  /** Have handlers traced, or no more. */
  | { readonly do: "trace"; readonly settings: TraceSettings | undefined }
  /** Events that you have told were taken. */
  | { readonly do: "tell more" }
  /** Say from now on when you have requests, and when you have none. */
  | { readonly do: "tell load" }
  /** Give your handlers a message. */
  | { readonly do: "take message"; readonly message: ArrayBuffer }
  /** Messages that they have posted were handled. */
  | { readonly do: "note handled"; readonly cost: number }
  /** Give your handlers another configuration. */
  | { readonly do: "configure"; readonly config: ArrayBuffer };

/** What a thread tells the main thread. */
export type Report =
  /** A connection has come, and waits for `go on`. */
  | { readonly is: "one" }
  /** A client was accepted for whom there is no place. */
  | { readonly is: "held" }
  /** It is to leave, and keeps a client who came as the server was suspended. */
  | { readonly is: "keeps" }
  /** All threads are busy: another could be started. */
  | { readonly is: "full" }
  /** As many requests have come as a thread is to have. */
  | { readonly is: "spent" }
  /** It listens no more, and has found nobody waiting, or had no room to look. */
  | { readonly is: "left"; readonly hasLooked: boolean }
  /** A hook or a handler threw. */
  | {
    readonly is: "error";
    /** By which `forget` names it. */
    readonly number: number;
    /** As `packError` packs it. */
    readonly error: Uint8Array;
    readonly client: Deno.NetAddr | undefined;
  }
  /** A handler shuts the server down; without a time, with the server's own. */
  | { readonly is: "shutdown"; readonly gracePeriod: number | undefined }
  /** Shut down, but for requests that wait for a shutdown themselves. */
  | { readonly is: "waiting" }
  /** Shut down. */
  | { readonly is: "finished" }
  | { readonly is: "alive" }
  /** What was asked for. */
  | {
    readonly is: "answer";
    readonly question: number;
    readonly value: unknown;
  }
  /** What has happened. */
  | {
    readonly is: "events";
    readonly events: readonly PackedEvent[];
    /** How many more there were. */
    readonly lost: number;
  }
  /** A message that a handler has posted. */
  | { readonly is: "message"; readonly message: ArrayBuffer }
  /** Messages were taken. */
  | { readonly is: "taken"; readonly cost: number }
  | { readonly is: "busy" }
  | { readonly is: "idle" };

/**
 * What a thread has told.
 *
 * @throws {ProtocolError} If it is none of that.
 */
export function readReport(message: unknown): Report {
  const report = message as Readonly<Record<string, unknown>> | null;
  switch (report?.is) {
    case "one":
    case "held":
    case "keeps":
    case "full":
    case "spent":
    case "waiting":
    case "finished":
    case "alive":
    case "busy":
    case "idle":
      return { is: report.is };
    case "shutdown": {
      const { gracePeriod } = report;
      if (gracePeriod === undefined || isTime(gracePeriod)) {
        return { is: "shutdown", gracePeriod };
      }
      break;
    }
    case "left":
      return { is: "left", hasLooked: report.hasLooked === true };
    case "message": {
      const { message } = report;
      // Nothing that the thread could still write to.
      if (!(message instanceof ArrayBuffer)) break;
      return { is: "message", message };
    }
    case "taken": {
      const { cost } = report;
      if (!isCount(cost)) break;
      return { is: "taken", cost };
    }
    case "answer": {
      const { question, value } = report;
      if (!isCount(question)) break;
      return { is: "answer", question, value };
    }
    case "events":
      return { is: "events", ...readEvents(report) };
    case "error": {
      const { number, error, client } = report;
      if (typeof number !== "number" || !(error instanceof Uint8Array)) break;
      return { is: "error", number, error, client: readClient(client) };
    }
  }
  throw new ProtocolError(
    "Cannot take a message of a thread: it is of no kind",
  );
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
