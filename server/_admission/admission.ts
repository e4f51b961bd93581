import { checkKeys } from "../../handlers/_known_keys.ts";
import { clientBytes, Networks } from "../../handlers/_networks.ts";
import { checkCount } from "../_core/options.ts";
import type { AdmissionOptions, AdmissionRate } from "../admission_options.ts";
import { allocateCounts, type Counted, Counts } from "./counts.ts";
import { KeyedHash } from "./keyed_hash.ts";
import { allocateRates, Rates } from "./rates.ts";

/** For how many addresses memory is made where it is not said. */
const MAX_TRACKED = 16_384;
const MOST_TRACKED = 2 ** 20;
const IPV6_PREFIX = 64;
/** The most that a rate may be: the clock of cells has so fine a tick. */
const MOST_RATE = 1_000_000;

const OPTION_NAMES = Object.keys(
  {
    ...{ perAddress: true, rate: true, ipv6Prefix: true },
    ...{ allow: true, deny: true, maxTracked: true },
  } satisfies Record<keyof AdmissionOptions, true>,
);

const RATE_NAMES = Object.keys(
  { burst: true, perSecond: true } satisfies Record<keyof AdmissionRate, true>,
);

/** Why a client is not let in. */
export type NotAdmitted = "deny" | "perAddress" | "rate";

/** The part of a thread in what several share. */
export interface AdmissionShare {
  readonly memory: AdmissionMemory;
  /** Which of the threads it is, from 0. */
  readonly thread: number;
  /** Whether it is taken for gone: then another has its part. */
  isGone(): boolean;
}

/** What all threads of a server share. */
export interface AdmissionMemory {
  readonly counts: SharedArrayBuffer | undefined;
  readonly rates: SharedArrayBuffer | undefined;
  /** The key of hashes. */
  readonly key: readonly [number, number];
  /** How many threads there are. */
  readonly threads: number;
  /** The time of the main thread, in milliseconds of a clock that never steps. */
  readonly time: number;
}

/** What `leave` is to be given of a client that was let in. */
export type Admitted = Counted;

/** A client that is let in and not counted. */
const UNCOUNTED: Admitted = { first: 0, second: 0 };

/** Says who is let in to a server. */
export class Admission {
  readonly #memory: Omit<AdmissionMemory, "time">;
  /** What is added to the time of this thread, so that all have the same. */
  readonly #ahead: number;
  readonly #deny: Networks | undefined;
  readonly #allow: Networks | undefined;
  readonly #prefix: number;
  readonly #hash: KeyedHash;
  readonly #counts: Counts | undefined;
  readonly #rates: Rates | undefined;
  readonly #isGone: (() => boolean) | undefined;

  /**
   * @param options What the server was told.
   * @param shared How many threads will share the limits, or this thread's part.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If an option is of another type, or has an unknown name.
   */
  constructor(
    options: AdmissionOptions,
    shared: number | AdmissionShare = 1,
  ) {
    checkOptions(options);
    const {
      perAddress = Infinity,
      rate,
      ipv6Prefix = IPV6_PREFIX,
      allow,
      deny,
      maxTracked = MAX_TRACKED,
    } = options;
    this.#allow = allow && new Networks("admission.allow", allow);
    this.#deny = deny && new Networks("admission.deny", deny);
    this.#prefix = ipv6Prefix;
    const share = typeof shared === "number" ? undefined : shared;
    const { memory, thread } = share ??
      { memory: allocate(options, maxTracked, shared as number), thread: 0 };
    // What the thread took to start is as if requests had come so much earlier.
    this.#ahead = share === undefined
      ? 0
      : share.memory.time - performance.now();
    this.#isGone = share?.isGone;
    const { counts, rates, key, threads } = memory;
    this.#memory = memory;
    this.#hash = new KeyedHash(key);
    this.#counts = counts &&
      new Counts(counts, maxTracked, perAddress, threads, thread);
    this.#rates = rate && rates &&
      new Rates(rates, maxTracked, rate.burst, rate.perSecond, threads);
  }

