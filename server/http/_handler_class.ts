import { refuseGenerator } from "../../handlers/_generators.ts";
import { BaseRequestHandler } from "../../handlers/base_request_handler.ts";
import { BaseHTTPRequestHandler } from "../../handlers/http/base_http_request_handler.ts";
import {
  type FetchErrorFunction,
  type FetchFunction,
  type FetchHandlerSettings,
  FetchRequestHandler,
} from "../../handlers/http/fetch_request_handler.ts";
import {
  completeHTTPLimits,
  type HTTPLimits,
} from "../../handlers/http/http_limits.ts";
import type { AccessLog } from "../../handlers/http/access_log.ts";
import type { ForwardedSettings } from "../../handlers/http/forwarded_settings.ts";
import type { HTTPCompression } from "../../handlers/http/http_compression.ts";
import { withSeam } from "../_core/seam.ts";
import type { RequestHandlerClass } from "../server_options.ts";

/** What an HTTP server takes as its handler. */
export type HTTPHandler<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
  Config = unknown,
> =
  | RequestHandlerClass<Connection, Address, Config>
  | FetchFunction<Address, Config>;

/** Options that every HTTP server has. */
export interface HTTPOptions {
  /**
   * What a client may ask for, where the handler is a function. A handler class
   * sets its own, which travel with it to threads and processes.
   */
  readonly limits?: Partial<HTTPLimits>;
  /**
   * Whether clients may end their side of the connection while they wait for an
   * answer, where the handler is a function. Unless they may, a client's end
   * aborts its request. A handler class says so itself:
   * {@linkcode BaseHTTPRequestHandler.allowHalfOpen}.
   *
   * @default {false}
   */
  readonly allowHalfOpen?: boolean;
  /**
   * How requests are logged, where the handler is a function; a handler class says
   * so itself: {@linkcode BaseHTTPRequestHandler.accessLog}.
   *
   * @default {undefined}
   */
  readonly accessLog?: AccessLog;
  /**
   * How responses are compressed, where the handler is a function; a handler class
   * says so itself: {@linkcode FetchRequestHandler.compression}.
   *
   * @default {false}
   */
  readonly compression?: Partial<HTTPCompression> | boolean;
  /**
   * Which proxies are believed who their client is, where the handler is a function;
   * a handler class says so itself: {@linkcode BaseHTTPRequestHandler.forwarded}.
   *
   * @default {undefined}
   */
  readonly forwarded?: ForwardedSettings;
  /**
   * Answers what the handler has thrown, where that is a function; a handler class
   * has a method for it: {@linkcode FetchRequestHandler.onError}. What this throws is
   * answered with 500, and reported to `handleError`.
   */
  readonly onFetchError?: FetchErrorFunction;
}

const OPTIONS = Object.keys(
  {
    limits: true,
    allowHalfOpen: true,
    accessLog: true,
    compression: true,
    forwarded: true,
    onFetchError: true,
  } satisfies Record<keyof HTTPOptions, true>,
) as readonly (keyof HTTPOptions)[];

/** The options of an HTTP server, for the server that it is. */
export function withHTTP<Options extends HTTPOptions>(
  options: Options,
): Options {
  return withSeam(options, { optionNames: OPTIONS });
}

/**
 * The class that an HTTP server instantiates: the one it was given, or one made
 * around the function it was given.
 *
 * @throws {RangeError} If a limit is out of range, the class's own too.
 * @throws {TypeError} If limits or `allowHalfOpen` are given beside a class, or
 * what a class is set to is none of its settings.
 */
export function httpHandlerClass<
  Connection extends Deno.Conn<Address>,
  Address extends Deno.Addr,
  Config,
>(
  handler: HTTPHandler<Connection, Address, Config>,
  options: HTTPOptions,
): RequestHandlerClass<Connection, Address, Config> {
  const { limits, allowHalfOpen } = options;
  const isClass = typeof handler !== "function" ||
    handler.prototype instanceof BaseRequestHandler ||
    /^class\b/.test(Function.prototype.toString.call(handler));
  if (allowHalfOpen !== undefined && typeof allowHalfOpen !== "boolean") {
    throw new TypeError(
      `Cannot create server: allowHalfOpen must be true or false, received ${
        Deno.inspect(allowHalfOpen)
      }`,
    );
  }
  if (!isClass) {
    refuseGenerator("the handler", handler);
    if (limits !== undefined) completeHTTPLimits(limits);
    return FetchRequestHandler.from(
      handler as FetchFunction,
      limits,
      allowHalfOpen,
      settingsIn(options),
    ) as unknown as RequestHandlerClass<Connection, Address, Config>;
  }
  for (const name of OPTIONS) {
    if (options[name] === undefined) continue;
    const remedy = name === "onFetchError"
      ? "give the handler class a method onError() instead"
      : `set \`static override readonly ${name}\` in the handler class instead`;
    throw new TypeError(
      `Cannot create server: the option "${name}" is for handlers that are functions; ${remedy}`,
    );
  }
  // What is no handler class at all, every server refuses.
  if (
    typeof handler === "function" &&
    handler.prototype instanceof BaseRequestHandler &&
    handler as unknown !== BaseHTTPRequestHandler &&
    !(handler.prototype instanceof BaseHTTPRequestHandler)
  ) {
    throw new TypeError(
      `Cannot create server: the class "${handler.name}" does not speak HTTP; extend FetchRequestHandler, SimpleHTTPRequestHandler or BaseHTTPRequestHandler, or serve it with a server that is not of HTTP`,
    );
  }
  return handler as RequestHandlerClass<Connection, Address, Config>;
}

/** What of the options the handler class is set to. */
function settingsIn(
  { accessLog, compression, forwarded, onFetchError }: HTTPOptions,
): FetchHandlerSettings {
  return {
    ...(accessLog !== undefined && { accessLog }),
    ...(compression !== undefined && { compression }),
    ...(forwarded !== undefined && { forwarded }),
    ...(onFetchError !== undefined && { onError: onFetchError }),
  };
}
