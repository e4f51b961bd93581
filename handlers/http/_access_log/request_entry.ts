import { printThrown } from "../../_print_thrown.ts";
import type { Traffic } from "../../_traffic.ts";
import { type AccessLog, formatAccessLog } from "../access_log.ts";
import type { AccessLogRecord } from "../access_log_record.ts";
import { RAW_HEADERS, type RawRecord } from "./raw_headers.ts";
import { writeLine } from "./write_line.ts";
import type { ForwardedClient } from "../forwarded_settings.ts";

/** Whose requests are logged: a handler. */
export interface LoggedHandler {
  readonly clientAddress: Deno.Addr;
  readonly encrypted: boolean;
  readonly forwarded: ForwardedClient | undefined;
  addressString(): string;
}

/** What is known of a request before it is served. */
export interface LoggedRequest {
  readonly method: string;
  readonly target: string;
  /** `HTTP/1.1` or `HTTP/1.0`. */
  readonly protocol: string;
  /** Names and values of its headers in turn. */
  readonly rawHeaders: readonly string[];
}

/** Notes what becomes of one request, and logs it, once. */
export class RequestEntry {
  /** Whether all of the response was written. */
  complete = false;
  readonly #log: Exclude<AccessLog, false>;
  readonly #request: LoggedRequest;
  readonly #traffic: Traffic;
  readonly #time = Date.now();
  readonly #since = performance.now();
  /** How many bytes had been written behind the response's head, or will have been. */
  #bodyFrom: number | undefined;
  #logged = false;

  /**
   * @param log How it is logged.
   * @param request The request.
   * @param traffic Where what is written is counted.
   */
  constructor(
    log: Exclude<AccessLog, false>,
    request: LoggedRequest,
    traffic: Traffic,
  ) {
    this.#log = log;
    this.#request = request;
    this.#traffic = traffic;
  }

  /** A head, or a part of one, is going to be written, or there is none. */
  headSent(size: number): void {
    this.#bodyFrom = (this.#bodyFrom ?? this.#traffic.bytesOut) + size;
  }

  /**
   * The request is over. Never throws.
   *
   * @param handler Whose it is, which still serves it.
   * @param status The status of its response; 0 if none was begun.
   */
  write(handler: LoggedHandler, status: number): void {
    if (this.#logged) return;
    this.#logged = true;
    try {
      this.#deliver(this.#record(handler, status));
    } catch (error) {
      complain(error);
    }
  }

  #record(handler: LoggedHandler, status: number): RawRecord {
    const { bytesOut } = this.#traffic;
    const { method, target, protocol, rawHeaders } = this.#request;
    let headers: Headers | undefined;
    return {
      time: this.#time,
      duration: performance.now() - this.#since,
      client: handler.addressString(),
      clientAddress: handler.clientAddress,
      forwarded: handler.forwarded,
      ...{ method, target, protocol, status },
      bytes: Math.max(0, bytesOut - (this.#bodyFrom ?? bytesOut)),
      complete: this.complete,
      encrypted: handler.encrypted,
      [RAW_HEADERS]: rawHeaders,
      // To make it costs more than a line does.
      get headers() {
        return headers ??= headersOf(rawHeaders);
      },
    };
  }

  #deliver(record: AccessLogRecord): void {
    if (typeof this.#log === "string") {
      return writeLine(formatAccessLog(record, this.#log));
    }
    const logged: unknown = this.#log(record);
    if (logged instanceof Promise) logged.catch(complain);
  }
}

function headersOf(rawHeaders: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return headers;
}

function complain(error: unknown): void {
  printThrown(["accessLog has failed", error]);
}
