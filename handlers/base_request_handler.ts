import { markLeftBehind } from "./streams/_left_behind.ts";
import { refuseGenerator, refuseGeneratorMethods } from "./_generators.ts";
import { nameBounded } from "./_inspect_bounded.ts";
import { proxyOf } from "./_proxied.ts";
import { refuseResponse } from "./_results.ts";
import type { ProxyHeader } from "./proxy_header.ts";
import { TRAFFIC, type Traffic } from "./_traffic.ts";
import type { Unsent } from "./_unsent.ts";
import {
  ABORT,
  CLOSING,
  type Closing,
  FAIL,
  type HandlerHost,
  RUN,
  type Served,
  SERVES,
  SETTLE,
  UNSENT,
} from "./_host.ts";

/**
 * What a handler sees of the server that made it.
 *
 * `Config` is the type of the server's configuration, `Message` that of what handlers
 * post: `StreamRequestHandler<Deno.NetAddr, RequestServer<MyConfig, MyMessage>>`.
 */
export interface RequestServer<Config = unknown, Message = unknown> {
  /** The address the server is bound to. */
  readonly addr: Deno.Addr;
  /**
   * A copy of the server's option `config`, or of what it was set to last. Objects
   * and arrays in it are frozen.
   */
  readonly config: Config;
  /**
   * Sends a message to the server, which handles it by its option `onMessage` or
   * `handleMessage()`. What one thread or process posts arrives in that order, and
   * before the end of the request that has posted it.
   *
   * @param message Data, of which the server gets a copy: texts, numbers, booleans,
   * `null`, `undefined`, bigints, arrays, plain objects, `Map`, `Set`, `Date`,
   * `Error`, `ArrayBuffer` and its views; also such as hold themselves. At most
   * 128 KiB as they travel, with 16,384 objects, 200 levels deep. Keys that are
   * symbols and what is not enumerable do not travel.
   * @returns Nothing; or, where the server has not handled 512 KiB of what this
   * thread or process has posted, a promise that resolves when it has: the rest waits
   * here. Whoever posts much awaits it. Each message counts 256 bytes more.
   * @throws {Deno.errors.Busy} If more than 16 MiB would wait.
   * @throws {RangeError} If the message is too large.
   * @throws {TypeError} If it holds anything else; the error says where.
   */
  post(message: Message): void | Promise<void>;
  /**
   * How long a request may take, in milliseconds, where its handler measures
   * that itself, as those of HTTP do. `Infinity`, or left out, sets no limit.
   */
  readonly requestTimeout?: number;
  /**
   * Stops the server. May be awaited inside a handler: the promise does not
   * wait for the handler that called it.
   *
   * @param options `gracePeriod`: milliseconds until requests still running
   * are aborted.
   * @returns A promise that resolves when no other request is running.
   * @throws {Deno.errors.NotCapable} In a process of a server whose option
   * `allowShutdown` is false.
   */
  shutdown(options?: { readonly gracePeriod?: number }): Promise<void>;
}

/** The methods that are called for each request. */
const STEPS: readonly string[] = [
  ...["setup", "handle", "finish", "onShutdown", "onMessage"],
];

/** An error that a handler threw: it may be any value, `undefined` too. */
interface Failure {
  readonly error: unknown;
}

/**
 * The base of all request handlers. A server makes one instance for each
 * request and calls `setup()`, `handle()` and `finish()`, the last always.
 *
 * The instance is the place for the state of one request. Each of the three may
 * return a promise. What they throw goes to the server's `handleError`.
 *
 * `Request` is what the server accepted: a `Deno.Conn`, or for datagrams a
 * {@linkcode DatagramRequest}. `Address` is the type of the client's address,
 * `Server` that of the server.
 *
 * @example A handler on the bare connection
 * ```ts
 * import { BaseRequestHandler, TCPServer } from "@wire/socketserver";
 *
 * class Greeter extends BaseRequestHandler<Deno.Conn> {
 *   override async handle() {
 *     await this.request.write(new TextEncoder().encode("hello\n"));
 *   }
 * }
 *
 * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Greeter);
 * ```
 */
export class BaseRequestHandler<
  Request = unknown,
  Address extends Deno.Addr | null = Deno.Addr,
  Server extends RequestServer = RequestServer,
