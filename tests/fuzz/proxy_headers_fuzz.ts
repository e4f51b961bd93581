/**
 * What comes first over a connection that may carry a PROXY header: headers of
 * both versions, damaged in any way. Each is a header, a part of one, none, or
 * refused with `InvalidData`, and is the same however many bytes of it have come.
 */
import { AssertionError, strictEqual } from "node:assert";
import { encodeProxyHeader } from "../../server/encode_proxy_header.ts";
import { type Beginning, lookAt } from "../../server/_proxy/read_header.ts";
import {
  below,
  bytesOf,
  concat,
  inRound,
  mutate,
  oneOf,
  random,
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
    await inRound(seed, round, input, () => {
      const all = told(input);
      if (all === "InvalidData") counts.refused++;
      else if (all.startsWith("{")) counts.read++;
      // Fewer bytes say the same, or that more has to come.
      const part = told(input.subarray(0, below(next, input.length)));
      if (part === "perhaps a header" || part === "header to come") return;
      strictEqual(part, all);
    });
  }
  return counts;
}
