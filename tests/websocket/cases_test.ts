/**
 * Frames that a client sends, and what must come back: every rule of RFC 6455 and
 * RFC 7692 for a server, in the order of the list of the Autobahn test suite, whose
 * numbers the cases have.
 */
import { deepStrictEqual, ok } from "node:assert";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { echo, Scene } from "./_serving.ts";
import {
  close,
  closing,
  contentShown,
  echoed,
  frame,
  type FrameOptions,
  join,
  OPCODES,
  shown,
  text,
} from "./_wire.ts";

const { continuation, binary, ping, pong } = OPCODES;
const encoder = new TextEncoder();

/** One case. */
interface Case {
  readonly id: string;
  /** What is sent. */
  readonly send: readonly Uint8Array[];
  /** What comes back until the end of the connection. */
  readonly expect: readonly string[];
  /** How many bytes are sent at a time. */
  readonly atATime?: number;
}

/** A case in which all is in order: the client closes in the end. */
function good(
  id: string,
  send: readonly Uint8Array[],
  expect: readonly string[],
  atATime?: number,
): Case {
  return {
    id,
    send: [...send, close(1000)],
    expect: [...expect, "close 1000"],
    ...atATime === undefined ? {} : { atATime },
  };
}

/** A case in which the server fails the connection with a code. */
function bad(
  id: string,
  send: readonly Uint8Array[],
  code: number,
  expect: readonly string[] = [],
  atATime?: number,
): Case {
  return {
    id,
    // It must not wait for more to find what is wrong.
    send,
    expect: [...expect, `close ${code}`],
    ...atATime === undefined ? {} : { atATime },
  };
}

const pattern = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
const letters = (length: number) => "*".repeat(length);
const tail: FrameOptions = { fin: true };
const more: FrameOptions = { fin: false };
const textEcho = (payload: string | Uint8Array<ArrayBuffer>) =>
  echoed(OPCODES.text, payload);
const binaryEcho = (payload: Uint8Array<ArrayBuffer>) =>
  echoed(binary, payload);
const pongOf = (payload: string | Uint8Array<ArrayBuffer>) =>
  echoed(pong, payload);

const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536];

const framing: readonly Case[] = [
  ...SIZES.flatMap((size, i) => [
    good(`1.1.${i + 1}`, [text(letters(size))], [textEcho(letters(size))]),
    good(`1.2.${i + 1}`, [frame(binary, pattern(size))], [
      binaryEcho(pattern(size)),
    ]),
  ]),
  good("1.1.8", [text(letters(65_536))], [textEcho(letters(65_536))], 997),
  good(
    "1.2.8",
    [frame(binary, pattern(65_536))],
    [binaryEcho(pattern(65_536))],
    997,
  ),
  // A length may not have more bytes than it needs: section 5.2.
  bad("1.3.1", [text("x", { lengthBytes: 2 })], 1002),
  bad("1.3.2", [text("x", { lengthBytes: 8 })], 1002),
  bad("1.3.3", [text(letters(126), { lengthBytes: 8 })], 1002),
  bad("1.3.4", [text("", { lengthBytes: 8, length: 2 ** 63 })], 1002),
  // Nor may a client leave out the mask: section 5.1.
  bad("1.4.1", [text("x", { key: null })], 1002),
  bad("1.4.2", [frame(ping, "", { key: null })], 1002),
  // Any key does, that of zeros too.
  good("1.4.3", [text("zeros", { key: [0, 0, 0, 0] })], [textEcho("zeros")]),
  good("1.4.4", [
    ...[[0xff, 0, 0, 0], [0, 0x80, 0, 0], [1, 2, 3, 4], [
      0xff,
      0xff,
      0xff,
      0xff,
    ]]
      .map((key) => text("each byte has its key", { key })),
  ], Array(4).fill(textEcho("each byte has its key"))),
];

