import { checkRuns } from "../_generators.ts";
import { checkKeys } from "../_known_keys.ts";
import { printThrown } from "../_print_thrown.ts";
import { checkBoolean } from "../_settings.ts";
import {
  faultOf,
  isFault,
  methodNotFound,
  quoted,
  resultFault,
} from "./_methods/faults.ts";
import {
  findMethod,
  type FoundMethod,
  publicMethodNames,
} from "./_methods/find_method.ts";
import { callMany } from "./_methods/multicall.ts";
import { parameterNames } from "./_methods/parameter_names.ts";
import {
  asResultType,
  checkSignatures,
  matchSignature,
} from "./_methods/signatures.ts";
import { SYSTEM_METHODS } from "./_methods/system_methods.ts";
import { inTurns } from "./_xml/in_pieces.ts";
import {
  checkLimit,
  LIMIT_NAMES,
  type Limits,
  limitsOf,
} from "./_xml/limits.ts";
import {
  readCall,
  writeFault,
  writeResponse,
  type XMLRPCCall,
} from "./_xml/messages.ts";
import { XMLRPC_FAULT_CODES, XMLRPCFault } from "./xmlrpc_fault.ts";
import type { XMLRPCMethodInfo, XMLRPCSignature } from "./xmlrpc_signature.ts";
import type { XMLRPCOptions, XMLRPCValue } from "./xmlrpc_values.ts";

/**
 * A function that can be called over XML-RPC. What it returns, or what its
 * promise becomes, is the answer; what it throws, the fault.
 */
export type XMLRPCFunction = (...params: never[]) => unknown;

/** Calls a method: its name, its parameters. */
export type XMLRPCDispatch = (
  method: string,
  params: XMLRPCValue[],
) => unknown;

/** What is said about a function when it is registered. */
export interface XMLRPCFunctionOptions {
  /**
   * The name that it is called by.
   *
   * @default the function's own name
   */
  readonly name?: string;
  /**
   * The type of the result, then those of the parameters; or several of these,
   * where parameters may be left out or be of several types. Calls that do not
   * fit are answered with fault -32602. Without it calls are only refused that
   * have fewer parameters than the function's `length`, in which `b?: number`
   * counts and `b = 0` does not.
   */
  readonly signature?: XMLRPCSignature | readonly XMLRPCSignature[];
  /** What the function does, for callers to read. */
  readonly help?: string;
}

/** How the methods of an instance are found. */
export interface XMLRPCInstanceOptions {
  /**
   * Whether a dot in a method's name leads to a member of the instance and a
   * method of that. Whoever can connect can then call every public method of
   * all that the instance's members lead to.
   *
   * @default {false}
   */
  readonly allowDottedNames?: boolean;
}

/**
 * What an instance may have to decide more itself. The names start with `_`, so
 * that no caller reaches them.
 */
export interface XMLRPCInstance {
  /**
   * Called for every method that is not a registered function.
   *
   * @param method The name that was called.
   * @param params The parameters.
   * @returns The answer, or a promise of it.
   */
  _dispatch?(method: string, params: XMLRPCValue[]): unknown;
  /**
   * Says which methods there are.
   *
   * @returns Their names.
   */
  _listMethods?(): readonly string[];
  /**
   * Says what a method does.
   *
   * @param method Its name.
   * @returns The text.
   */
  _methodHelp?(method: string): string | undefined;
  /**
   * Says what a method takes and returns.
   *
   * @param method Its name.
   * @returns Its signatures.
   */
  _methodSignature?(method: string): readonly XMLRPCSignature[] | undefined;
  /**
   * Says what the parameters of a method are called, for documentation.
   *
   * @param method Its name.
   * @returns The names; by default as the method itself has them.
   */
  _methodParameters?(method: string): readonly string[] | undefined;
}

