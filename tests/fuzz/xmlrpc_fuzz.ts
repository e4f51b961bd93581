import { deepStrictEqual, ok } from "node:assert";
import { gzipSync } from "node:zlib";
import { CallRoom } from "../../handlers/xmlrpc/_http/call_room.ts";
import { readCallBody } from "../../handlers/xmlrpc/_http/read_call.ts";
import { completeCallLimits } from "../../handlers/xmlrpc/xmlrpc_call_limits.ts";
import { StreamReader } from "../../handlers/streams/stream_reader.ts";
import { HTTPError } from "../../server/http/mod.ts";
import {
  decodeXMLRPCCall,
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  encodeXMLRPCResponse,
  XMLRPCDispatcher,
  XMLRPCFault,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import {
  below,
  concat,
  inRound,
  mutate,
  oneOf,
  pieces,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

const encoder = new TextEncoder();
const OPTIONS = { allowNil: true, maxSize: 2 ** 20 };

const TEXTS = [
  "",
  " ",
  "a",
  "\r\n",
  "é€",
  "😀",
  "&<>]]>",
  "\t\n",
  "0",
  "__proto__",
];

/** What documents are made of, to be spliced in and repeated. */
const FRAGMENTS = [
  ...["<value/>", "<value>", "</value>", "<array><data>", "</data></array>"],
  ...["<struct/>", "<member><name>a</name><value/></member>", "<nil/>", "<a/>"],
  ...["<![CDATA[x]]>", "<![CDATA[", "<!---->", "<!--", "<?a?>", "<?", "]]>"],
  ...["&amp;", "&#65;", "&#x41;", "&#0;", "&a;", "&", "\r", "\r\n", "\n", " "],
  ...[' a=""', "<!DOCTYPE a>", "<int>1</int>", "<base64>AA==</base64>", "\0"],
  ...[
    '<?xml version="1.0" encoding="utf-16"?>',
    "\ufeff",
    "<double>1e9</double>",
  ],
].map((text) => encoder.encode(text));

function value(next: Random, depth = 0): XMLRPCValue {
  switch (below(next, depth > 4 ? 7 : 9)) {
    case 0:
      return below(next, 2 ** 32) - 2 ** 31;
    case 1:
      return next() * 10 ** below(next, 20) + 0.5;
    case 2:
      return next() < 0.5;
    case 3:
      return Array.from({ length: below(next, 4) }, () => oneOf(next, TEXTS))
        .join("");
    case 4:
      return Uint8Array.from(
        { length: below(next, 9) },
        () => below(next, 256),
      );
    case 5:
      return BigInt(below(next, 2 ** 30)) ** 2n - 1n;
    case 6:
      return null;
    case 7:
      return Array.from(
        { length: below(next, 5) },
        () => value(next, depth + 1),
      );
    default:
      return Object.fromEntries(
        Array.from({ length: below(next, 5) }, (_, i) => [
          `${oneOf(next, ["a", "é", "&", ""])}${i}`,
          value(next, depth + 1),
        ]),
      );
  }
}

/** Either what was read, or that it was refused as it should be. */
function attempt<T>(read: () => T): { readonly read: T } | undefined {
  try {
    return { read: read() };
  } catch (error) {
    if (error instanceof XMLRPCFault || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/** A document, most of the time damaged or with something repeated. */
function damaged(
  next: Random,
  document: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  switch (below(next, 8)) {
    case 0: {
      // As much of one thing as would show what takes its square.
      const fragment = oneOf(next, FRAGMENTS);
      const at = below(next, document.length + 1);
      const times = Math.floor(below(next, 64 * 1024) / fragment.length);
      const repeated = new Uint8Array(times * fragment.length);
      for (let i = 0; i < times; i++) {
        repeated.set(fragment, i * fragment.length);
      }
      return concat(document.subarray(0, at), repeated, document.subarray(at));
    }
    default:
      return mutate(next, document, FRAGMENTS);
  }
}

/**
 * Tries values: whatever is written is read as it was, in calls and responses.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzValues(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const params = Array.from({ length: below(next, 4) }, () => value(next));
    const call = encodeXMLRPCCall("m", params, OPTIONS);
    const input = encoder.encode(call);
    await inRound(seed, round, input, () => {
      const read = withinTurn(input, () => decodeXMLRPCCall(input, OPTIONS));
      deepStrictEqual(read, { method: "m", params });
      const response = encodeXMLRPCResponse(params, OPTIONS);
      deepStrictEqual(decodeXMLRPCResponse(response, OPTIONS), params);
    });
  }
}

/**
 * Tries calls and responses, most of them damaged: each is read or refused, and
 * what is read can be written and read again.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzDocuments(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  const dispatcher = new XMLRPCDispatcher(OPTIONS);
  dispatcher.registerMulticallFunctions();
  dispatcher.registerIntrospectionFunctions();
  dispatcher.registerFunction((...params: XMLRPCValue[]) => params, {
    name: "m",
  });
  for (let round = 0; round < rounds; round++) {
    const xml = oneOf(next, [
      () => encodeXMLRPCCall("m", [value(next)], OPTIONS),
      () =>
        encodeXMLRPCCall("system.multicall", [
          Array.from({ length: below(next, 5) }, () => ({
            methodName: oneOf(next, ["m", "x", "system.multicall"]),
            params: [value(next)],
          })),
        ], OPTIONS),
      () => encodeXMLRPCResponse(value(next), OPTIONS),
      () => encodeXMLRPCResponse(new XMLRPCFault(1, oneOf(next, TEXTS))),
    ])();
    const input = damaged(next, encoder.encode(xml));
    await inRound(seed, round, input, async () => {
      const call = withinTurn(
        input,
        () => attempt(() => decodeXMLRPCCall(input, OPTIONS)),
      );
      if (call !== undefined) requireSame(call.read.params);
      const response = withinTurn(
        input,
        () => attempt(() => decodeXMLRPCResponse(input, OPTIONS)),
      );
      if (response !== undefined) requireSame([response.read]);
      // Whatever came, there is an answer, and it is no longer than it may be.
      const answer = await dispatcher.marshaledDispatch(input);
      ok(answer.length < OPTIONS.maxSize + 1_000);
      attempt(() => decodeXMLRPCResponse(answer, OPTIONS));
    });
  }
}

/** What was read can be written, unless it is of a type that only is read. */
function requireSame(params: XMLRPCValue[]): void {
  let written: string;
  try {
    written = encodeXMLRPCCall("m", params, { ...OPTIONS, maxSize: Infinity });
  } catch (error) {
    if (error instanceof RangeError && /64 bits/.test(error.message)) return;
    throw error;
  }
  const limits = { ...OPTIONS, maxSize: Infinity };
  deepStrictEqual(decodeXMLRPCCall(written, limits).params, params);
}

/**
 * Tries compressed bodies, some of them damaged and cut: each is decompressed to
 * what it was or refused, and holds nothing afterwards.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzCompressed(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  const room = new CallRoom(completeCallLimits({ maxInflation: 10 }));
  const maxBodySize = 256 * 1024;
  for (let round = 0; round < rounds; round++) {
    const body = encoder.encode(
      oneOf(next, ["", "a", "<value/>", "\r"]).repeat(below(next, 60_000)),
    );
    const whole = new Uint8Array(gzipSync(body, { level: below(next, 10) }));
    const isWhole = below(next, 2) === 0;
    const input = isWhole ? whole : mutate(next, whole, [whole], 300 * 1024);
    await inRound(seed, round, input.subarray(0, 2_000), async () => {
      const request = {
        headers: new Headers({ "content-encoding": "gzip" }),
        // Byte by byte, the longest would take minutes.
        rfile: new StreamReader(
          partsOf(input.length > 2_000 ? [input] : pieces(next, input)),
        ),
        signal: new AbortController().signal,
      };
      try {
        const { data, share } = await readCallBody(request, maxBodySize, room);
        share[Symbol.dispose]();
        ok(data.length <= maxBodySize);
        if (isWhole) deepStrictEqual(new Uint8Array(data), body);
      } catch (error) {
        if (!(error instanceof HTTPError)) throw error;
        ok([400, 413].includes(error.status));
        if (isWhole) ok(body.length > maxBodySize, error.message);
      }
      ok(room.arriving.taken === 0 && room.answering.taken === 0);
    });
  }
}

function partsOf(parts: Uint8Array[]) {
  return {
    read(buffer: Uint8Array): Promise<number | null> {
      const part = parts.shift();
      if (part === undefined) return Promise.resolve(null);
      const taken = part.subarray(0, buffer.length);
      buffer.set(taken);
      if (taken.length < part.length) {
        parts.unshift(part.subarray(taken.length));
      }
      return Promise.resolve(taken.length);
    },
  };
}
