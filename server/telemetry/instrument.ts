import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { RequestServer } from "../../handlers/base_request_handler.ts";
import { checkKeys } from "../../handlers/_known_keys.ts";
import { checkBoolean } from "../../handlers/_settings.ts";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import { TRACE } from "../_core/seam.ts";
import type { ServerEndEvent } from "../server_events.ts";
import { clientAttributes, serverAttributes } from "./_attributes.ts";
import { traceHandlers } from "./_handler_tracing.ts";
import { type Metric, METRICS } from "./_metrics.ts";
import {
  type Attributes,
  type BatchResult,
  ERROR,
  type Histogram,
  type Meter,
  type Observable,
  type OpenTelemetry,
  openTelemetry,
  SERVER,
} from "./_open_telemetry.ts";
import type { CountingServer } from "./open_metrics.ts";

/** Options of {@linkcode instrument}. */
export interface InstrumentOptions {
  /**
   * Whether there is a span for each request of HTTP, and for each connection or
   * datagram of other handlers.
   *
   * @default {true}
   */
  readonly spans?: boolean;
  /**
   * Whether it is measured: the numbers of `stats()`, and how long connections and
   * requests of HTTP take.
   *
   * @default {true}
   */
  readonly metrics?: boolean;
}

/** What {@linkcode instrument} has begun. */
export interface Instrumentation extends Disposable {
  /** Whether anything is told: Deno's OpenTelemetry is on. */
  readonly active: boolean;
  /** Ends it. Doing so again changes nothing. */
  [Symbol.dispose](): void;
}

/** A server that can be traced: every one of this module. */
interface TraceableServer extends CountingServer, RequestServer {
  [TRACE](settings: TraceSettings | undefined): "here" | "there" | "nowhere";
}

const OPTION_NAMES = Object.keys(
  { spans: true, metrics: true } satisfies Record<
    keyof InstrumentOptions,
    true
  >,
);

/** What the units of OpenTelemetry are called (UCUM). */
const UNITS = { bytes: "By", seconds: "s" } as const;

/** The steps for how long connections take, in seconds. */
const BOUNDARIES = [
  ...[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800],
  3_600,
];

/**
 * Has a server tell Deno's OpenTelemetry of what it does, with the names of the
 * semantic conventions. It is on where Deno runs with `OTEL_DENO=true`; where it is
 * not, this does nothing, and nothing is asked for each request.
 *
 * - Requests of HTTP have spans named by their method, which follow `traceparent`, and
 *   `http.server.request.duration`. What else a handler does that has spans, such as
 *   `fetch`, is part of its request.
 * - Other handlers have a span for each connection or datagram, named by their class.
 * - `socketserver.connections.active`, `.accepted`, `.refused`, `.failed`, `.aborted`,
 *   `socketserver.io` and the others that `stats()` tells are asked for when they are
 *   sent; `socketserver.connection.duration` is measured for each.
 *
 * In threads all of this is the same: they trace what they run. Processes are not
 * trusted to: their connections have spans, named by the server's class, and their
 * requests of HTTP have none and are not measured.
 *
 * Deno sends what is told by itself, and drops it where the collector is gone or slow;
 * serving does not wait for it.
 *
 * @example A server that tells what it does
 * ```ts
 * import { HTTPServer } from "@wire/socketserver/http";
 * import { instrument } from "@wire/socketserver/telemetry";
 *
 * await using server = new HTTPServer(
 *   { hostname: "127.0.0.1", port: 0 },
 *   () => new Response("hello"),
 * );
 * using _telemetry = instrument(server);
 * ```
 *
 * @param server The server. Instrument it before it serves, so that threads trace from
 * their first request on.
 * @param options What is told.
 * @returns What ends it when it is disposed of.
 * @throws {Deno.errors.Busy} If it is instrumented already.
 * @throws {TypeError} If `server` is none of this module's, or an option is of another
 * type or has an unknown name.
 */
export function instrument(
  server: CountingServer,
  options: InstrumentOptions = {},
): Instrumentation {
  checkKeys("option", options, OPTION_NAMES, undefined, "instrument a server");
  const { spans = true, metrics = true } = options;
  checkBoolean("instrument a server", "spans", spans);
  checkBoolean("instrument a server", "metrics", metrics);
  if (typeof (server as Partial<TraceableServer>)?.[TRACE] !== "function") {
    throw new TypeError(
      `Cannot instrument a server: it must be a server of this module, received ${
        Deno.inspect(server)
      }`,
    );
  }
  if (instrumented.has(server)) {
    throw new Deno.errors.Busy(
      "Cannot instrument a server: it is instrumented already; dispose of that first",
    );
  }
  const telemetry = openTelemetry();
  return telemetry === undefined
    ? { active: false, [Symbol.dispose]() {} }
    : new Instrumented(telemetry, server as TraceableServer, {
      spans,
      metrics,
    });
}

/** The servers that are, each of which is told of once. */
const instrumented = new WeakSet<CountingServer>();