/** Options of an {@linkcode XMLRPCDispatcher}. */
export interface XMLRPCDispatcherOptions extends XMLRPCOptions {
  /**
   * Called with what a method threw that is no {@linkcode XMLRPCFault}. Its
   * caller is told its name and message, as a fault.
   */
  readonly onFault?: (error: unknown, method: string) => void;
  /**
   * How many calls a `system.multicall` may be made of. More are answered with
   * fault -32602, and none of them is made. `Infinity` sets no limit.
   *
   * @default {1000}
   */
  readonly maxCalls?: number;
}

/** The names of those options. */
const DISPATCHER_OPTIONS: readonly string[] = [
  ...LIMIT_NAMES,
  ...["onFault", "maxCalls"],
];
const FUNCTION_OPTIONS: readonly (keyof XMLRPCFunctionOptions)[] = [
  "name",
  "signature",
  "help",
];

const DEFAULT_MAX_CALLS = 1_000;

/** A function, with all that was said about it. */
interface Registered {
  readonly signatures: readonly XMLRPCSignature[];
  readonly help: string;
  readonly fn: XMLRPCFunction;
}

/**
 * Knows the functions that can be called over XML-RPC, and calls them.
 *
 * @example Answering a call
 * ```ts
 * import { XMLRPCDispatcher } from "@wire/socketserver/xmlrpc";
 * import { strictEqual } from "node:assert";
 *
 * const dispatcher = new XMLRPCDispatcher();
 * dispatcher.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * strictEqual(await dispatcher.dispatch("add", [2, 3]), 5);
 * ```
 */