const pings: readonly Case[] = [
  good("2.1", [frame(ping)], [pongOf("")]),
  good("2.2", [frame(ping, "Hello, world!")], [pongOf("Hello, world!")]),
  good("2.3", [frame(ping, Uint8Array.of(0, 255, 254, 253, 0))], [
    pongOf(Uint8Array.of(0, 255, 254, 253, 0)),
  ]),
  good("2.4", [frame(ping, pattern(125))], [pongOf(pattern(125))]),
  bad("2.5", [frame(ping, pattern(126))], 1002),
  good("2.6", [frame(ping, pattern(125))], [pongOf(pattern(125))], 1),
  good("2.7", [frame(pong)], []),
  good("2.8", [frame(pong, "unsolicited")], []),
  good("2.9", [frame(pong, "unsolicited"), frame(ping, "x")], [pongOf("x")]),
  ...[undefined, 1].map((atATime, i) =>
    good(
      `2.${10 + i}`,
      Array.from({ length: 10 }, (_, i) => frame(ping, `payload ${i}`)),
      Array.from({ length: 10 }, (_, i) => pongOf(`payload ${i}`)),
      atATime,
    )
  ),
];

const hello = text("Hello, world!");
const helloEcho = textEcho("Hello, world!");

const reserved: readonly Case[] = [
  bad("3.1", [text("x", { rsv: 1 })], 1002),
  bad("3.2", [hello, text("x", { rsv: 2 }), frame(ping)], 1002, [helloEcho]),
  bad("3.3", [hello, text("x", { rsv: 3 }), frame(ping)], 1002, [helloEcho], 7),
  bad("3.4", [hello, text("x", { rsv: 4 }), frame(ping)], 1002, [helloEcho], 1),
  bad("3.5", [frame(binary, pattern(8), { rsv: 5 })], 1002),
  bad("3.6", [frame(ping, "x", { rsv: 6 })], 1002),
  bad("3.7", [frame(OPCODES.close, "", { rsv: 7 })], 1002),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode, i) => [
    bad(`4.${opcode < 8 ? 1 : 2}.${i % 5 + 1}`, [frame(opcode)], 1002),
    bad(
      `4.${opcode < 8 ? 1 : 2}.${i % 5 + 1}b`,
      [
        hello,
        frame(opcode, "payload"),
        frame(ping),
      ],
      1002,
      [helloEcho],
    ),
  ]),
];

const first = (payload: string | Uint8Array) => text(payload, more);
const next = (payload: string | Uint8Array, options: FrameOptions = more) =>
  frame(continuation, payload, options);
const last = (payload: string | Uint8Array) => next(payload, tail);
const fragments = [first("fragment1"), last("fragment2")];
const fragmentsEcho = textEcho("fragment1fragment2");
const pinged = [first("fragment1"), frame(ping, "ping"), last("fragment2")];
const five = [
  ...[first("fragment1"), next("fragment2"), frame(ping, "1")],
  ...[next("fragment3"), next("fragment4"), frame(ping, "2")],
  last("fragment5"),
];
const fiveEcho = textEcho(
  [1, 2, 3, 4, 5].map((i) => `fragment${i}`).join(""),
);

const fragmented: readonly Case[] = [
  bad("5.1", [frame(ping, "a", more), last("b")], 1002),
  bad("5.2", [frame(pong, "a", more), last("b")], 1002),
  ...[undefined, 3, 1].flatMap((atATime, i) => [
    good(`5.${3 + i}`, fragments, [fragmentsEcho], atATime),
    good(`5.${6 + i}`, pinged, [pongOf("ping"), fragmentsEcho], atATime),
    bad(`5.${9 + i}`, [last("nothing"), hello], 1002, [], atATime),
    bad(`5.${12 + i}`, [next("nothing"), hello], 1002, [], atATime),
  ]),
  bad("5.15", [...fragments, next("nothing"), hello], 1002, [fragmentsEcho]),
  bad("5.16", [next("nothing"), hello, last("more")], 1002),
  bad("5.17", [last("nothing"), hello, last("more")], 1002),
  bad("5.18", [first("fragment1"), text("fragment2")], 1002),
  good("5.19", five, [pongOf("1"), pongOf("2"), fiveEcho]),
  good("5.20", five, [pongOf("1"), pongOf("2"), fiveEcho], 1),
  good("5.21", [frame(binary, pattern(300), more), last(pattern(5))], [
    binaryEcho(join([pattern(300), pattern(5)])),
  ]),
];

