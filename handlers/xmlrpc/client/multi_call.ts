import { wrong } from "../../_settings.ts";
import { faultIn } from "../_xml/messages.ts";
import { SYSTEM_METHODS } from "../_methods/system_methods.ts";
import type { XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCValue } from "../xmlrpc_values.ts";
import { callers, type Reading } from "./_caller.ts";
import { dottedNames } from "./_dotted_names.ts";
import type { AnyXMLRPCMethods } from "./any_xmlrpc_methods.ts";
import type { ServerProxy } from "./server_proxy.ts";
import type { XMLRPCClient } from "./xmlrpc_client.ts";
import type { XMLRPCCallOptions } from "./xmlrpc_client_options.ts";

/** A call of a {@linkcode MultiCall}: `results.get(item)` is its result. */
export interface MultiCallItem<Result> {
  /** Which call it is, from 0 on. */
  readonly index: number;
  /** The type of its result; there is no such property. */
  readonly result?: Result;
}

/** A method as it is put into a {@linkcode MultiCall}. */
export type QueuedXMLRPCMethod<Method> =
  & (Method extends (...params: infer Params) => infer Result
    ? (...params: Params) => MultiCallItem<Awaited<Result>>
    : unknown)
  & { readonly [Name in keyof Method]: QueuedXMLRPCMethod<Method[Name]> };

/** What the methods of a server may return. */
export type XMLRPCResultOf<Methods> = {
  [Name in keyof Methods]: Methods[Name] extends
    (...params: never[]) => infer Result ? Awaited<Result>
    : Methods[Name] extends object ? XMLRPCResultOf<Methods[Name]>
    : never;
}[keyof Methods];

/**
 * Calls that go to a server together. A method of the server is put into the list
 * by calling it here. Calling the object itself sends the list, and gives a promise
 * of the {@linkcode MultiCallResults}; doing it again sends it again.
 */
export type MultiCall<Methods extends object = AnyXMLRPCMethods> =
  & { readonly [Name in keyof Methods]: QueuedXMLRPCMethod<Methods[Name]> }
  & ((
    options?: XMLRPCCallOptions,
  ) => Promise<MultiCallResults<XMLRPCResultOf<Methods>>>);

/** Makes a {@linkcode MultiCall}. */
export interface MultiCallConstructor {
  /**
   * Constructs a new instance, without calls.
   *
   * @param server A proxy of the server, or a client.
   * @throws {TypeError} If it is neither.
   */
  new <Methods extends object = AnyXMLRPCMethods>(
    server: ServerProxy<Methods> | XMLRPCClient,
  ): MultiCall<Methods>;
}

/**
 * Puts several calls into one, `system.multicall`, like CPython's
 * `xmlrpc.client.MultiCall`.
 *
 * The promise rejects as {@linkcode XMLRPCClient.call} says, with
 * {@linkcode XMLRPCFault} where the server does not know that method. A fault of
 * one of the calls is thrown when its result is reached.
 *
 * @example Two calls in one
 * ```ts
 * import { MultiCall, ServerProxy, SimpleXMLRPCServer } from "@wire/socketserver/xmlrpc";
 * import { deepStrictEqual } from "node:assert";
 *
 * await using server = new SimpleXMLRPCServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   { logRequests: false },
 * );
 * server.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * server.registerMulticallFunctions();
 * server.serveForever();
 *
 * using calculator = new ServerProxy<{ add(a: number, b: number): number }>(
 *   `http://127.0.0.1:${server.addr.port}`,
 * );
 * const calls = new MultiCall(calculator);
 * calls.add(2, 3);
 * calls.add(4, 5);
 * deepStrictEqual([...await calls()], [5, 9]);
 * ```
 */
export const MultiCall: MultiCallConstructor = class {
  constructor(server: object) {
    const caller = callers.get(server);
    if (caller === undefined) {
      throw wrong(
        "put calls together",
        "the server",
        "a ServerProxy or an XMLRPCClient",
        server,
      );
    }
    const calls: { methodName: string; params: unknown[] }[] = [];
    return dottedNames({
      description: `MultiCall(${JSON.stringify(caller.url)})`,
      apply: ([options = {}]) =>
        caller.call(
          SYSTEM_METHODS.multicall.name,
          [calls],
          options as XMLRPCCallOptions,
          readResults(calls.length),
        ),
    }, (methodName, params): MultiCallItem<unknown> => {
      calls.push({ methodName, params });
      return { index: calls.length - 1 };
    });
  }
} as unknown as MultiCallConstructor;

/** The result of one call. */
type Outcome = { readonly value: XMLRPCValue } | {
  readonly fault: XMLRPCFault;
};

/**
 * The results of a {@linkcode MultiCall}, in the order of its calls. Instances are
 * made by calling that.
 */
export class MultiCallResults<Result = XMLRPCValue>
  implements Iterable<Result> {
  readonly #outcomes: readonly Outcome[];

  /** @ignore */
  constructor(outcomes: readonly Outcome[]) {
    this.#outcomes = outcomes;
  }

  /** How many there are. */
  get length(): number {
    return this.#outcomes.length;
  }

  /**
   * The result of one call.
   *
   * @param item What calling the method has returned, or its index.
   * @returns What the method returned.
   * @throws {XMLRPCFault} If that is what the call was answered with.
   * @throws {RangeError} If there is no such call.
   */
  get<Own extends Result = Result>(item: MultiCallItem<Own> | number): Own {
    const index = typeof item === "number" ? item : item.index;
    const outcome = this.#outcomes[index];
    if (outcome === undefined) {
      throw new RangeError(
        `Cannot get the result of call ${index}: there are ${this.length}, the first is 0`,
      );
    }
    if ("fault" in outcome) throw outcome.fault;
    return outcome.value as Own;
  }

  /**
   * All results. Whoever iterates gets to a fault as an error, and no further.
   *
   * @returns An iterator.
   * @throws {XMLRPCFault} Where a call was answered with it.
   */
  *[Symbol.iterator](): Iterator<Result> {
    for (let index = 0; index < this.length; index++) yield this.get(index);
  }
}

/** Reads what a server has answered to as many calls. */
function readResults(
  count: number,
): Reading<MultiCallResults<never>> {
  return (value, refuse) => {
    if (!Array.isArray(value) || value.length !== count) {
      throw refuse(
        `answered ${count} calls with ${
          Array.isArray(value) ? `${value.length} results` : "no array"
        }`,
      );
    }
    return new MultiCallResults(value.map((result, index): Outcome => {
      if (Array.isArray(result) && result.length === 1) {
        return { value: result[0]! };
      }
      const fault = faultIn(result);
      if (fault !== undefined) return { fault };
      throw refuse(
        `answered call ${index} with neither an array of one result nor a fault`,
      );
    }));
  };
}
