import type { XMLRPCValue } from "../xmlrpc_values.ts";
import { Caller, callers } from "./_caller.ts";
import type {
  XMLRPCCallOptions,
  XMLRPCClientOptions,
} from "./xmlrpc_client_options.ts";

/**
 * Calls the methods of a server of XML-RPC by their names. A
 * {@linkcode ServerProxy} has them as methods of its own.
 *
 * Needs `--allow-net=HOSTNAME:PORT` of the server, or what `connect` needs.
 *
 * What an answer may cost is bounded as a server bounds calls: by `maxSize` in
 * bytes, as it comes and inflated, by `maxDepth`, `maxValues` and `timeout`. A
 * redirect is an error and is not followed. A call is never made twice.
 *
 * @example Calling over a Unix socket
 * ```ts
 * import { XMLRPCClient } from "@wire/socketserver/xmlrpc";
 *
 * async function state(path: string): Promise<unknown> {
 *   using client = new XMLRPCClient("http://localhost/RPC2", {
 *     connect: () => Deno.connect({ transport: "unix", path }),
 *   });
 *   return await client.call("supervisor.getState");
 * }
 * ```
 */
export class XMLRPCClient implements Disposable {
  /** Where calls are sent, without a name and a password. */
  readonly url: string;
  readonly #caller: Caller;

  /**
   * Constructs a new instance. Nothing is connected yet.
   *
   * @param url Where the server is, `http:` or `https:`. A name and a password in
   * it are sent as Basic authentication. The path of a text without one is
   * `/RPC2`, as in CPython. With `connect` it says what `Host` and the path are.
   * @param options How calls are made and answers read.
   * @throws {RangeError} If a limit or the timeout is not a positive number.
   * @throws {TypeError} If `url` is none of HTTP, an option is of another type or
   * has an unknown name, there are `connect` and `fetch`, or a header cannot be
   * sent.
   */
  constructor(url: string | URL, options: XMLRPCClientOptions = {}) {
    this.#caller = new Caller(url, options);
    this.url = this.#caller.url;
    callers.set(this, this.#caller);
  }

  /**
   * Calls a method.
   *
   * @example A call with a time of its own
   * ```ts
   * import { SimpleXMLRPCServer, XMLRPCClient } from "@wire/socketserver/xmlrpc";
   * import { strictEqual } from "node:assert";
   *
   * await using server = new SimpleXMLRPCServer(
   *   { hostname: "127.0.0.1", port: 0 },
   *   { logRequests: false },
   * );
   * server.registerFunction((a: number, b: number) => a + b, { name: "add" });
   * server.serveForever();
   *
   * using client = new XMLRPCClient(`http://127.0.0.1:${server.addr.port}`);
   * strictEqual(await client.call("add", [2, 3], { timeout: 5_000 }), 5);
   * ```
   *
   * @param method The name of the method.
   * @param params What to call it with; see {@linkcode XMLRPCValue}.
   * @param options What ends the call.
   * @returns A promise of what the method returned. It rejects with
   * {@linkcode XMLRPCFault} if that is the answer, {@linkcode XMLRPCProtocolError}
   * if the answer is none of XML-RPC, `TypeError` or `RangeError` if a parameter
   * has no form in XML-RPC or an option is wrong, a `"TimeoutError"`, the reason
   * of a signal, or what `fetch` or `connect` threw. An answer that does not come,
   * over `connect`, is `Deno.errors.ConnectionReset`. Of a client that is closed
   * it rejects with `Deno.errors.BadResource`.
   */
  async call(
    method: string,
    params: readonly unknown[] = [],
    options: XMLRPCCallOptions = {},
  ): Promise<XMLRPCValue> {
    return await this.#caller.call(method, params, options, (value) => value);
  }

  /**
   * Closes the connections that `connect` has made, and ends the calls that are
   * under way. Doing it again changes nothing.
   */
  close(): void {
    this.#caller.close();
  }

  /** As {@linkcode XMLRPCClient.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