const GREEK = "κόσμε µ@ßöäüàá-UTF-8!!";
const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);
const octets = (bytes: Uint8Array) => [
  first(bytes.subarray(0, 1)),
  ...Array.from(bytes.subarray(1, -1), (byte) => next(bytesOf(byte))),
  last(bytes.subarray(-1)),
];
const INVALID = join([
  encoder.encode("κόσμε"),
  bytesOf(0xed, 0xa0, 0x80),
  encoder.encode("edited"),
]);

/** The first and the last characters of each length, and some of other kinds. */
const VALID = [
  ...["\0", "\u007f", "\u0080", "\u07ff", "\u0800", "\uffff", "\u{10000}"],
  ...["\u{fffff}", "\ud7ff", "\ue000", "\ufffd", "\u{10ffff}"],
  ...["\u0001", "\ufeffBOM", "\ufffe", "\u{1fffe}", "\u{8ffff}", GREEK],
  "a".repeat(125) + "ü",
  "ü".repeat(5_000),
  "😀".repeat(20_000),
];

/** Bytes that are no UTF-8: RFC 3629, and table 3-7 of the Unicode standard. */
const NO_UTF8: readonly (readonly number[])[] = [
  // Past U+10FFFF, and of five and six bytes.
  ...[[0xf4, 0x90, 0x80, 0x80], [0xf7, 0xbf, 0xbf, 0xbf], [0xf5, 0x80, 0x80]],
  ...[[0xf8, 0x88, 0x80, 0x80, 0x80], [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]],
  // A continuation without a beginning, all of them, and a beginning alone.
  ...[[0x80], [0xbf], [0x80, 0xbf], [0x80, 0xbf, 0x80, 0xbf, 0x80]],
  ...[[0xc0, 0x20], [0xdf, 0x20], [0xe0, 0x20], [0xef, 0x20], [0xf0, 0x20]],
  ...[[0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xdf], [0xef, 0xbf]],
  // What no character has.
  ...[[0xfe], [0xff], [0xfe, 0xfe, 0xff, 0xff]],
  // Longer than needed.
  ...[[0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xf0, 0x80, 0x80, 0xaf]],
  ...[[0xc1, 0xbf], [0xe0, 0x9f, 0xbf], [0xf0, 0x8f, 0xbf, 0xbf]],
  ...[[0xc0, 0x80], [0xe0, 0x80, 0x80], [0xf0, 0x80, 0x80, 0x80]],
  // Surrogates, alone and in pairs.
  ...[[0xed, 0xa0, 0x80], [0xed, 0xad, 0xbf], [0xed, 0xae, 0x80]],
  ...[[0xed, 0xbf, 0xbf], [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
];

const utf8: readonly Case[] = [
  good("6.1.1", [text("")], [textEcho("")]),
  good("6.1.2", [first(""), next(""), last("")], [textEcho("")]),
  good("6.1.3", [first(""), next("middle"), last("")], [textEcho("middle")]),
  ...VALID.flatMap((valid, i) => [
    good(`6.2.${i}`, [text(valid)], [textEcho(valid)]),
    good(`6.2.${i} in two reads`, [text(valid)], [textEcho(valid)], 4_001),
  ]),
  ...["κόσμε", GREEK, "\u{10000}\u{10ffff}\ud7ff\ue000"].flatMap((valid, i) => [
    good(`6.2.${i} in octets`, octets(encoder.encode(valid)), [
      textEcho(valid),
    ]),
    good(
      `6.2.${i} in octets, one at a time`,
      [text(valid)],
      [textEcho(valid)],
      1,
    ),
  ]),
  bad("6.3.1", [text(INVALID)], 1007),
  bad("6.3.2", octets(INVALID), 1007),
  // As soon as it is wrong, though the rest never comes.
  bad("6.4.1", [first(INVALID.subarray(0, 14))], 1007),
  bad(
    "6.4.2",
    [first(join([encoder.encode("κόσμε"), bytesOf(0xf4, 0x90)]))],
    1007,
  ),
  bad("6.4.3", [text(INVALID).subarray(0, 6 + 14)], 1007),
  bad("6.4.4", [text(INVALID).subarray(0, 6 + 14)], 1007, [], 1),
  ...NO_UTF8.flatMap((bytes, i) => {
    const long = join([encoder.encode(letters(300)), bytesOf(...bytes)]);
    return [
      bad(`6.5.${i}`, [text(bytesOf(...bytes))], 1007),
      bad(`6.6.${i}`, [text(long)], 1007),
      ...bytes.length < 2
        ? []
        : [bad(`6.7.${i}`, octets(bytesOf(...bytes)), 1007)],
    ];
  }),
  // What is no text need not be UTF-8.
  good("6.8.1", [frame(binary, INVALID)], [
    binaryEcho(INVALID),
  ]),
];

const GOOD_CODES = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
  ...[3000, 3999, 4000, 4999],
];
const BAD_CODES = [
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535],
];

