import { HTTPServer } from "../../../server/http/mod.ts";
import { patiently } from "../../_patience.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";

/** A value as OTLP writes it in JSON. */
interface AnyValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

type Attributes = Readonly<Record<string, string | number>>;

/** A span that was told. */
export interface ToldSpan {
  /** Who has told it: Deno itself, or a module. */
  readonly scope: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Attributes;
  readonly status: number;
  /** The names and attributes of what has happened in it. */
  readonly events: readonly (readonly [string, Attributes])[];
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/** A value of a metric that was told. */
export interface ToldValue {
  readonly metric: string;
  readonly unit: string;
  readonly attributes: Attributes;
  /** What it is; of a histogram, how many there were. */
  readonly value: number;
}

interface Point {
  readonly attributes: readonly KeyValue[];
  readonly count?: string;
  readonly asDouble?: number;
  readonly asInt?: string;
}

function attributesOf(list: readonly KeyValue[]): Attributes {
  return Object.fromEntries(
    list.map(({ key, value: { stringValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? Number(intValue ?? doubleValue),
    ]),
  );
}

// deno-lint-ignore no-explicit-any -- OTLP's messages, as they come.
function spansOf(message: any): ToldSpan[] {
  const spans: ToldSpan[] = [];
  for (const { scopeSpans } of message.resourceSpans) {
    for (const { scope, spans: told } of scopeSpans) {
      for (const span of told) {
        const { name, kind, traceId, spanId, parentSpanId, status } = span;
        spans.push({
          ...{ scope: scope.name, name, kind, traceId, spanId, parentSpanId },
          attributes: attributesOf(span.attributes),
          status: status.code,
          // deno-lint-ignore no-explicit-any -- as above.
          events: span.events.map(({ name, attributes }: any) => [
            name,
            attributesOf(attributes),
          ]),
          duration: Number(
            BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano),
          ) / 1e6,
        });
      }
    }
  }
  return spans;
}

// deno-lint-ignore no-explicit-any -- as above.
function valuesOf(message: any): ToldValue[] {
  const values: ToldValue[] = [];
  for (const { scopeMetrics } of message.resourceMetrics) {
    for (const { metrics } of scopeMetrics) {
      for (const { name: metric, unit, ...kinds } of metrics) {
        const { dataPoints } = kinds.sum ?? kinds.gauge ?? kinds.histogram;
        for (const point of dataPoints as readonly Point[]) {
          values.push({
            ...{ metric, unit, attributes: attributesOf(point.attributes) },
            value: Number(point.count ?? point.asDouble ?? point.asInt),
          });
        }
      }
    }
  }
  return values;
}

/** Receives what Deno's OpenTelemetry sends: OTLP over HTTP, in JSON. */
export class Collector implements AsyncDisposable {
  readonly spans: ToldSpan[] = [];
  /** The values that were told last, by metric and attributes. */
  readonly values = new Map<string, ToldValue>();
  #served: TestServer<HTTPServer> | undefined;
  #wake = () => {};

  private constructor() {}

  static async serve(): Promise<Collector> {
    const collector = new Collector();
    collector.#served = await serveForTest(
      async (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/ping") return new Response("pong");
        const message = await request.json();
        if (pathname === "/v1/traces") {
          collector.spans.push(...spansOf(message));
        } else if (pathname === "/v1/metrics") {
          for (const told of valuesOf(message)) {
            const attributes = Object.entries(told.attributes).sort();
            collector.values.set(
              JSON.stringify([told.metric, attributes]),
              told,
            );
          }
        }
        collector.#wake();
        return Response.json({});
      },
      { server: HTTPServer },
    );
    return collector;
  }

  /** Where it is. */
  get url(): string {
    return `http://127.0.0.1:${this.#served!.addr.port}`;
  }

  /** Waits for spans. */
  async untilSpans(
    count: number,
    wanted: (span: ToldSpan) => boolean,
  ): Promise<ToldSpan[]> {
    return await this.#until(
      () => this.spans.filter(wanted),
      (found) => found.length >= count,
      () => `${count} spans; told: ${Deno.inspect(this.spans, { depth: 3 })}`,
    );
  }

  /** Waits for a value of a metric. */
  async untilValue(
    metric: string,
    wanted: (value: ToldValue) => boolean,
  ): Promise<ToldValue> {
    const all = () =>
      [...this.values.values()].filter((told) => told.metric === metric);
    const [value] = await this.#until(
      () => all().filter(wanted),
      (found) => found.length > 0,
      () => `${metric}; told: ${Deno.inspect(all())}`,
    );
    return value!;
  }

  async #until<T>(
    look: () => T,
    enough: (found: T) => boolean,
    what: () => string,
  ): Promise<T> {
    const find = async () => {
      while (true) {
        const found = look();
        if (enough(found)) return found;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    };
    return await patiently(find(), what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#served!.server.shutdown({ gracePeriod: 0 });
  }
}
