// Deno's binding of llhttp, as its own `node:http` uses it. An HTTP server of
// node's own can be given any stream too, but then spends more on its streams
// than on the request: see bench/README.md.
import { HTTPParser, methods } from "node:_http_common";

/**
 * What `execute` calls, by number: see `node_http_parser.cc` of Node.js, whose
 * interface Deno's binding has.
 */
export const Callback = {
  MessageBegin: 0,
  Headers: 1,
  HeadersComplete: 2,
  Body: 3,
  MessageComplete: 4,
} as const;

/** What of `HTTPParser` is used. */
export interface Llhttp {
  initialize(
    type: number,
    resource: undefined,
    maxHeaderSize: number,
    lenientFlags: number,
  ): void;
  /** Returns how many bytes it took, or why it took no more. */
  execute(bytes: Uint8Array): number | LlhttpError;
}

/** What was wrong with the bytes. */
export interface LlhttpError extends Error {
  readonly code: string;
  readonly reason: string;
}

/** The parser of requests and responses. */
export const Llhttp = HTTPParser as unknown as {
  new (): Llhttp;
  readonly REQUEST: number;
};

/** `HTTP_QUERY` of llhttp.h: the only method of HTTP behind those of others. */
const QUERY = 46;

/** The name of a method that llhttp has found, if it is one of HTTP's. */
export function methodName(method: number): string | undefined {
  return method === QUERY ? "QUERY" : (methods as string[])[method];
}
