import { escapeControls } from "../../_escape_controls.ts";
import { checkRuns } from "../../_generators.ts";
import { checkKeys } from "../../_known_keys.ts";
import { wrong } from "../../_settings.ts";
import { quoted } from "../_methods/faults.ts";
import { inTurns } from "../_xml/in_pieces.ts";
import { LIMIT_NAMES, type Limits, limitsOf } from "../_xml/limits.ts";
import { readAnswer, writeCall } from "../_xml/messages.ts";
import type { XMLRPCValue } from "../xmlrpc_values.ts";
import { untilEnded } from "./_call_time.ts";
import { answerBody, type Refuse } from "./_transport/answer_body.ts";
import { ConnectionTransport } from "./_transport/connection_transport.ts";
import { FetchTransport } from "./_transport/fetch_transport.ts";
import { callHeaders } from "./_transport/call_headers.ts";
import { targetOf } from "./_transport/target.ts";
import type { Answer, Transport } from "./_transport/transport.ts";
import type {
  XMLRPCCallOptions,
  XMLRPCClientOptions,
} from "./xmlrpc_client_options.ts";
import { XMLRPCProtocolError } from "./xmlrpc_protocol_error.ts";

const CALL_OPTIONS: readonly (keyof XMLRPCCallOptions)[] = [
  "timeout",
  "signal",
];
const CLIENT_OPTIONS: readonly string[] = [
  ...LIMIT_NAMES,
  ...CALL_OPTIONS,
  ...["connect", "fetch", "headers"],
];

const DEFAULT_TIMEOUT = 60_000;

const encoder = new TextEncoder();

/** Makes something of a value that a method has returned. */
export type Reading<T> = (value: XMLRPCValue, refuse: Refuse) => T;

/** What clients, proxies and lists of calls of one server have in common. */
export class Caller {
  /** Where calls are sent, without a name and a password. */
  readonly url: string;
  readonly #limits: Limits;
  readonly #timeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #transport: Transport;
  readonly #closing = new AbortController();

  /** As that of `XMLRPCClient`. */
  constructor(url: string | URL, options: XMLRPCClientOptions = {}) {
    const action = "create a client";
    checkKeys("option", options, CLIENT_OPTIONS, undefined, action);
    const { connect, fetch: ownFetch, timeout = DEFAULT_TIMEOUT } = options;
    if (connect !== undefined) checkRuns("connect", connect, action);
    if (ownFetch !== undefined) checkRuns("fetch", ownFetch, action);
    if (connect !== undefined && ownFetch !== undefined) {
      throw new TypeError(
        `Cannot ${action}: calls go over connect or fetch, not both; leave one out`,
      );
    }
    checkEnds(action, timeout, options.signal);
    this.#limits = limitsOf(options);
    this.#timeout = timeout;
    this.#signal = options.signal;
    const target = targetOf(url);
    this.url = target.url.href;
    const headers = callHeaders(options.headers, target.authorization);
    this.#transport = connect === undefined
      ? new FetchTransport(target.url, headers, ownFetch ?? fetch)
      : new ConnectionTransport(
        target.url,
        headers,
        connect,
        this.#limits.maxSize,
      );
  }

  /** As that of `XMLRPCClient`, for what `read` makes of the value. */
  async call<T>(
    method: string,
    params: readonly unknown[],
    options: XMLRPCCallOptions,
    read: Reading<T>,
  ): Promise<T> {
    if (typeof method !== "string" || method === "") {
      throw wrong(
        "call a method",
        "its name",
        "a text that is not empty",
        method,
      );
    }
    const action = `call ${quoted(method)}`;
    if (!Array.isArray(params)) {
      throw wrong(action, "the parameters", "an array", params);
    }
    checkKeys("option", options, CALL_OPTIONS, undefined, action);
    const { timeout = this.#timeout, signal } = options;
    checkEnds(action, timeout, signal);
    const body = encoder.encode(writeCall(method, params, this.#limits));
    return await untilEnded({
      signals: [this.#closing.signal, this.#signal, signal],
      timeout,
      late:
        `Cannot ${action}: ${this.url} has not answered within ${timeout} ms`,
    }, async (signal) => {
      const answer = await this.#transport.send(body, signal);
      return await this.#read(answer, action, read);
    });
  }

  /** As that of `XMLRPCClient`. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(
      new Deno.errors.BadResource(
        `Cannot call ${this.url}: the client is closed`,
      ),
    );
    this.#transport.close();
  }

  async #read<T>(
    answer: Answer,
    action: string,
    read: Reading<T>,
  ): Promise<T> {
    const { status, statusText, headers } = answer;
    const { url } = this;
    const refuse: Refuse = (what, cause) =>
      // Much of it was sent by the server.
      new XMLRPCProtocolError(
        escapeControls(`Cannot ${action}: ${url} ${what}`),
        {
          ...{ url, status, statusText, headers },
          ...cause === undefined ? {} : { cause },
        },
      );
    // The specification: "always return 200 OK", but for an error of HTTP.
    if (status !== 200) throw refuse(`answered ${describe(answer)}`);
    const data = await answerBody(answer, this.#limits.maxSize, refuse);
    let value: XMLRPCValue;
    try {
      value = await inTurns(readAnswer(data, this.#limits));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const type = headers.get("content-type") ?? "";
      throw refuse(
        `answered no XML-RPC (its type is ${quoted(type)}): ${error.message}`,
        error,
      );
    }
    return read(value, refuse);
  }
}

/** The caller behind a client or a proxy. */
export const callers: WeakMap<object, Caller> = new WeakMap();

function describe({ status, statusText, headers }: Answer): string {
  const location = headers.get("location");
  return `with status ${status} ${quoted(statusText)}${
    location === null
      ? ""
      : ` and leads to ${quoted(location)}; if that is trusted, call it there`
  }`;
}

function checkEnds(action: string, timeout: unknown, signal: unknown): void {
  if (typeof timeout !== "number" || !(timeout > 0)) {
    throw new RangeError(
      `Cannot ${action}: timeout must be a positive number of milliseconds, received ${
        Deno.inspect(timeout)
      }`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrong(action, "signal", "an AbortSignal", signal);
  }
}