const closes: readonly Case[] = [
  good("7.1.1", [hello], [helloEcho]),
  good("7.1.2", [close(1000)], []),
  { id: "7.1.3", send: [close(), frame(ping, "x")], expect: ["close"] },
  { id: "7.1.4", send: [close(), hello], expect: ["close"] },
  {
    id: "7.1.5",
    send: [first("fragment1"), close(), last("fragment2")],
    expect: ["close"],
  },
  {
    id: "7.1.6",
    send: [text(letters(262_144)), hello, close(), frame(ping)],
    expect: [textEcho(letters(262_144)), helloEcho, "close"],
  },
  { id: "7.3.1", send: [close()], expect: ["close"] },
  bad("7.3.2", [frame(OPCODES.close, "x")], 1002),
  { id: "7.3.3", send: [close(1000)], expect: ["close 1000"] },
  { id: "7.3.4", send: [close(1000, "bye")], expect: ["close 1000"] },
  {
    id: "7.3.5",
    send: [close(1000, letters(123))],
    expect: ["close 1000"],
  },
  bad("7.3.6", [close(1000, letters(124))], 1002),
  bad("7.5.1", [close(1000, INVALID)], 1007),
  ...GOOD_CODES.map((code): Case => ({
    id: `7.7.${code}`,
    send: [close(code)],
    expect: [`close ${code}`],
  })),
  ...BAD_CODES.flatMap((code) => [
    bad(`7.9.${code}`, [close(code)], 1002),
    bad(`7.9.${code}b`, [close(code, "reason")], 1002),
  ]),
];

const MIB = 1024 * 1024;

