import type {
  ConnectionInfo,
  ServerEndEvent,
  ServerStartEvent,
  ServerStats,
  TCPServer,
} from "../../mod.ts";

/** How many connections the page shows of each server: the oldest. */
const SHOWN = 100;
/** Of how many requests it is kept how long they took: the last ones. */
const KEPT = 1_000;

/** What the page is told of a server. Times are in milliseconds. */
export interface Sample {
  readonly name: string;
  readonly address: string;
  readonly stats: ServerStats;
  /** What has grown since the sample before, a second. */
  readonly rates: Readonly<Record<"accepted" | "bytesIn" | "bytesOut", number>>;
  /** How long requests took, those that have ended. */
  readonly durations: Quantiles;
  /** How long requests waited for their handler. */
  readonly waits: Quantiles;
  readonly connections: readonly (Omit<ConnectionInfo, "address"> & {
    readonly address: string;
  })[];
  /** How many connections there are beside these. */
  readonly more: number;
}

/** `null` where there is nothing to tell of. */
interface Quantiles {
  readonly median: number | null;
  readonly p99: number | null;
}

/** A server, and what is remembered of it from sample to sample. */
export class WatchedServer {
  readonly name: string;
  readonly server: TCPServer;
  #durations = new Latest();
  #waits = new Latest();
  #before: { readonly at: number; readonly stats: ServerStats } | undefined;

  /** The name is a word: it stands in paths. */
  constructor(name: string, server: TCPServer) {
    this.name = name;
    this.server = server;
  }

  started({ waited }: ServerStartEvent): void {
    this.#waits.add(waited);
  }

  ended({ duration }: ServerEndEvent): void {
    this.#durations.add(duration);
  }

  /** Forgets what it would compare with: nobody has looked for a while. */
  reset(): void {
    this.#durations = new Latest();
    this.#waits = new Latest();
    this.#before = undefined;
  }

  async sample(): Promise<Sample> {
    const all = await this.server.connections();
    // Threads answer one after the other, and rows should not jump about.
    all.sort((a, b) => a.since - b.since);
    const at = performance.now();
    const stats = this.server.stats();
    const before = this.#before;
    this.#before = { at, stats };
    const rate = (of: "accepted" | "bytesIn" | "bytesOut") =>
      before === undefined || at <= before.at
        ? 0
        : (stats[of] - before.stats[of]) * 1000 / (at - before.at);
    return {
      name: this.name,
      address: textOf(this.server.addr),
      stats,
      rates: {
        accepted: rate("accepted"),
        bytesIn: rate("bytesIn"),
        bytesOut: rate("bytesOut"),
      },
      durations: this.#durations.quantiles(),
      waits: this.#waits.quantiles(),
      connections: all.slice(0, SHOWN).map((connection) => ({
        ...connection,
        address: textOf(connection.address),
      })),
      more: Math.max(0, all.length - SHOWN),
    };
  }
}

function textOf(address: Deno.Addr): string {
  return "hostname" in address
    ? `${address.hostname}:${address.port}`
    : "path" in address
    ? address.path
    : Deno.inspect(address);
}

/** The latest of many numbers. */
class Latest {
  readonly #values: number[] = [];
  #next = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % KEPT;
  }

  quantiles(): Quantiles {
    const sorted = this.#values.toSorted((a, b) => a - b);
    // The smallest that as large a share does not exceed ("nearest rank").
    const at = (share: number) =>
      sorted[Math.ceil(share * sorted.length) - 1] ?? null;
    return { median: at(0.5), p99: at(0.99) };
  }
}
