import { connect, type ConnectOptions } from "../../handlers/client/connect.ts";
import {
  connectDatagram,
  type ConnectDatagramOptions,
} from "../../handlers/client/connect_datagram.ts";
import type { DatagramClient } from "../../handlers/client/datagram_client.ts";
import type { StreamClient } from "../../handlers/client/stream_client.ts";
import { checkKeys } from "../../handlers/_known_keys.ts";
import { nameBounded } from "../../handlers/_inspect_bounded.ts";
import { printThrown } from "../../handlers/_print_thrown.ts";
import { limitTime } from "../../handlers/_time_limit.ts";
import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import { checkCount, checkTime } from "../_core/options.ts";
import type { ErrorLog } from "./_error_log.ts";

/** How long handlers have to end, where it is not said, in milliseconds. */
const GRACE_PERIOD = 5_000;
/** How many errors a failure names. */
const MOST_TOLD = 10;
/** How long errors are waited for, where it is not said, in milliseconds. */
const PATIENCE = 20_000;

/** What a server has that can be served for a test: all of this module's have. */
export interface TestableServer {
  /** Where it listens. */
  readonly addr: Deno.Addr;
  /**
   * Serves until it is shut down.
   *
   * @returns A promise that resolves when it has ended.
   */
  serveForever(): Promise<void>;
  /**
   * Ends.
   *
   * @param options `gracePeriod`: milliseconds until requests still running are
   * aborted.
   * @returns A promise that resolves when it has ended.
   */
  shutdown(options?: { readonly gracePeriod?: number }): Promise<void>;
}

/** Options of {@linkcode TestServer.untilErrors}. */
export interface UntilErrorsOptions {
  /**
   * How long to wait, in milliseconds.
   *
   * @default {20000}
   */
  readonly timeout?: number;
}

/**
 * A server that serves until the end of a test's block. Instances are made by
 * {@linkcode serveForTest}.
 */