/** A server that is instrumented. */
class Instrumented implements Instrumentation {
  readonly #server: TraceableServer;
  readonly #telemetry: OpenTelemetry;
  readonly #instruments: Instruments;
  readonly #attributes: Attributes;
  readonly #settings: TraceSettings;
  /** Whether the spans of connections are made here, of what is told of them. */
  readonly #spansOfEnds: boolean;
  #active = true;

  constructor(
    telemetry: OpenTelemetry,
    server: TraceableServer,
    settings: TraceSettings,
  ) {
    instrumented.add(server);
    this.#server = server;
    this.#telemetry = telemetry;
    this.#settings = settings;
    this.#instruments = instrumentsOf(telemetry.meter);
    this.#attributes = serverAttributes(server.addr);
    const where = server[TRACE](settings);
    if (where === "here") traceHandlers(settings, server);
    this.#spansOfEnds = where === "nowhere" && settings.spans;
    if (settings.metrics) this.#instruments.observe(this.#observe);
    if (settings.metrics || this.#spansOfEnds) {
      subscribe("socketserver:end", this.#ended);
    }
  }

  get active(): boolean {
    return this.#active;
  }

  [Symbol.dispose](): void {
    if (!this.#active) return;
    this.#active = false;
    instrumented.delete(this.#server);
    unsubscribe("socketserver:end", this.#ended);
    this.#instruments.unobserve(this.#observe);
    if (this.#server[TRACE](undefined) === "here") {
      traceHandlers(undefined, this.#server);
    }
  }

  readonly #observe = (result: BatchResult): void => {
    const stats = this.#server.stats();
    for (const [{ samples }, observable] of this.#instruments.observables) {
      for (const { value, labels = {} } of samples(stats)) {
        result.observe(observable, value, {
          ...this.#attributes,
          ...attributesOf(labels),
        });
      }
    }
  };

  readonly #ended = (message: unknown): void => {
    const event = message as ServerEndEvent;
    if (event.server !== this.#server) return;
    const { duration, outcome, reason } = event;
    const failed = outcome === "done"
      ? {}
      : { "error.type": reason ?? "failed" };
    if (this.#settings.metrics) {
      this.#instruments.durations.record(
        duration / 1_000,
        outcome === "done"
          ? this.#attributes
          : { ...this.#attributes, ...failed },
      );
    }
    if (this.#spansOfEnds) this.#tell(event, failed);
  };

  /** Tells of a connection whose handler could not be traced. */
  #tell(event: ServerEndEvent, failed: Attributes): void {
    const { time, lingered, duration, clientAddress } = event;
    const end = time - lingered;
    const span = this.#telemetry.tracer.startSpan(
      this.#server.constructor.name,
      {
        kind: SERVER,
        startTime: end - duration,
        attributes: {
          ...this.#attributes,
          ...clientAttributes(clientAddress),
          ...failed,
        },
      },
    );
    if (event.outcome !== "done") span.setStatus({ code: ERROR });
    span.end(end);
  }
}

/** The instruments that all servers of a program share. */
interface Instruments {
  readonly durations: Histogram;
  readonly observables: readonly (readonly [Metric, Observable])[];
  /** Has something tell their values when they are asked for. */
  observe(callback: (result: BatchResult) => void): void;
  /** Ends that. */
  unobserve(callback: (result: BatchResult) => void): void;
}

let instruments: Instruments | undefined;

function instrumentsOf(meter: Meter): Instruments {
  return instruments ??= makeInstruments(meter);
}

function makeInstruments(meter: Meter): Instruments {
  const pairs = METRICS.map((metric) =>
    [metric, makeObservable(meter, metric)] as const
  );
  const observables = pairs.map(([, observable]) => observable);
  return {
    durations: meter.createHistogram("socketserver.connection.duration", {
      description:
        "How long connections and datagrams took until their handler had ended.",
      unit: "s",
      advice: { explicitBucketBoundaries: BOUNDARIES },
    }),
    observables: pairs,
    observe: (callback) =>
      meter.addBatchObservableCallback(callback, observables),
    unobserve: (callback) =>
      meter.removeBatchObservableCallback(callback, observables),
  };
}

function makeObservable(
  meter: Meter,
  { name, help, grows, unit }: Metric,
): Observable {
  const options = {
    description: help,
    // What is counted is named in braces, in the singular: UCUM takes it for a remark.
    unit: unit === undefined
      ? `{${name.split(".")[0]!.slice(0, -1)}}`
      : UNITS[unit],
  };
  const full = `socketserver.${name}`;
  if (grows) return meter.createObservableCounter(full, options);
  return unit === undefined
    ? meter.createObservableUpDownCounter(full, options)
    : meter.createObservableGauge(full, options);
}

/** The labels of a sample, as attributes. */
function attributesOf(labels: Readonly<Record<string, string>>): Attributes {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [
      label === "direction" ? "network.io.direction" : `socketserver.${label}`,
      value,
    ]),
  );
}
