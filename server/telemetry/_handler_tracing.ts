import {
  type RequestTrace,
  setTracing,
  type TracedHandler,
  type TracedRequest,
  type TraceSettings,
  type Tracing,
} from "../../handlers/_tracing.ts";
import {
  clientAttributes,
  cut,
  measuredAttributes,
  peerAttributes,
  requestAttributes,
  serverAttributes,
  spanName,
} from "./_attributes.ts";
import {
  type Attributes,
  type Context,
  ERROR,
  type Histogram,
  type OpenTelemetry,
  openTelemetry,
  SERVER,
  type Span,
  SPAN_KEY,
} from "./_open_telemetry.ts";
import { traceParent } from "./_trace_parent.ts";

/** The servers whose handlers in this thread are traced. */
const traced = new Map<object, TraceSettings>();

/** Stands for the only server of a thread that runs handlers of one. */
const ANY_SERVER = {};

/** The steps of the semantic conventions for durations, in seconds. */
const BOUNDARIES = [
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5],
  10,
];

/**
 * Has the handlers of a server traced in this thread, or no more.
 *
 * @param server The server, as its handlers see it; by default whichever they have.
 * @param settings What is told; `undefined` ends it.
 */
export function traceHandlers(
  settings: TraceSettings | undefined,
  server: object = ANY_SERVER,
): void {
  const telemetry = openTelemetry();
  if (telemetry === undefined) return;
  if (settings === undefined) traced.delete(server);
  else traced.set(server, settings);
  setTracing(traced.size === 0 ? undefined : new HandlerTracing(telemetry));
}

function settingsOf({ server }: TracedHandler): TraceSettings | undefined {
  return traced.get(server) ?? traced.get(ANY_SERVER);
}

/** Traces handlers by Deno's OpenTelemetry. */
class HandlerTracing implements Tracing {
  readonly #telemetry: OpenTelemetry;
  readonly #durations: Histogram;

  constructor(telemetry: OpenTelemetry) {
    this.#telemetry = telemetry;
    this.#durations = telemetry.meter.createHistogram(
      "http.server.request.duration",
      {
        description: "Duration of HTTP server requests.",
        unit: "s",
        advice: { explicitBucketBoundaries: BOUNDARIES },
      },
    );
  }

  handler(
    handler: TracedHandler,
    run: () => void | Promise<void>,
  ): void | Promise<void> {
    const { name, measuresRequests } = handler.constructor as {
      readonly name: string;
      readonly measuresRequests?: boolean;
    };
    // Where it serves many requests of one connection, each is traced by itself.
    if (measuresRequests || !settingsOf(handler)?.spans) return run();
    const trace = this.#begin(name || "handler", {
      ...serverAttributes(handler.server.addr),
      ...clientAttributes(handler.clientAddress),
      ...peerAttributes(handler.request),
    });
    if (trace === undefined) return run();
    const { span, context } = trace;
    let done: void | Promise<void>;
    try {
      done = this.#telemetry.contextManager.with(context, run);
    } catch (error) {
      endSpan(span, { error });
      throw error;
    }
    if (done === undefined) return endSpan(span);
    return done.then(() => endSpan(span), (error: unknown) => {
      endSpan(span, { error });
      throw error;
    });
  }

  request(
    handler: TracedHandler,
    request: TracedRequest,
  ): RequestTrace | undefined {
    const settings = settingsOf(handler);
    if (settings === undefined) return undefined;
    const measured = measuredAttributes(request);
    let trace: Begun | undefined;
    if (settings.spans) {
      const { addr } = handler.server;
      trace = this.#begin(spanName(request), {
        ...serverAttributes(addr),
        ...clientAttributes(handler.clientAddress),
        ...peerAttributes(handler.request),
        ...measured,
        ...requestAttributes(request),
      }, request.rawHeaders);
    }
    return new HTTPTrace(
      this.#telemetry,
      settings.metrics ? this.#durations : undefined,
      measured,
      trace,
    );
  }

  /** Begins a span. That it cannot is no reason not to serve. */
  #begin(
    name: string,
    attributes: Attributes,
    rawHeaders: readonly string[] = [],
  ): Begun | undefined {
    const { tracer, contextManager, follows } = this.#telemetry;
    try {
      const remote = follows ? traceParent(rawHeaders) : undefined;
      // Never part of what has told the server to serve.
      const parent = contextManager.active().setValue(
        SPAN_KEY,
        remote === undefined ? undefined : { spanContext: () => remote },
      );
      const span = tracer.startSpan(name, { kind: SERVER, attributes }, parent);
      return { span, context: parent.setValue(SPAN_KEY, span) };
    } catch {
      return undefined;
    }
  }
}

/** A span that has begun, and what runs inside it. */
interface Begun {
  readonly span: Span;
  readonly context: Context;
}

/** The trace of one request of HTTP. */
class HTTPTrace implements RequestTrace {
  readonly #telemetry: OpenTelemetry;
  readonly #durations: Histogram | undefined;
  readonly #attributes: Attributes;
  readonly #begun: Begun | undefined;
  readonly #since = performance.now();
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param telemetry Deno's OpenTelemetry.
   * @param durations Where it is measured, if it is.
   * @param attributes What its measurement tells.
   * @param begun Its span, if it has one.
   */
  constructor(
    telemetry: OpenTelemetry,
    durations: Histogram | undefined,
    attributes: Attributes,
    begun: Begun | undefined,
  ) {
    this.#telemetry = telemetry;
    this.#durations = durations;
    this.#attributes = attributes;
    this.#begun = begun;
  }

  run<Result>(call: () => Result): Result {
    return this.#begun === undefined
      ? call()
      : this.#telemetry.contextManager.with(this.#begun.context, call);
  }

  failed(error: unknown): void {
    this.#failure = { error };
  }

  end(status: number, isWhole: boolean): void {
    const seconds = (performance.now() - this.#since) / 1_000;
    const code: Attributes = status === 0
      ? {}
      : { "http.response.status_code": status };
    // What is answered as a whole, with another status, was thrown to be.
    const failure = status === 0 || status >= 500 || !isWhole
      ? this.#failure
      : undefined;
    const type = failure === undefined
      ? status >= 500 ? `${status}` : undefined
      : typeOf(failure.error);
    try {
      this.#durations?.record(seconds, {
        ...this.#attributes,
        ...code,
        ...typeAttribute(type),
      });
    } catch {
      // It goes uncounted.
    }
    if (this.#begun === undefined) return;
    const { span } = this.#begun;
    if (status !== 0) span.setAttribute("http.response.status_code", status);
    endSpan(span, failure, type);
  }
}

/** Ends a span, with what was thrown, if anything was. */
function endSpan(
  span: Span,
  failure?: { readonly error: unknown },
  type: string | undefined = failure && typeOf(failure.error),
): void {
  try {
    if (type !== undefined) {
      span.setAttribute("error.type", type);
      span.setStatus({ code: ERROR });
    }
    if (failure?.error instanceof Error) {
      const { message, stack } = failure.error;
      span.recordException({
        name: type!,
        message: cut(String(message)),
        ...stack === undefined ? {} : { stack: cut(String(stack)) },
      });
    }
  } catch {
    // What was thrown cannot be looked at.
  }
  span.end();
}

function typeAttribute(type: string | undefined): Attributes {
  return type === undefined ? {} : { "error.type": type };
}

/** What kind of error it is. */
function typeOf(error: unknown): string {
  try {
    return error instanceof Error ? cut(String(error.name)) : typeof error;
  } catch {
    return "_OTHER";
  }
}
