import { wrong } from "../../_settings.ts";
import { Caller, callers } from "./_caller.ts";
import { dottedNames } from "./_dotted_names.ts";
import type { AnyXMLRPCMethods } from "./any_xmlrpc_methods.ts";
import { XMLRPCClient } from "./xmlrpc_client.ts";
import type { XMLRPCClientOptions } from "./xmlrpc_client_options.ts";

/**
 * A method of a server as it is called from afar: its answer is a promise, which
 * rejects as {@linkcode XMLRPCClient.call} says. What has a further part in its
 * name is a member of it.
 */
export type RemoteXMLRPCMethod<Method> =
  & (Method extends (...params: infer Params) => infer Result
    ? (...params: Params) => Promise<Awaited<Result>>
    : unknown)
  & { readonly [Name in keyof Method]: RemoteXMLRPCMethod<Method[Name]> };

/**
 * A server of XML-RPC as an object: its methods are those of the object, and a dot
 * in a name leads to a member, as in `server.system.listMethods()`. `using` closes
 * it.
 *
 * Any name is there, whatever the server has, but for `then` and `toJSON`, which
 * JavaScript itself would call: these are called by {@linkcode XMLRPCClient.call}.
 * What `Methods` says is not checked: a server may take and return something else.
 */
export type ServerProxy<Methods extends object = AnyXMLRPCMethods> =
  & { readonly [Name in keyof Methods]: RemoteXMLRPCMethod<Methods[Name]> }
  & Disposable;

/** Makes a {@linkcode ServerProxy}. */
export interface ServerProxyConstructor {
  /**
   * Constructs a new instance. Nothing is connected yet.
   *
   * @param server The URL of a server, as {@linkcode XMLRPCClient} takes it; or a
   * client of it, which the proxy closes with itself.
   * @param options Those of the client, if the first is a URL.
   * @throws As the constructor of {@linkcode XMLRPCClient}.
   */
  new <Methods extends object = AnyXMLRPCMethods>(
    server: string | URL | XMLRPCClient,
    options?: XMLRPCClientOptions,
  ): ServerProxy<Methods>;
}

/**
 * A server of XML-RPC as an object, like CPython's `xmlrpc.client.ServerProxy`.
 * See {@linkcode XMLRPCClient} for what is sent, and what bounds the answers.
 *
 * Needs `--allow-net=HOSTNAME:PORT` of the server, or what `connect` needs.
 *
 * @example Calling methods
 * ```ts
 * import { ServerProxy, SimpleXMLRPCServer, type XMLRPCSystemMethods } from "@wire/socketserver/xmlrpc";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * interface Calculator extends XMLRPCSystemMethods {
 *   add(a: number, b: number): number;
 * }
 *
 * await using server = new SimpleXMLRPCServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   { logRequests: false },
 * );
 * server.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * server.registerIntrospectionFunctions();
 * server.serveForever();
 *
 * using calculator = new ServerProxy<Calculator>(`http://127.0.0.1:${server.addr.port}`);
 * strictEqual(await calculator.add(2, 3), 5);
 * deepStrictEqual((await calculator.system.listMethods())[0], "add");
 * ```
 */
export const ServerProxy: ServerProxyConstructor = class {
  constructor(
    server: string | URL | XMLRPCClient,
    options?: XMLRPCClientOptions,
  ) {
    if (server instanceof XMLRPCClient && options !== undefined) {
      throw wrong(
        "create a proxy of a client",
        "options",
        "left out: the client has its own",
        options,
      );
    }
    const caller = server instanceof XMLRPCClient
      ? callers.get(server)!
      : new Caller(server, options);
    const { url } = caller;
    const proxy = dottedNames({
      description: `ServerProxy(${JSON.stringify(url)})`,
      apply: () => {
        throw new TypeError(
          `Cannot call ${url} itself: name a method of it, as in server.add()`,
        );
      },
      symbols: { [Symbol.dispose]: () => caller.close() },
    }, (name, params) => caller.call(name, params, {}, (value) => value));
    callers.set(proxy, caller);
    return proxy;
  }
} as unknown as ServerProxyConstructor;