export class XMLRPCDispatcher {
  readonly #limits: Limits;
  readonly #onFault: ((error: unknown, method: string) => void) | undefined;
  readonly #functions: Map<string, Registered> = new Map();
  #instance: (object & XMLRPCInstance) | undefined;
  #allowDottedNames = false;
  readonly #maxCalls: number;
  readonly #multicall = (
    calls: XMLRPCValue[],
    dispatch: XMLRPCDispatch,
  ): Promise<unknown[]> =>
    callMany(calls, dispatch, {
      limits: this.#limits,
      maxCalls: this.#maxCalls,
      asFault: (error, method) => this.#asFault(error, method),
    });

  /**
   * Constructs a new instance.
   *
   * @param options How values are read and written, and who is told of errors.
   * @throws {RangeError} If `maxDepth`, `maxSize`, `maxValues` or `maxCalls` is
   * not a positive integer.
   * @throws {TypeError} If `onFault` is not a function, or an option has an
   * unknown name.
   */
  constructor(options: XMLRPCDispatcherOptions = {}) {
    checkDispatcherOptions(options);
    const { maxCalls = DEFAULT_MAX_CALLS, onFault } = options;
    this.#limits = limitsOf(options);
    checkLimit("maxCalls", maxCalls);
    this.#maxCalls = maxCalls;
    this.#onFault = onFault;
  }

  /**
   * Lets a function be called. It takes the place of one of the same name.
   *
   * @param fn The function.
   * @param options Its name, its signature, what it does.
   * @returns The same function.
   * @throws {TypeError} If it is no function, has no name, its signature has no
   * such types, or an option has an unknown name.
   */
  registerFunction<Fn extends XMLRPCFunction>(
    fn: Fn,
    options: XMLRPCFunctionOptions = {},
  ): Fn {
    if (typeof fn !== "function") {
      throw new TypeError(
        `Cannot register ${Deno.inspect(fn)}: it is not a function`,
      );
    }
    checkKeys(
      "option",
      options,
      FUNCTION_OPTIONS,
      undefined,
      "register a function",
    );
    const { name = fn.name, signature, help = "" } = options;
    if (name === "") {
      throw new TypeError(
        "Cannot register a function without a name: give one, { name: … }",
      );
    }
    const signatures = severalSignatures(signature);
    checkSignatures(name, signatures);
    this.#functions.set(name, { signatures, help, fn });
    return fn;
  }

  /**
   * Lets the public methods of an object be called. It takes the place of an
   * earlier one; registered functions come first.
   *
   * Public is what the object or its classes define, but for what starts with
   * `_`, `constructor`, accessors, and what JavaScript itself defines.
   *
   * @param instance The object. See {@linkcode XMLRPCInstance} for what else it
   * may have.
   * @param options Whether names may have dots.
   * @throws {TypeError} If it is no object, or an option is not one.
   */
  registerInstance(
    instance: object,
    options: XMLRPCInstanceOptions = {},
  ): void {
    if (typeof instance !== "object" || instance === null) {
      throw new TypeError(
        `Cannot register ${Deno.inspect(instance)}: it is not an object`,
      );
    }
    const action = "register an instance";
    checkKeys("option", options, ["allowDottedNames"], undefined, action);
    const { allowDottedNames = false } = options;
    checkBoolean(action, "allowDottedNames", allowDottedNames);
    this.#instance = instance;
    this.#allowDottedNames = allowDottedNames;
  }

  /**
   * Lets callers ask what there is: `system.listMethods`,
   * `system.methodSignature` and `system.methodHelp`.
   */
  registerIntrospectionFunctions(): void {
    this.registerFunction(
      (): string[] => this.listMethods(),
      SYSTEM_METHODS.listMethods,
    );
    this.registerFunction((name: string) => {
      const { signatures } = this.methodInfo(name);
      // "A none-array value" is what says that it is not known.
      return signatures.length > 0 ? signatures : "signatures not supported";
    }, SYSTEM_METHODS.methodSignature);
    this.registerFunction(
      (name: string): string => this.methodInfo(name).help,
      SYSTEM_METHODS.methodHelp,
    );
  }

  /** Lets callers put several calls into one: `system.multicall`. */
  registerMulticallFunctions(): void {
    this.registerFunction(this.#multicall, SYSTEM_METHODS.multicall);
  }

  /**
   * Lists what can be called.
   *
   * @returns The names, sorted.
   */
  listMethods(): string[] {
    const instance = this.#instance;
    const names = new Set(this.#functions.keys());
    if (instance !== undefined) {
      const own = instance._listMethods?.() ??
        // What a _dispatch answers, only it knows.
        (instance._dispatch ? [] : publicMethodNames(instance));
      for (const name of own) names.add(name);
    }
    return [...names].sort();
  }

  /**
   * Tells what is known of a method.
   *
   * @param name Its name.
   * @returns Its signatures and help, and the names of its parameters.
   * @throws {XMLRPCFault} If there is no such method: -32601.
   */
  methodInfo(name: string): XMLRPCMethodInfo {
    const registered = this.#functions.get(name);
    if (registered !== undefined) {
      const { signatures, help, fn } = registered;
      return infoOf(name, signatures, help, () => parameterNames(fn));
    }
    const instance = this.#instance;
    if (instance === undefined) throw methodNotFound(name);
    const help = instance._methodHelp?.(name);
    const signatures = instance._methodSignature?.(name);
    // What a _dispatch answers may be something else than what is found.
    const found = findMethod(instance, name, this.#allowDottedNames);
    if (
      help === undefined && signatures === undefined &&
      !instance._listMethods?.().includes(name) && found === undefined
    ) {
      throw methodNotFound(name);
    }
    return infoOf(
      name,
      signatures ?? [],
      help ?? "",
      () =>
        instance._methodParameters?.(name) ??
          (instance._dispatch ? undefined : namesIn(found)),
    );
  }

  /**
   * Calls a method.
   *
   * @param method Its name.
   * @param params What to call it with.
   * @param dispatch What calls the methods that a `system.multicall` is made
   * of: whoever overrides this, or calls it, sees these too.
   * @returns A promise of what it returned. It rejects with what it threw, or
   * with {@linkcode XMLRPCFault} if there is no such method (-32601) or it takes
   * other parameters (-32602).
   */
  async dispatch(
    method: string,
    params: XMLRPCValue[],
    dispatch: XMLRPCDispatch = (method, params) =>
      this.dispatch(method, params),
  ): Promise<unknown> {
    const registered = this.#functions.get(method);
    if (registered !== undefined) {
      const { fn, signatures } = registered;
      const signature = matchSignature(method, signatures, params);
      if (signature === undefined) requireParams(method, fn, params);
      const result = fn === this.#multicall
        ? await this.#multicall(params[0] as XMLRPCValue[], dispatch)
        : await fn(...params as never[]);
      return asResultType(result, signature);
    }
    const instance = this.#instance;
    if (instance === undefined) throw methodNotFound(method);
    if (instance._dispatch) return await instance._dispatch(method, params);
    const found = findMethod(instance, method, this.#allowDottedNames);
    if (found === undefined) throw methodNotFound(method);
    const signatures = instance._methodSignature?.(method) ?? [];
    const signature = matchSignature(method, signatures, params);
    if (signature === undefined) requireParams(method, found.method, params);
    const result = await found.method.apply(found.owner, params as never[]);
    return asResultType(result, signature);
  }

  /**
   * Answers a call that came as XML.
   *
   * @param data The call: text, or bytes in the encoding that they declare.
   * @param dispatch What calls the method.
   * @returns A promise of the answer as XML, which is a fault if anything went
   * wrong, and also where the answer would be longer than `maxSize`. It does not
   * reject.
   */
  async marshaledDispatch(
    data: string | Uint8Array,
    dispatch: XMLRPCDispatch = (method, params) =>
      this.dispatch(method, params),
  ): Promise<string> {
    let call: XMLRPCCall;
    try {
      call = await inTurns(readCall(data, this.#limits));
    } catch (error) {
      return this.#fault(error, "");
    }
    let result: unknown;
    try {
      result = await dispatch(call.method, call.params);
    } catch (error) {
      return this.#fault(error, call.method);
    }
    try {
      return await inTurns(writeResponse(result, this.#limits));
    } catch (error) {
      return this.#fault(resultFault(error, call.method), call.method);
    }
  }

  #fault(error: unknown, method: string): string {
    return writeFault(this.#asFault(error, method), this.#limits);
  }

  #asFault(error: unknown, method: string): XMLRPCFault {
    if (isFault(error)) return error;
    try {
      this.#onFault?.(error, method);
    } catch (failed) {
      // Whoever is told of errors must not keep the caller from being told.
      printThrown(["onFault of an XMLRPCDispatcher threw", failed]);
    }
    return faultOf(error);
  }
}

function checkDispatcherOptions(options: XMLRPCDispatcherOptions): void {
  const action = "create dispatcher";
  if (Object.hasOwn(Object(options), "onError")) {
    throw new TypeError(
      `Cannot ${action}: unknown option "onError"; what a dispatcher tells of faults is called "onFault"`,
    );
  }
  checkKeys("option", options, DISPATCHER_OPTIONS, undefined, action);
  const { onFault } = options;
  if (onFault !== undefined) checkRuns("onFault", onFault, action);
}

function infoOf(
  name: string,
  signatures: readonly XMLRPCSignature[],
  help: string,
  names: () => readonly string[] | undefined,
): XMLRPCMethodInfo {
  const parameters = signatures.length > 0 ? undefined : names();
  return {
    ...{ name, signatures, help },
    ...parameters === undefined ? {} : { parameters },
  };
}

function namesIn(
  found: FoundMethod | undefined,
): readonly string[] | undefined {
  return found && parameterNames(found.method);
}

function severalSignatures(
  signature: XMLRPCFunctionOptions["signature"] = [],
): readonly XMLRPCSignature[] {
  const [first] = signature;
  return typeof first === "string"
    ? [signature as XMLRPCSignature]
    : signature as readonly XMLRPCSignature[];
}

/** A function says how many parameters it cannot do without. */
function requireParams(
  method: string,
  fn: XMLRPCFunction,
  params: readonly XMLRPCValue[],
): void {
  if (params.length >= fn.length) return;
  throw new XMLRPCFault(
    XMLRPC_FAULT_CODES.invalidParams,
    `Cannot call ${
      quoted(method)
    }: it takes ${fn.length} parameters, received ${params.length}`,
  );
}
