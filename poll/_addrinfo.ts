import { describe, usize } from "./_check.ts";
import { AF_INET, AF_INET6 } from "./constants_socket.ts";
import { libc } from "./_libc.ts";
import { Memory, readText } from "./_memory.ts";
import { pick, platform } from "./_platform.ts";
import { ADDRESS_SIZE } from "./_sockaddr.ts";

/** One question to getaddrinfo(3), and what it answers, as C has them. */

/** An address as C has it. */
export type RawAddress = Uint8Array<ArrayBuffer>;

/** What is asked. */
export interface Question {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  readonly flags: number;
  /** A name or an IP address; `null` for this machine's. */
  readonly hostname: string | null;
  /** A name or a number; `null` for none. */
  readonly service: string | null;
}

/** One of the answers. */
export interface RawInfo {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  /** Of the first answer, where it was asked for; else empty. */
  readonly canonicalName: string;
  readonly address: RawAddress;
}

// struct addrinfo: four ints, then the length and two pointers, which Linux
// and macOS have in another order; netdb.h of glibc, musl and xnu.
const ADDRINFO_SIZE = 48;
const ADDRESS_LENGTH = 16;
const ADDRESS = platform === "darwin" ? 32 : 24;
const CANONICAL_NAME = platform === "darwin" ? 24 : 32;
const NEXT = 40;

/** Where the pointer to the answer and the texts are in the memory of a question. */
const ANSWER = ADDRINFO_SIZE;
const TEXTS = ANSWER + 8;

/** The longest name that DNS has; RFC 1035, 2.3.4. */
const NAME_MAX = 255;

// netdb.h of glibc, musl and xnu.
const EAI_NAMES = pick<Record<number, string>>({
  [-1]: "EAI_BADFLAGS",
  [-3]: "EAI_AGAIN",
  [-4]: "EAI_FAIL",
  [-6]: "EAI_FAMILY",
  [-7]: "EAI_SOCKTYPE",
  [-8]: "EAI_SERVICE",
  [-10]: "EAI_MEMORY",
  [-11]: "EAI_SYSTEM",
  [-12]: "EAI_OVERFLOW",
}, {
  [2]: "EAI_AGAIN",
  [3]: "EAI_BADFLAGS",
  [4]: "EAI_FAIL",
  [5]: "EAI_FAMILY",
  [6]: "EAI_MEMORY",
  [9]: "EAI_SERVICE",
  [10]: "EAI_SOCKTYPE",
  [11]: "EAI_SYSTEM",
  [14]: "EAI_OVERFLOW",
});

/** Asks, waiting for the resolver. At least one answer. */
export function askSync(question: Question): RawInfo[] {
  const asked = new Asked(question);
  try {
    // All four are in memory that lives until the answer is copied.
    return asked.take(libc().getaddrinfo(...asked.places));
  } finally {
    asked.free();
  }
}

/** Asks on another thread. At least one answer. */
export async function ask(question: Question): Promise<RawInfo[]> {
  const asked = new Asked(question);
  try {
    // The thread has that memory alone until the promise settles, then it is ours.
    return asked.take(await libc().getaddrinfoOnThread(...asked.places));
  } finally {
    asked.free();
  }
}

/** A question in C's memory: the hints, room for the answer, the texts. */
class Asked {
  readonly #question: Question;
  readonly #memory: Memory;
  /** The arguments of getaddrinfo(3): the texts, the hints, the answer. */
  readonly places: [bigint, bigint, bigint, bigint];

  constructor(question: Question) {
    const { hostname, service } = question;
    const name = encode(hostname);
    const serviceName = encode(service);
    const bytes = new Uint8Array(TEXTS + name.length + serviceName.length);
    const hints = new DataView(bytes.buffer);
    hints.setInt32(0, question.flags, true);
    hints.setInt32(4, question.family, true);
    hints.setInt32(8, question.type, true);
    hints.setInt32(12, question.protocol, true);
    bytes.set(name, TEXTS);
    bytes.set(serviceName, TEXTS + name.length);
    this.#question = question;
    this.#memory = new Memory(bytes.length);
    this.#memory.write(bytes);
    const { address } = this.#memory;
    const texts = address + BigInt(TEXTS);
    this.places = [
      hostname === null ? 0n : texts,
      service === null ? 0n : texts + BigInt(name.length),
      address,
      address + BigInt(ANSWER),
    ];
  }

  free(): void {
    this.#memory.free();
  }

  /** @param code What getaddrinfo(3) returned. */
  take(code: number): RawInfo[] {
    if (code !== 0) throw this.#failure(code);
    const answer = new Uint8Array(TEXTS);
    this.#memory.read(answer);
    const first = new DataView(answer.buffer).getBigUint64(ANSWER, true);
    const found: RawInfo[] = [];
    const bytes = new Uint8Array(ADDRINFO_SIZE);
    const info = new DataView(bytes.buffer);
    try {
      for (let at = first; at !== 0n; at = info.getBigUint64(NEXT, true)) {
        // A list of libc's, valid until freeaddrinfo(3): `struct addrinfo`, and
        // in it the length and the place of an address, and of a text.
        libc().memcpyFrom(bytes, at, usize(ADDRINFO_SIZE));
        const family = info.getInt32(4, true);
        if (family !== AF_INET && family !== AF_INET6) continue;
        const length = info.getUint32(ADDRESS_LENGTH, true);
        const address = new Uint8Array(Math.min(length, ADDRESS_SIZE));
        libc().memcpyFrom(
          address,
          info.getBigUint64(ADDRESS, true),
          usize(address.length),
        );
        found.push({
          family,
          type: info.getInt32(8, true),
          protocol: info.getInt32(12, true),
          canonicalName: readText(info.getBigUint64(CANONICAL_NAME, true)),
          address,
        });
      }
    } finally {
      libc().freeaddrinfo(first);
    }
    return found;
  }

  #failure(code: number): Error {
    const { hostname, service } = this.#question;
    const asked = [hostname, service].filter((text) => text !== null)
      .map(describe).join(" and service ");
    const name = EAI_NAMES[code];
    const message = `Cannot resolve ${asked}: ${explain(code)}`;
    // That there is no such name is what has no number of its own here: systems
    // tell it by several.
    return Object.assign(
      name === undefined || ABSENT.has(name)
        ? new Deno.errors.NotFound(message)
        : new Error(message),
      { code: name ?? "ENOTFOUND" },
    );
  }
}

/** Nobody could tell, or there is none. */
const ABSENT: ReadonlySet<string> = new Set([
  ...["EAI_AGAIN", "EAI_FAIL", "EAI_SERVICE"],
]);

function encode(text: string | null): Uint8Array {
  if (text === null) return new Uint8Array(0);
  const bytes = new TextEncoder().encode(`${text}\0`);
  if (bytes.length > NAME_MAX + 1) {
    throw new RangeError(
      `Cannot resolve ${describe(text)}: it is longer than ${NAME_MAX} bytes`,
    );
  }
  return bytes;
}

function explain(code: number): string {
  return readText(libc().gai_strerror(code)).toLowerCase() || `error ${code}`;
}