export class TestServer<Server extends TestableServer = TestableServer>
  implements AsyncDisposable {
  /** The server itself. */
  readonly server: Server;
  /** The certificate it shows by default and its key, of a server of TLS. */
  readonly certificate: TLSCertificate | undefined;
  readonly #log: ErrorLog;
  readonly #allowErrors: boolean | ((error: unknown) => boolean);
  readonly #gracePeriod: number;
  readonly #undo: AsyncDisposableStack;
  readonly #served: Promise<PromiseSettledResult<void>[]>;
  #taken = 0;
  #closing: Promise<void> | undefined;

  /**
   * @param server The server.
   * @param log Takes note of its errors.
   * @param options What its errors are, and how it ends.
   * @param undo What is to be undone when it has ended.
   * @param certificate Its certificate.
   * @ignore
   */
  constructor(
    server: Server,
    log: ErrorLog,
    options: {
      readonly allowErrors?: boolean | ((error: unknown) => boolean);
      readonly gracePeriod?: number;
    },
    undo: AsyncDisposableStack,
    certificate: TLSCertificate | undefined,
  ) {
    const { allowErrors = false, gracePeriod = GRACE_PERIOD } = options;
    this.server = server;
    this.certificate = certificate;
    this.#log = log;
    this.#allowErrors = allowErrors;
    this.#gracePeriod = gracePeriod;
    this.#undo = undo;
    this.#served = Promise.allSettled([server.serveForever()]);
  }

  /**
   * Where the server listens.
   *
   * @returns The server's address.
   */
  get addr(): Server["addr"] {
    return this.server.addr;
  }

  /**
   * What the server's `handleError` was told and nobody has taken, in order.
   *
   * @returns The errors.
   */
  get errors(): readonly unknown[] {
    return this.#log.of(this.server).slice(this.#taken);
  }

  /**
   * Connects to the server; to one of TLS with its certificate in `ca`, unless the
   * options say otherwise.
   *
   * @param options What `connect` of `./client` takes.
   * @returns The connection.
   * @throws {TypeError} If it is a server of datagrams.
   * @throws What `connect` throws.
   */
  async connect(
    options: ConnectOptions = {},
  ): Promise<StreamClient<Deno.NetAddr | Deno.UnixAddr>> {
    const { addr } = this;
    if (isOfDatagrams(addr)) {
      throw new TypeError(
        "Cannot connect: it is a server of datagrams; use connectDatagram()",
      );
    }
    const { tls = this.certificate !== undefined } = options;
    const ca = this.certificate?.cert;
    const withCA = tls !== false && ca !== undefined
      ? { ...options, tls: { ca, ...tls === true ? {} : tls } }
      : options;
    return await ("path" in addr
      ? connect(addr as Deno.UnixAddr & { transport: "unix" }, withCA)
      : connect(addr as Deno.NetAddr, withCA));
  }

  /**
   * Makes a client of the server, which is one of datagrams.
   *
   * @param options What `connectDatagram` of `./client` takes.
   * @returns The client.
   * @throws {TypeError} If it is a server of connections.
   * @throws What `connectDatagram` throws.
   */
  async connectDatagram(
    options: ConnectDatagramOptions = {},
  ): Promise<DatagramClient> {
    const { addr } = this;
    if (!isOfDatagrams(addr)) {
      throw new TypeError(
        "Cannot connect: it is a server of connections; use connect()",
      );
    }
    return await connectDatagram(addr as Deno.NetAddr, options);
  }

  /**
   * Waits until the server has been told of so many errors, and takes them: they
   * are no failure of the test.
   *
   * @param count How many.
   * @param options How long to wait.
   * @returns Those, the first ones that nobody has taken before.
   * @throws {DOMException} "TimeoutError" if they do not come in time.
   * @throws {RangeError} If `count` is not a positive integer, or the time is out
   * of range.
   */
  async untilErrors(
    count = 1,
    options: UntilErrorsOptions = {},
  ): Promise<unknown[]> {
    checkKeys("option", options, ["timeout"], undefined, "wait for errors");
    const { timeout = PATIENCE } = options;
    checkCount("count", count, 1, "wait for errors");
    checkTime("timeout", timeout);
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const timer = limitTime(
      timeout,
      `Waited ${timeout} ms in vain for ${count} error${
        count === 1 ? "" : "s"
      } of the server; if the server takes longer, raise the option timeout`,
      late.reject,
    );
    try {
      while (this.errors.length < count) {
        await Promise.race([this.#log.next(), late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
    return this.#take(count);
  }

  /**
   * Takes the errors that the server was told of until now: they are no failure of
   * the test.
   *
   * @returns Those that nobody has taken before.
   */
  takeErrors(): unknown[] {
    return this.#take(this.errors.length);
  }

  /**
   * Shuts the server down, and tells of errors that nobody has taken. The first ten are
   * printed to stderr too, as `deno test` does not show them where the test's body has
   * failed before.
   *
   * @returns A promise that resolves when no request is in progress.
   * @throws {AggregateError} If there are errors, unless they are allowed.
   * @throws What `serveForever` or `shutdown` of the server has failed with, or
   * `allowErrors`, where there are no such errors.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing ??= this.#close();
  }

  #take(count: number): unknown[] {
    const taken = this.errors.slice(0, count);
    this.#taken += taken.length;
    return taken;
  }

  async #close(): Promise<void> {
    const failures: unknown[] = [];
    {
      await using _undo = this.#undo;
      using _log = this.#log;
      try {
        await this.server.shutdown({ gracePeriod: this.#gracePeriod });
        const [served] = await this.#served;
        if (served?.status === "rejected") failures.push(served.reason);
      } catch (error) {
        failures.push(error);
      }
    }
    const errors = this.errors.filter((error) =>
      !this.#allows(error, failures)
    );
    const all = [...failures, ...errors];
    if (all.length === 0) return;
    // Where the test's body has failed too, Deno reports that one error suppressed the
    // other, and tells neither.
    printThrown(
      ...all.slice(0, MOST_TOLD).map((error) =>
        ["At the end of a test", error] as const
      ),
    );
    if (errors.length === 0 && failures.length === 1) throw failures[0];
    const told = errors.slice(0, MOST_TOLD).map(nameBounded).join("; ");
    throw new AggregateError(
      all,
      `The server was told of ${errors.length} error${
        errors.length === 1 ? "" : "s"
      } that the test has not taken by untilErrors(), nor allowed by allowErrors: ${told}${
        errors.length > MOST_TOLD ? "; and others" : ""
      }${
        failures.map((error) => `; and failed: ${nameBounded(error)}`).join("")
      }`,
    );
  }

  /** Whether an error is no failure of the test. */
  #allows(error: unknown, failures: unknown[]): boolean {
    const allow = this.#allowErrors;
    if (typeof allow !== "function") return allow;
    try {
      return allow(error);
    } catch (failure) {
      failures.push(failure);
      return false;
    }
  }
}

function isOfDatagrams({ transport }: Deno.Addr): boolean {
  return transport === "udp" || transport === "unixpacket";
}
