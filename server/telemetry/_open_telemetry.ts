/**
 * What is used of Deno's OpenTelemetry, which its types call `any`: the interfaces of
 * OpenTelemetry's API for JavaScript.
 */

/** What attributes are: few and short ones. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Where a span stands in its trace. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

/** A span that has begun. */
export interface Span {
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): void;
  recordException(error: {
    readonly name: string;
    readonly message: string;
    readonly stack?: string;
  }): void;
  end(time?: number): void;
}

/** What code runs in. */
export interface Context {
  setValue(key: symbol, value: unknown): Context;
}

interface Tracer {
  startSpan(
    name: string,
    options: {
      readonly kind: number;
      readonly attributes: Attributes;
      readonly startTime?: number;
    },
    context?: Context,
  ): Span;
}

interface ContextManager {
  active(): Context;
  with<Result>(context: Context, call: () => Result): Result;
}

/** Takes single measurements. */
export interface Histogram {
  record(value: number, attributes: Attributes): void;
}

/** What is asked for its value now and then. */
export type Observable = Readonly<Record<never, never>>;

/** Takes the values of what is asked. */
export interface BatchResult {
  observe(metric: Observable, value: number, attributes: Attributes): void;
}

interface MetricOptions {
  readonly description: string;
  readonly unit: string;
  readonly advice?: { readonly explicitBucketBoundaries: readonly number[] };
}

/** Makes instruments. */
export interface Meter {
  createHistogram(name: string, options: MetricOptions): Histogram;
  createObservableCounter(name: string, options: MetricOptions): Observable;
  createObservableUpDownCounter(
    name: string,
    options: MetricOptions,
  ): Observable;
  createObservableGauge(name: string, options: MetricOptions): Observable;
  addBatchObservableCallback(
    callback: (result: BatchResult) => void,
    observables: readonly Observable[],
  ): void;
  removeBatchObservableCallback(
    callback: (result: BatchResult) => void,
    observables: readonly Observable[],
  ): void;
}

/** Deno's OpenTelemetry, where it is on. */
export interface OpenTelemetry {
  readonly tracer: Tracer;
  readonly contextManager: ContextManager;
  readonly meter: Meter;
  /** Whether `traceparent` is to be followed. */
  readonly follows: boolean;
}

/** The kind of a span that answers somebody. */
export const SERVER = 1;
/** The status of a span that has failed. */
export const ERROR = 2;

/** Where a context has its span. */
export const SPAN_KEY: symbol = Symbol.for("OpenTelemetry Context Key SPAN");

/** Where OpenTelemetry's API for JavaScript finds what there is. */
const API = Symbol.for("opentelemetry.js.api.1");

const SCOPE = "@wire/socketserver";

let found: OpenTelemetry | null | undefined;

/**
 * Deno's OpenTelemetry. Whether it is on does not change while a program runs, and
 * asking for the variable that says so, `OTEL_DENO`, would take a permission.
 *
 * @returns `undefined` where it is off.
 */
export function openTelemetry(): OpenTelemetry | undefined {
  found ??= find() ?? null;
  return found ?? undefined;
}

function find(): OpenTelemetry | undefined {
  try {
    const { tracerProvider, meterProvider, contextManager } = Deno.telemetry;
    const { propagation } =
      (globalThis as { readonly [API]?: { readonly propagation?: unknown } })[
        API
      ] ?? {};
    return {
      tracer: tracerProvider.getTracer(SCOPE),
      // Throws where it is off.
      meter: meterProvider.getMeter(SCOPE),
      contextManager,
      follows: propagates(propagation),
    };
  } catch {
    return undefined;
  }
}

/** Whether `OTEL_PROPAGATORS` has the one of `traceparent`, as it has by itself. */
function propagates(propagation: unknown): boolean {
  const { fields } = (propagation ?? {}) as { fields?(): readonly string[] };
  return fields?.call(propagation).includes("traceparent") === true;
}