/** What is large, or in many pieces. A message may have 4 MiB. */
const large: readonly Case[] = [
  ...[MIB / 4, MIB, 4 * MIB].flatMap((size, i) => [
    good(`9.1.${i + 1}`, [text(letters(size))], [textEcho(letters(size))]),
    good(`9.2.${i + 1}`, [frame(binary, pattern(size))], [
      binaryEcho(pattern(size)),
    ]),
  ]),
  ...[64, 256, 4_096, 65_536].flatMap((size, i) => {
    const whole = pattern(MIB / 4);
    const parts = (opcode: number, bytes: Uint8Array) => [
      ...Array.from({ length: bytes.length / size }, (_, part) => {
        const payload = bytes.subarray(part * size, (part + 1) * size);
        return frame(part === 0 ? opcode : continuation, payload, more);
      }),
      last(""),
    ];
    return [
      good(
        `9.3.${i + 1}`,
        parts(OPCODES.text, encoder.encode(letters(MIB / 4))),
        [
          textEcho(letters(MIB / 4)),
        ],
      ),
      good(`9.4.${i + 1}`, parts(binary, whole), [binaryEcho(whole)]),
    ];
  }),
  ...[512, 4_096].map((atATime, i) =>
    good(
      `9.5.${i + 1}`,
      [text(letters(MIB / 8))],
      [textEcho(letters(MIB / 8))],
      atATime,
    )
  ),
  ...[0, 16, 64, 256, 4_096].map((size, i) =>
    good(
      `9.7.${i + 1}`,
      Array(200).fill(text(letters(size))),
      Array(200).fill(textEcho(letters(size))),
    )
  ),
  bad("9.9.1", [text("", { length: 4 * MIB + 1 })], 1009),
  bad("9.9.2", [
    frame(binary, pattern(4 * MIB), more),
    next("", { ...more, length: 1 }),
  ], 1009),
  bad("9.9.3", [text("", { length: 2 ** 40 })], 1009),
];

/** Sends what a case has, and compares what comes. */
async function run(
  scene: Scene,
  { id, send, expect, atATime }: Case,
  headers?: Record<string, string>,
): Promise<void> {
  using wire = await scene.open(headers);
  const sending = wire.send(join(send), atATime).catch((error) => {
    // Who has failed the connection need not take the rest.
    if (
      !(error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe)
    ) throw error;
  });
  deepStrictEqual(await wire.rest(), expect, id);
  await sending;
}

/** Runs cases, some at a time. */
async function runAll(scene: Scene, cases: readonly Case[]): Promise<void> {
  const waiting = [...cases];
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let next; (next = waiting.shift()) !== undefined;) {
      await run(scene, next);
    }
  }));
  deepStrictEqual(scene.served.errors, []);
}

const SECTIONS = {
  "1, framing": framing,
  "2, pings and pongs": pings,
  "3 and 4, reserved bits and opcodes": reserved,
  "5, fragments": fragmented,
  "6, UTF-8": utf8,
  "7, closing": closes,
  "9, large messages": large,
} as const;

for (const [section, cases] of Object.entries(SECTIONS)) {
  for (
    const [way, use] of [
      ["in a loop", echo],
      [
        "with listeners",
        ((socket) => {
          socket.addEventListener(
            "message",
            ({ data }) => void socket.send(data as string | ArrayBuffer),
          );
        }) satisfies (socket: Parameters<typeof echo>[0]) => void,
      ],
    ] as const
  ) {
    Deno.test(`section ${section}: what comes back from an echo ${way}`, async () => {
      ok(cases.length >= 10);
      await using scene = await Scene.serve(use, { maxMessageSize: 4 * MIB });
      await runAll(scene, cases);
    });
  }
}

/** A client's parameters of permessage-deflate, and what the server may answer. */
const OFFERS = {
  "permessage-deflate": "permessage-deflate",
  "permessage-deflate; client_no_context_takeover":
    "permessage-deflate; client_no_context_takeover",
  "permessage-deflate; server_no_context_takeover":
    "permessage-deflate; server_no_context_takeover",
  "permessage-deflate; client_max_window_bits": "permessage-deflate",
  "permessage-deflate; server_max_window_bits=9":
    "permessage-deflate; server_max_window_bits=9",
  "permessage-deflate; client_max_window_bits=9; server_max_window_bits=10; server_no_context_takeover":
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9",
} as const;

const TAIL = bytesOf(0, 0, 0xff, 0xff);

