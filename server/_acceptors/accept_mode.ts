import type { ServerOptions } from "../server_options.ts";
import { TCPServer } from "../tcp_server.ts";
import { TLSServer } from "../tls_server.ts";

const MODES: readonly unknown[] = ["auto", "threads", "main"];

/** The hooks that are called in the main thread, where they were written. */
const HOOKS = [
  "getRequest",
  "verifyRequest",
  "processRequest",
  "finishRequest",
  "shutdownRequest",
  "closeRequest",
  "serviceActions",
] as const;

/**
 * Checks the option that says who accepts.
 *
 * @throws {TypeError} If it is none of the three.
 */
export function checkAcceptMode(mode: unknown): void {
  if (MODES.includes(mode)) return;
  throw new TypeError(
    `Cannot create server: accept must be "auto", "threads" or "main", received ${
      Deno.inspect(mode)
    }`,
  );
}

/**
 * Why threads cannot accept for themselves without a difference that can be seen.
 *
 * @param Server The class of the server.
 * @param address What it was told to listen at.
 * @param options What it was told otherwise.
 * @returns What stands against it, as the end of a sentence, if anything does.
 */
export function objection(
  { prototype }: { readonly prototype: object },
  address: unknown,
  options: ServerOptions,
): string | undefined {
  if (!(prototype instanceof TCPServer || prototype instanceof TLSServer)) {
    return "only the connections of a TCPServer or a TLSServer can be accepted by threads";
  }
  const hook = hookOf(prototype);
  if (hook !== undefined) return hook;
  if (options.verify !== undefined) {
    return `the option "verify" is called in the main thread`;
  }
  const { reusePort, inheritable, fd, resolveContext } = (address ?? {}) as {
    readonly reusePort?: unknown;
    readonly inheritable?: unknown;
    readonly fd?: unknown;
    readonly resolveContext?: unknown;
  };
  if (resolveContext !== undefined) {
    return "resolveContext is called in the main thread";
  }
  if (reusePort) return "reusePort shares the port in another way";
  if (inheritable) return "a socket that is inheritable is not Deno's to share";
  if (fd !== undefined) return "a socket that was inherited cannot be shared";
  return undefined;
}

/**
 * Why threads cannot accept for themselves, if a server has a hook that is called
 * in the main thread.
 *
 * @param server A server, or what it inherits from.
 */
export function hookOf(server: object): string | undefined {
  const { prototype } = server instanceof TLSServer ? TLSServer : TCPServer;
  for (const hook of HOOKS) {
    if ((server as TCPServer)[hook] === prototype[hook]) continue;
    return `${hook}() is overridden, and called in the main thread`;
  }
  return undefined;
}

/**
 * Refuses hooks that are set on a server while threads accept for it: nobody would
 * call them.
 *
 * @returns Has them let be set again.
 */
export function refuseHooks(server: object): () => void {
  const refused = HOOKS.map((hook) => {
    const set = () => {
      throw new TypeError(
        `Cannot set ${hook}(): threads accept for this server and would not call it; set it before the server serves, or create the server with accept: "main"`,
      );
    };
    // Where that fails, as on an object that is frozen, nothing can be set either.
    Reflect.defineProperty(server, hook, {
      ...{ configurable: true, set },
      get: () => Object.getPrototypeOf(server)[hook],
    });
    return [hook, set] as const;
  });
  return () => {
    for (const [hook, set] of refused) {
      const isOurs = Object.getOwnPropertyDescriptor(server, hook)?.set === set;
      if (isOurs) Reflect.deleteProperty(server, hook);
    }
  };
}

/** Says that an explicit `accept: "threads"` cannot be. */
export function acceptError(objection: string): TypeError {
  return new TypeError(
    `Cannot let threads accept: ${objection}; leave the option "accept" out, or set it to "main"`,
  );
}