  /** What a thread is to be given that starts now. */
  get memory(): AdmissionMemory {
    return { ...this.#memory, time: this.#time };
  }

  /**
   * The time that all threads have, in milliseconds. It is not that of day, by which
   * one thread may be ahead of another once it has been set.
   */
  get #time(): number {
    return this.#ahead + performance.now();
  }

  /**
   * Lets a client in, or not.
   *
   * @param client Its address.
   * @param isOne Whether that is one client's, for whom the limits are.
   * @returns Why not; otherwise what `leave` is to be given.
   */
  enter(client: Deno.Addr, isOne = true): NotAdmitted | Admitted {
    const bytes = "hostname" in client
      ? clientBytes(client.hostname)
      : undefined;
    if (bytes === undefined) {
      // No network has it: it is none of those who alone are let in.
      return this.#allow === undefined ? UNCOUNTED : "deny";
    }
    if (this.#deny?.has(bytes)) return "deny";
    if (this.#allow !== undefined && !this.#allow.has(bytes)) return "deny";
    if (!isOne || this.#counts === undefined && this.#rates === undefined) {
      return UNCOUNTED;
    }
    if (bytes.length === 16) cut(bytes, this.#prefix);
    this.#hash.update(bytes);
    const { first, second } = this.#hash;
    const counted: Admitted = { first, second };
    if (this.#counts?.enter(counted) === false) return "perAddress";
    if (this.#rates?.take(counted, this.#time) === false) {
      this.#counts?.leave(counted);
      return "rate";
    }
    return counted;
  }

  /** A client's request is over that was let in. */
  leave(counted: Admitted): void {
    // One that could not be ended goes on, when all that it had was forgotten.
    if (counted === UNCOUNTED || this.#isGone?.()) return;
    this.#counts?.leave(counted);
  }

  /** All requests of a thread are over: it is gone. */
  clear(thread: number): void {
    this.#counts?.clear(thread);
  }
}

/** Sets all but the first bits to 0. */
function cut(bytes: Uint8Array, bits: number): void {
  const whole = bits >> 3;
  if (whole === bytes.length) return;
  bytes[whole]! &= 0xff00 >> (bits & 7);
  bytes.fill(0, whole + 1);
}

function allocate(
  { perAddress = Infinity, rate }: AdmissionOptions,
  maxTracked: number,
  threads: number,
): Omit<AdmissionMemory, "time"> {
  const [first, second] = crypto.getRandomValues(new Int32Array(2));
  return {
    counts: perAddress === Infinity
      ? undefined
      : allocateCounts(maxTracked, threads, perAddress),
    rates: rate && allocateRates(maxTracked),
    key: [first!, second!],
    threads,
  };
}

function checkOptions(options: AdmissionOptions): void {
  checkKeys("admission option", options, OPTION_NAMES);
  const {
    perAddress = Infinity,
    rate,
    ipv6Prefix = IPV6_PREFIX,
    maxTracked = MAX_TRACKED,
  } = options;
  checkCount("admission.perAddress", perAddress, 1);
  checkRange("admission.ipv6Prefix", ipv6Prefix, 128);
  checkRange("admission.maxTracked", maxTracked, MOST_TRACKED);
  if (rate === undefined) return;
  if (typeof rate !== "object" || rate === null) {
    throw new TypeError(
      `Cannot create server: admission.rate must be an object such as { burst: 20, perSecond: 5 }, received ${
        Deno.inspect(rate)
      }`,
    );
  }
  checkKeys("admission.rate option", rate, RATE_NAMES);
  const { burst, perSecond } = rate;
  checkRange("admission.rate.burst", burst, MOST_RATE);
  if (perSecond > 0 && perSecond <= MOST_RATE) return;
  throw new RangeError(
    `Cannot create server: admission.rate.perSecond must be more than 0 and at most ${MOST_RATE}, received ${
      Deno.inspect(perSecond)
    }`,
  );
}

function checkRange(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(
    `Cannot create server: ${name} must be an integer from 1 to ${most}, received ${
      Deno.inspect(value)
    }`,
  );
}