/** Deflates as a client does that has no memory of earlier messages. */
function deflate(bytes: Uint8Array, windowBits: number): Uint8Array {
  return deflateRawSync(bytes, {
    windowBits,
    finishFlush: constants.Z_SYNC_FLUSH,
  }).subarray(0, -4);
}

/** Inflates what refers to nothing before. */
function inflate(bytes: Uint8Array): Uint8Array {
  return inflateRawSync(join([bytes, TAIL]), {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
}

for (const [offer, answer] of Object.entries(OFFERS)) {
  Deno.test(`sections 12 and 13: compressed messages come back, by ${offer}`, async () => {
    await using scene = await Scene.serve(echo, {
      deflate: { threshold: 0 },
      maxMessageSize: 4 * MIB,
    });
    const bits = Number(/client_max_window_bits=(\d+)/.exec(offer)?.[1] ?? 15);
    using wire = await scene.open({ "Sec-WebSocket-Extensions": offer });
    deepStrictEqual(wire.header("sec-websocket-extensions"), answer);
    const remembers = !answer.includes("server_no_context_takeover");
    let before = new Uint8Array(0);
    for (const size of [0, 16, 64, 256, 1_024, 8_192, 65_536, 131_072]) {
      const message = encoder.encode(
        JSON.stringify(Array.from(pattern(size))).slice(0, size),
      );
      const compressed = deflate(message, bits);
      const half = compressed.length >> 1;
      for (
        const sent of [
          [text(compressed, { rsv: 4 })],
          [
            text(compressed.subarray(0, half), { rsv: 4, fin: false }),
            frame(ping, "between"),
            last(compressed.subarray(half)),
          ],
          // One that is not compressed may come between.
          [text(message)],
        ]
      ) {
        await wire.send(join(sent), size > 10_000 ? Infinity : 1_000);
        if (sent.length > 1) {
          deepStrictEqual(shown(await wire.receive()), pongOf("between"));
        }
        const { rsv, opcode, payload } = await wire.receive();
        deepStrictEqual([rsv, opcode], [4, OPCODES.text]);
        // All that was ever sent, as the server may refer to any of it.
        const stream = remembers ? join([before, payload, TAIL]) : payload;
        const inflated = remembers
          ? inflateRawSync(stream, { finishFlush: constants.Z_SYNC_FLUSH })
            .subarray(-size || Infinity)
          : inflate(stream);
        deepStrictEqual(
          contentShown(new Uint8Array(inflated)),
          contentShown(message),
        );
        if (remembers) before = stream;
      }
    }
    await wire.send(close(1000));
    deepStrictEqual(await wire.rest(), ["close 1000"]);
    deepStrictEqual(scene.served.errors, []);
  });
}

Deno.test("what is compressed where nothing was agreed upon, or wrongly, is refused", async () => {
  await using scene = await Scene.serve(echo, { deflate: true });
  const agreed = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  const compressed = deflate(encoder.encode("hello"), 15);
  for (
    const [id, sent, code, headers] of [
      ["nothing agreed", [text(compressed, { rsv: 4 })], 1002, {}],
      ["garbage", [text(bytesOf(0xff, 0xff, 0xff), { rsv: 4 })], 1007, agreed],
      [
        "a bit on a continuation",
        [text(compressed, { rsv: 4, fin: false }), next("", { rsv: 4 })],
        1002,
        agreed,
      ],
      [
        "a compressed ping",
        [frame(ping, compressed, { rsv: 4 })],
        1002,
        agreed,
      ],
      ["another bit too", [text(compressed, { rsv: 6 })], 1002, agreed],
      [
        "no UTF-8 inside",
        [text(deflate(INVALID, 15), { rsv: 4 })],
        1007,
        agreed,
      ],
      ["a close that is", [frame(8, closing(1000), { rsv: 4 })], 1002, agreed],
    ] as const
  ) await run(scene, bad(id, sent, code), headers);
});
