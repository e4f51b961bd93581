import type { XMLRPCOptions } from "../xmlrpc_values.ts";

/** What ends one call before its answer. */
export interface XMLRPCCallOptions {
  /**
   * How long the call may take with its answer, in milliseconds. Then it rejects
   * with a `DOMException` whose name is `"TimeoutError"`. `Infinity` sets no limit.
   *
   * @default the client's
   */
  readonly timeout?: number;
  /** Ends the call when it is aborted: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of an `XMLRPCClient`. */
export interface XMLRPCClientOptions extends XMLRPCOptions {
  /**
   * Makes a connection to the server: over a Unix socket, in TLS, through a tunnel.
   * HTTP/1.1 is spoken over what it gives, as it is: TLS is the function's own to
   * add, also where the URL begins with `https:`. Connections carry one call at a
   * time, and are kept for further ones. Without it calls are made with `fetch`.
   */
  readonly connect?: () => Promise<Deno.Conn> | Deno.Conn;
  /**
   * What is called in the place of `fetch`, with the same parameters: to give it
   * a `Deno.HttpClient`, for one. The body is a `Blob`: Deno 2.9.6 sends bytes and
   * texts twice where a connection that it had kept ends before the answer.
   *
   * @default {fetch}
   */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /**
   * Further headers of each call, such as `Authorization`. Those that say how a
   * call is framed are not taken: `Content-Length`, `Transfer-Encoding`, `Host`,
   * `Connection` and their like.
   */
  readonly headers?: HeadersInit;
  /**
   * How long each call may take with its answer, in milliseconds. `Infinity` sets
   * no limit.
   *
   * @default {60000}
   */
  readonly timeout?: number;
  /** Ends each call when it is aborted. */
  readonly signal?: AbortSignal;
}
