import type { RequestServer } from "./base_request_handler.ts";

/** A handler, as far as its trace tells of it. */
export interface TracedHandler {
  readonly request: unknown;
  readonly clientAddress: Deno.Addr | null;
  readonly server: RequestServer;
}

/** A request of HTTP, as far as its trace tells of it. */
export interface TracedRequest {
  readonly method: string;
  /** As it was sent: a path, a whole URL, or `*`. */
  readonly target: string;
  readonly host: string | undefined;
  readonly encrypted: boolean;
  /** `1.1` or `1.0`. */
  readonly version: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** The trace of one request. Its methods never throw what is not their caller's. */
export interface RequestTrace {
  /** Runs something as part of the request. */
  run<Result>(call: () => Result): Result;
  /** Something was thrown while it was answered. */
  failed(error: unknown): void;
  /**
   * It is over.
   *
   * @param status The status of its response; 0 if none was begun.
   * @param isWhole Whether all of the response was written.
   */
  end(status: number, isWhole: boolean): void;
}

/** Traces what handlers do. */
export interface Tracing {
  /** Runs a handler, as part of a trace if its server is traced. */
  handler(
    handler: TracedHandler,
    run: () => void | Promise<void>,
  ): void | Promise<void>;
  /** Begins the trace of a request of HTTP, if the handler's server is traced. */
  request(
    handler: TracedHandler,
    request: TracedRequest,
  ): RequestTrace | undefined;
}

/** What traces the handlers of this thread, if anything does. */
export let tracing: Tracing | undefined;

/** Has handlers traced from now on, or no more. */
export function setTracing(next: Tracing | undefined): void {
  tracing = next;
}

/** What of requests is told. */
export interface TraceSettings {
  /** Whether there is a span for each. */
  readonly spans: boolean;
  /** Whether those of HTTP are measured. */
  readonly metrics: boolean;
}