> {
  /**
   * The URL of the module that exports the handler class: `import.meta.url`.
   * Servers that run handlers in threads or processes need it, and each class
   * has its own.
   */
  static readonly moduleUrl: string | undefined = undefined;
  /**
   * Whether it keeps the server's `requestTimeout` itself: it serves many requests
   * of one connection, and the server knows only that.
   *
   * @default {false}
   */
  static readonly measuresRequests: boolean = false;
  /**
   * Checks what the class is set to. Servers call it when they are constructed,
   * before anybody is served.
   *
   * @throws {RangeError} If a setting is out of range.
   * @throws {TypeError} If a setting is of another type, or has an unknown name,
   * or a method is a generator function, so that it would never run.
   * @ignore
   */
  static checkSettings(): void {
    refuseGeneratorMethods(this, (name) => STEPS.includes(name));
    refuseGenerator(`onMessage() of the class "${this.name}"`, this.onMessage);
  }
  /**
   * Called with each message of the server, `broadcast()`, once in each thread or
   * process that runs handlers of this class, and before their own `onMessage`: for
   * state that they share there. Does nothing unless overridden. What it throws goes
   * to the server's `handleError`.
   *
   * @param _message A copy of what was sent. Objects and arrays in it are frozen,
   * as all who get it share it.
   * @param _server The server, as handlers see it.
   * @returns Nothing, or a promise, which is not waited for.
   */
  static onMessage(
    _message: unknown,
    _server: RequestServer,
  ): void | Promise<void> {}
  /**
   * What it serves: the base serves whatever its subclass does.
   *
   * @ignore
   */
  static readonly [SERVES]: Served = undefined;
  /** What the server accepted. */
  readonly request: Request;
  /** The client's address. */
  readonly clientAddress: Address;
  /**
   * The server that accepted it. On the event loop it is the server itself, with
   * all that its class adds: give that class as the last type parameter of the
   * handler's, and `this.server.members` type-checks. In a thread or process it
   * is an object with `addr`, `config`, `post()` and `shutdown()` alone, whatever its
   * type says: the server is elsewhere.
   */
  readonly server: Server;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #host: HandlerHost | undefined;

  /**
   * Constructs a new instance. Servers do this, once for each request.
   *
   * @param request What the server accepted.
   * @param clientAddress The client's address.
   * @param server The server.
   */
  constructor(request: Request, clientAddress: Address, server: Server) {
    this.request = request;
    this.clientAddress = clientAddress;
    this.server = server;
  }

  /**
   * Aborted when the request is over before its handler is: on a timeout, when
   * a shutdown's grace period ends, when the peer resets the connection. Its
   * `reason` says which. Give it to whatever the handler waits for.
   *
   * @returns The signal of this request.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) {
        this.#controller.abort(this.#aborted.reason);
      }
    }
    return this.#controller.signal;
  }

  /**
   * What the server gives its handlers, wherever they run: its option `config`.
   * Give its type with that of the server, and `this.config` type-checks, and what the
   * server is given too.
   *
   * @example A handler with a setting
   * ```ts
   * import { type RequestServer, StreamRequestHandler, TCPServer } from "@wire/socketserver";
   *
   * interface Config {
   *   readonly greeting: string;
   * }
   *
   * class Greeter extends StreamRequestHandler<Deno.NetAddr, RequestServer<Config>> {
   *   override async handle() {
   *     await this.wfile.write(`${this.config.greeting}\n`);
   *   }
   * }
   *
   * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Greeter, {
   *   config: { greeting: "hello" },
   * });
   * ```
   *
   * @returns A copy, of which objects and arrays are frozen. It is another one once
   * the server's `config` has been set anew.
   */
  get config(): Server["config"] {
    return this.server.config;
  }

  /**
   * What the balancer has told of the connection that it forwards, where the
   * server takes it (`proxyProtocol`): who the client is, where it has connected
   * to, and what else the header says. `clientAddress` is the client's then.
   *
   * @returns It, or `undefined` where no PROXY header has come.
   */
  get proxy(): ProxyHeader | undefined {
    return proxyOf(this.request);
  }

  /**
   * Called first. Does nothing unless overridden.
   *
   * @returns Nothing, or a promise to wait for.
   */
  setup(): void | Promise<void> {}

  /**
   * Called to serve the request. Does nothing unless overridden.
   *
   * @returns Nothing, or a promise to wait for.
   */
  handle(): void | Promise<void> {}

  /**
   * Called last, whatever `setup` or `handle` threw. Does nothing unless
   * overridden.
   *
   * @returns Nothing, or a promise to wait for.
   */
  finish(): void | Promise<void> {}

  /**
   * Called when the server begins to shut down while this handler runs: it has
   * the grace period to come to its end. Does nothing unless overridden.
   *
   * @param _gracePeriod How long that is from now on, in milliseconds; `Infinity`
   * where there is none.
   * @returns Nothing, or a promise, which is not waited for.
   */
  onShutdown(_gracePeriod: number): void | Promise<void> {}

  /**
   * Called with each message that the server sends to its handlers, `broadcast()`,
   * while this one runs. Does nothing unless overridden. What it throws goes to the
   * server's `handleError`.
   *
   * @example What one client says, all get
   * ```ts
   * import { type RequestServer, StreamRequestHandler, TCPServer } from "@wire/socketserver";
   * import { strictEqual } from "node:assert";
   *
   * class Member extends StreamRequestHandler<Deno.NetAddr, RequestServer<undefined, string>> {
   *   override async handle() {
   *     for await (const line of this.rfile) await this.server.post(line);
   *   }
   *   override onMessage(line: string) {
   *     this.wfile.write(`${line}\n`);
   *   }
   * }
   *
   * await using server = new TCPServer({ hostname: "127.0.0.1", port: 0 }, Member, {
   *   onMessage: (line) => void server.broadcast(line),
   * });
   * server.serveForever();
   *
   * using client = await Deno.connect(server.addr);
   * await client.write(new TextEncoder().encode("hello\n"));
   * const buffer = new Uint8Array(100);
   * const n = await client.read(buffer);
   * strictEqual(new TextDecoder().decode(buffer.subarray(0, n!)), "hello\n");
   * ```
   *
   * @param _message A copy of what was sent. Objects and arrays in it are frozen,
   * as all who get it in this thread or process share it.
   * @returns Nothing, or a promise, which is not waited for.
   */
  onMessage(_message: unknown): void | Promise<void> {}

  /**
   * Where what moves its bytes counts them.
   *
   * @returns The counters, once it runs, if anybody counts.
   * @ignore
   */
  get [TRAFFIC](): Traffic | undefined {
    return this.#host?.traffic;
  }

  /**
   * What is left to be sent.
   *
   * @returns Its state, if this kind of handler can tell.
   * @ignore
   */
  get [UNSENT](): Unsent | undefined {
    return undefined;
  }

  /**
   * Sends what the handler left to be sent, after `finish`.
   *
   * @param _failed Whether the handler threw or was aborted.
   * @returns Nothing, or a promise to wait for.
   * @ignore
   */
  [SETTLE](_failed: boolean): void | Promise<unknown> {}

  /**
   * Aborts it: its connection has failed, and nothing can be sent any more.
   *
   * @param error How.
   * @ignore
   */
  protected [FAIL](error: unknown): void {
    this[ABORT](error);
    this.#host?.abort(error);
  }

  /**
   * Says how its connection is to be closed.
   *
   * @returns The way.
   * @ignore
   */
  [CLOSING](): Closing {
    return "linger";
  }

  /**
   * Aborts its signal.
   *
   * @param reason What `signal.reason` becomes.
   * @ignore
   */
  [ABORT](reason: unknown): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    // What is left behind may wait for the signal, and rejects with its reason.
    markLeftBehind(reason, this);
    this.#controller?.abort(reason);
  }

  /**
   * Runs it: `setup`, `handle`, `finish`, then what it still has to send.
   *
   * It awaits promises only: to await nothing, and to call functions that do,
   * would cost a small request as much as its handler.
   *
   * @param host Who runs it.
   * @returns Nothing, or a promise that rejects with what the handler threw.
   * @ignore
   */
  [RUN](host: HandlerHost): void | Promise<void> {
    this.#host = host;
    let failed: Failure | undefined;
    let going: void | Promise<void> = undefined;
    try {
      const ready = this.setup();
      going = ready === undefined
        ? this.handle()
        : ready.then(() => this.handle());
    } catch (error) {
      failed = { error };
    }
    if (going !== undefined) {
      return this.#finishAfter(going);
    }
    try {
      going = this.finish();
    } catch (error) {
      failed = bothErrors(error, failed);
    }
    if (going === undefined) return this.#settle(failed);
    return this.#settleAfter(going, failed);
  }

  async #finishAfter(handled: Promise<void>): Promise<void> {
    let failed: Failure | undefined;
    try {
      const result: unknown = await handled;
      if (result !== undefined) refuseResponse(result);
    } catch (error) {
      failed = { error };
    }
    try {
      const finished = this.finish();
      if (finished !== undefined) await finished;
    } catch (error) {
      failed = bothErrors(error, failed);
    }
    const settled = this.#settle(failed);
    if (settled !== undefined) await settled;
  }

  async #settleAfter(
    finished: Promise<void>,
    failed: Failure | undefined,
  ): Promise<void> {
    try {
      await finished;
    } catch (error) {
      failed = bothErrors(error, failed);
    }
    await this.#settle(failed);
  }

  #settle(failed: Failure | undefined): void | Promise<void> {
    try {
      const isCutOff = failed !== undefined || this.#aborted !== undefined;
      const settled = this[SETTLE](isCutOff);
      if (settled !== undefined) {
        if (this[UNSENT] !== undefined) this.#host?.settling(this[UNSENT]);
        return failed === undefined
          ? settled as Promise<void>
          : throwSettled(settled, failed);
      }
    } catch (error) {
      failed = bothErrors(error, failed);
    }
    if (failed !== undefined) throw failed.error;
  }
}

/** Throws what a handler threw, once it is settled. */
async function throwSettled(
  settled: Promise<unknown>,
  failed: Failure,
): Promise<never> {
  try {
    await settled;
  } catch (error) {
    throw bothErrors(error, failed).error;
  }
  throw failed.error;
}

/** A later error must not hide the one that came first. */
function bothErrors(error: unknown, earlier: Failure | undefined): Failure {
  if (earlier === undefined || earlier.error === error) return { error };
  const both = new SuppressedError(
    error,
    earlier.error,
    `A request's cleanup failed after its handler did: ${nameBounded(error)}`,
  );
  // Deno prints a cause, and not what is suppressed.
  Object.defineProperty(both, "cause", {
    value: earlier.error,
    configurable: true,
    writable: true,
  });
  return { error: both };
}
