/**
 * What comes first over a connection that may carry a PROXY header: headers of
 * both versions, damaged in any way. Each is a header, a part of one, none, or
 * refused with `InvalidData`, and is the same however many bytes of it have come.
 * A connection that receives it, in whatever parts, makes the same of it, asks for
 * no more memory than it may, and hands on the rest unchanged.
 */
import { AssertionError, deepStrictEqual, ok, strictEqual } from "node:assert";
import { encodeProxyHeader } from "../../server/encode_proxy_header.ts";
import { ProxiedConnection } from "../../server/_proxy/proxied_connection.ts";
import { type Beginning, lookAt } from "../../server/_proxy/read_header.ts";
import {
  below,
  bytesOf,
  concat,
  inRound,
  mutate,
  oneOf,
  type Random,
  random,
  shown,
  withinTurn,
} from "./_fuzzing.ts";

const MAX = 4_096;

const v4 = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
const v6 = { transport: "udp", hostname: "2001:db8::1", port: 65_535 } as const;
const unix = { transport: "unix", path: "/run/socket" } as const;

const HEADERS = [
  encodeProxyHeader({ version: 1, source: v4, destination: v4 }),
  encodeProxyHeader({ version: 1, command: "LOCAL" }),
  encodeProxyHeader({ command: "LOCAL" }),
  encodeProxyHeader({ source: v4, destination: v4, checksum: true }),
  encodeProxyHeader({ source: unix, destination: unix }),
  encodeProxyHeader({
    ...{ source: v6, destination: v6, checksum: true },
    tlvs: {
      ...{ alpn: "h2", authority: "example.org", netns: "blue" },
      uniqueId: new Uint8Array(16),
      ssl: {
        ...{ client: true, certificateInConnection: true },
        ...{ certificateInSession: false, verified: true },
        ...{ version: "TLSv1.3", commonName: "someone" },
      },
    },
  }),
];

/** What is made of bytes: the header as text, a word, or the error's name. */
function told(bytes: Uint8Array): string {
  let found: Beginning;
  try {
    found = withinTurn(bytes, () => lookAt(bytes, MAX));
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return "InvalidData";
    throw error;
  }
  if (typeof found === "string") return found;
  if (found.length > bytes.length || found.length > MAX) {
    throw new AssertionError({
      message: `a header of ${found.length} bytes in ${bytes.length}`,
    });
  }
  return Deno.inspect(found, { depth: 9 });
}

/** A connection over which an input comes in parts. */
class Coming {
  readonly #next: Random;
  #left: Uint8Array;

  constructor(next: Random, input: Uint8Array) {
    this.#next = next;
    this.#left = input;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    ok(buffer.byteLength > 0 && buffer.byteLength <= 2 * MAX);
    if (this.#left.length === 0) return Promise.resolve(null);
    const most = Math.min(buffer.length, this.#left.length);
    const n = 1 + below(this.#next, most);
    buffer.set(this.#left.subarray(0, n));
    this.#left = this.#left.subarray(n);
    return Promise.resolve(n);
  }
}

/** Receives an input, and says what `told` says of it. */
async function received(
  next: Random,
  input: Uint8Array,
  isOptional: boolean,
): Promise<string> {
  const coming = new Coming(next, input) as unknown as Deno.Conn;
  const connection = new ProxiedConnection(coming);
  try {
    strictEqual(await connection.receive(MAX, isOptional), "client");
  } catch (error) {
    if (error instanceof Deno.errors.UnexpectedEof) return "header to come";
    if (error instanceof Deno.errors.InvalidData) return "InvalidData";
    throw error;
  }
  const rest: number[] = [];
  const buffer = new Uint8Array(64);
  for (let n; (n = await connection.read(buffer)) !== null;) {
    rest.push(...buffer.subarray(0, n));
  }
  const { header } = connection;
  const length = input.length - rest.length;
  deepStrictEqual(rest, [...input.subarray(length)]);
  return header === undefined
    ? "no header"
    : Deno.inspect({ header, length }, { depth: 9 });
}

/**
 * Tries damaged headers.
 *
 * @returns How many were read and how many refused.
 */
export async function fuzzProxyHeaders(
  seed: number,
  rounds: number,
): Promise<{ read: number; refused: number }> {
  const next = random(seed);
  const counts = { read: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const whole = oneOf(next, HEADERS);
    const damaged = next() < 0.1 ? whole : mutate(next, whole, HEADERS);
    const input = concat(damaged, bytesOf("GET / HTTP/1.1\r\n"));
    await inRound(seed, round, input, async () => {
      const all = told(input);
      if (all === "InvalidData") counts.refused++;
      else if (all.startsWith("{")) counts.read++;
      // Fewer bytes say the same, or that more has to come.
      const part = told(input.subarray(0, below(next, input.length)));
      if (part !== "perhaps a header" && part !== "header to come") {
        strictEqual(part, all);
      }
      const isOptional = next() < 0.5;
      const whole = await received(next, input, isOptional);
      // What is none is refused where there has to be one.
      const isRefused = !isOptional && all === "no header";
      strictEqual(whole, isRefused ? "InvalidData" : all);
    });
  }
  return counts;
}

/** How many headers are parsed before it is seen whether that took too long. */
const BATCH = 1_000;

/**
 * Parses damaged headers, and nothing else: many more can be tried so.
 *
 * @returns How many were read and how many refused.
 */
export function parseDamagedHeaders(
  seed: number,
  rounds: number,
): { read: number; refused: number } {
  const next = random(seed);
  const counts = { read: 0, refused: 0 };
  const { stackTraceLimit } = Error;
  // A stack takes longer than all else of a header that is refused.
  Error.stackTraceLimit = 0;
  try {
    for (let done = 0; done < rounds; done += BATCH) {
      withinTurn(new Uint8Array(0), () => {
        for (let i = 0; i < BATCH; i++) parseDamaged(next, counts);
      });
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return counts;
}

const scratch = new Uint8Array(2 * MAX);

/** Changes, cuts or repeats bytes of a header, in place, and parses that. */
function parseDamaged(
  next: Random,
  counts: { read: number; refused: number },
): void {
  const whole = oneOf(next, HEADERS);
  scratch.set(whole);
  let { length } = whole;
  for (let times = 1 + below(next, 3); times > 0; times--) {
    const at = below(next, length + 1);
    switch (below(next, 4)) {
      case 0:
        scratch[at]! ^= 1 << below(next, 8);
        break;
      case 1:
        scratch[at] = below(next, 256);
        break;
      case 2:
        length = at;
        break;
      default:
        scratch.copyWithin(at, below(next, length + 1), length);
        length = Math.min(length + below(next, 64), scratch.length);
    }
  }
  const input = scratch.subarray(0, length);
  try {
    const found = lookAt(input, MAX);
    if (typeof found !== "object") return;
    if (found.length > length || found.length > MAX) {
      throw new AssertionError({
        message: `a header of ${found.length} bytes`,
      });
    }
    counts.read++;
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) {
      throw new Error(`Cannot parse ${shown(input)}`, { cause: error });
    }
    counts.refused++;
  }
}
