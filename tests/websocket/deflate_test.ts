import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  deflateRawSync,
} from "node:zlib";
import { Deflater } from "../../handlers/websocket/_deflate/deflater.ts";
import { Inflater } from "../../handlers/websocket/_deflate/inflater.ts";
import { negotiateDeflate } from "../../handlers/websocket/_deflate/negotiate.ts";
import { completeDeflateOptions } from "../../handlers/websocket/_deflate/options.ts";
import { ZlibStream } from "../../handlers/websocket/_deflate/zlib.ts";
import { echo, Scene } from "./_serving.ts";
import { close, echoed, frame, join, OPCODES, shown, text } from "./_wire.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
const agreed = { "Sec-WebSocket-Extensions": "permessage-deflate" };

/** Compresses messages of which each may refer to those before it. */
class Remembering {
  readonly #stream = createDeflateRaw();

  async deflate(message: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const take = (part: Uint8Array) => parts.push(part);
    this.#stream.on("data", take);
    this.#stream.write(message);
    await new Promise<void>((resolve) =>
      this.#stream.flush(constants.Z_SYNC_FLUSH, resolve)
    );
    this.#stream.off("data", take);
    return join(parts).subarray(0, -TAIL.length);
  }

  close(): void {
    this.#stream.close();
  }
}

Deno.test("zlib's streams have the handles that messages are compressed by", () => {
  // Where this fails, see the way out in zlib.ts.
  const stream = new ZlibStream("deflate", 15, 6);
  const output = new Uint8Array(100);
  stream.write(constants.Z_SYNC_FLUSH, encoder.encode("hello"), 0, output, 0);
  strictEqual(stream.inputLeft, 0);
  ok(stream.outputLeft > 0 && stream.outputLeft < 100);
  stream.close();
});

Deno.test("the messages of RFC 7692, section 7.2.3, are inflated", () => {
  const inflater = new Inflater(15, true);
  const inflated = (...bytes: number[]) => {
    const result = inflater.inflate(Uint8Array.from(bytes), 100);
    return typeof result === "string" ? result : decoder.decode(result);
  };
  // One block, one that was not compressed, one that ends the stream, two blocks.
  strictEqual(inflated(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), "Hello");
  strictEqual(inflated(0xf2, 0x00, 0x11, 0x00, 0x00), "Hello");
  strictEqual(
    inflated(0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00),
    "Hello",
  );
  strictEqual(
    inflated(0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00),
    "Hello",
  );
  strictEqual(
    inflated(
      ...[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff],
      ...[0xca, 0xc9, 0xc9, 0x07, 0x00],
    ),
    "Hello",
  );
  // An empty one, section 7.2.3.6.
  strictEqual(inflated(0x00), "");
  strictEqual(inflated(), "");
  strictEqual(inflated(0xff, 0xff, 0xff), "invalid");
  inflater.close();
});

Deno.test("several ends of the stream in one message are gone past, and garbage is not", () => {
  const inflater = new Inflater(15, false);
  const ended = deflateRawSync("part ");
  strictEqual(
    decoder.decode(
      inflater.inflate(join([ended, ended, ended]), 100) as Uint8Array,
    ),
    "part part part ",
  );
  strictEqual(
    inflater.inflate(join([ended, Uint8Array.of(7, 255)]), 100),
    "invalid",
  );
  // It was not harmed by that.
  strictEqual(
    decoder.decode(inflater.inflate(ended, 100) as Uint8Array),
    "part ",
  );
});

Deno.test("a message is inflated as far as it may be large, and no further", () => {
  for (const remembers of [true, false]) {
    const inflater = new Inflater(15, remembers);
    for (const size of [0, 1, 1_000, 65_535, 65_536, 65_537, 200_000]) {
      const bomb = deflateRawSync(new Uint8Array(size), {
        finishFlush: constants.Z_SYNC_FLUSH,
      }).subarray(0, -TAIL.length);
      const whole = inflater.inflate(bomb, size);
      strictEqual(whole.length, size);
      if (size === 0) continue;
      strictEqual(inflater.inflate(bomb, size - 1), "too big");
      inflater.close();
    }
    const bomb = deflateRawSync(new Uint8Array(16 * 1024 * 1024));
    ok(bomb.length < 20_000, `${bomb.length} bytes`);
    strictEqual(inflater.inflate(bomb, 1_000), "too big");
    inflater.close();
  }
});

Deno.test("a client whose message inflates past the limit is closed with 1009", async () => {
  await using scene = await Scene.serve(echo, {
    deflate: true,
    maxMessageSize: 100_000,
  });
  const bomb = deflateRawSync("0".repeat(16 * 1024 * 1024), {
    finishFlush: constants.Z_SYNC_FLUSH,
  }).subarray(0, -TAIL.length);
  using whole = await scene.open(agreed);
  await whole.send(text(bomb, { rsv: 4 }));
  deepStrictEqual(await whole.rest(), ["close 1009"]);
  using pieces = await scene.open(agreed);
  await pieces.send(join([
    text(bomb.subarray(0, 5_000), { rsv: 4, fin: false }),
    frame(OPCODES.continuation, bomb.subarray(5_000)),
  ]));
  deepStrictEqual(await pieces.rest(), ["close 1009"]);
  // What is compressed may not be larger either.
  using long = await scene.open(agreed);
  await long.send(
    text("", { rsv: 4, length: 100_001 }),
  );
  deepStrictEqual(await long.rest(), ["close 1009"]);
  deepStrictEqual(scene.served.errors, []);
});

Deno.test("messages refer to earlier ones, both ways", async () => {
  await using scene = await Scene.serve(echo, { deflate: { threshold: 0 } });
  using wire = await scene.open(agreed);
  const client = new Remembering();
  const inflater = createInflateRaw();
  const came: Uint8Array[] = [];
  inflater.on("data", (part: Uint8Array) => came.push(part));
  const sizes: number[] = [];
  const message = JSON.stringify(
    Array.from({ length: 50 }, (_, i) => ({ id: i, name: `name ${i * i}` })),
  );
  for (let i = 0; i < 3; i++) {
    const sent = await client.deflate(message);
    await wire.send(text(sent, { rsv: 4 }));
    const { rsv, payload } = await wire.receive();
    strictEqual(rsv, 4);
    sizes.push(sent.length, payload.length);
    inflater.write(join([payload, TAIL]));
    await new Promise<void>((resolve) => inflater.flush(resolve));
    strictEqual(decoder.decode(join(came.splice(0))), message);
  }
  // The second is a reference to the first, and little more.
  ok(sizes[2]! < sizes[0]! / 4 && sizes[3]! < sizes[1]! / 4, `${sizes}`);
  client.close();
  inflater.close();
});

Deno.test("messages of fewer bytes than the threshold are not compressed", async () => {
  await using scene = await Scene.serve(echo, { deflate: { threshold: 100 } });
  using wire = await scene.open(agreed);
  for (const [length, rsv] of [[99, 0], [100, 4]]) {
    for (const opcode of [OPCODES.text, OPCODES.binary]) {
      await wire.send(frame(opcode, "x".repeat(length!)));
      strictEqual((await wire.receive()).rsv, rsv);
    }
  }
});

Deno.test("a deflater's messages are those of its window and its memory", () => {
  const random = crypto.getRandomValues(new Uint8Array(65_536));
  for (const windowBits of [9, 12, 15]) {
    for (const remembers of [true, false]) {
      const deflater = new Deflater(windowBits, 6, remembers);
      const inflater = new Inflater(windowBits, remembers);
      for (
        const message of [
          encoder.encode("hello hello hello"),
          new Uint8Array(0),
          random,
          new Uint8Array(300_000),
          encoder.encode("hello hello hello"),
        ]
      ) {
        const deflated = deflater.deflate(message).slice();
        deepStrictEqual(inflater.inflate(deflated, 1_000_000), message);
      }
      deflater.close();
      inflater.close();
    }
  }
});

Deno.test("a connection that does not remember takes nothing from another's messages", () => {
  const [one, other] = [1, 2].map(() => new Deflater(15, 6, false));
  const secret = encoder.encode("the secret of one client");
  const first = other!.deflate(secret).slice();
  one!.deflate(secret);
  deepStrictEqual(other!.deflate(secret), first);
});

/** What clients offer, and what is agreed upon. */
const OFFERS: Record<string, string | undefined> = {
  "": undefined,
  "x-webkit-deflate-frame": undefined,
  "permessage-deflate": "permessage-deflate",
  "Permessage-Deflate; Client_Max_Window_Bits": "permessage-deflate",
  "permessage-deflate; client_max_window_bits": "permessage-deflate",
  "permessage-deflate; server_max_window_bits=15": "permessage-deflate",
  'permessage-deflate; server_max_window_bits="10"':
    "permessage-deflate; server_max_window_bits=10",
  "permessage-deflate; server_max_window_bits=8": undefined,
  "permessage-deflate; server_max_window_bits": undefined,
  "permessage-deflate; server_max_window_bits=7": undefined,
  "permessage-deflate; server_max_window_bits=16": undefined,
  "permessage-deflate; server_max_window_bits=09": undefined,
  "permessage-deflate; server_max_window_bits=1e1": undefined,
  "permessage-deflate; client_max_window_bits=8":
    "permessage-deflate; client_max_window_bits=8",
  "permessage-deflate; client_max_window_bits=16": undefined,
  "permessage-deflate; server_no_context_takeover; client_no_context_takeover":
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
  "permessage-deflate; server_no_context_takeover=1": undefined,
  "permessage-deflate; client_no_context_takeover=true": undefined,
  "permessage-deflate; unknown": undefined,
  "permessage-deflate; client_no_context_takeover; client_no_context_takeover":
    undefined,
  "permessage-deflate; =": undefined,
  "permessage-deflate;": undefined,
  "permessage-deflate; server_max_window_bits=8, permessage-deflate":
    "permessage-deflate",
  "other; a=b, permessage-deflate; server_max_window_bits=11":
    "permessage-deflate; server_max_window_bits=11",
};

Deno.test("the first offer that can be taken is taken: RFC 7692, section 7.1", () => {
  const options = completeDeflateOptions("test", true)!;
  const found = Object.keys(OFFERS).map((offer) =>
    [offer, negotiateDeflate(offer, options)?.extension] as const
  );
  deepStrictEqual(Object.fromEntries(found), OFFERS);
});

Deno.test("what the server wants is asked for where the client can do it", () => {
  const options = completeDeflateOptions("test", {
    serverMaxWindowBits: 10,
    clientMaxWindowBits: 11,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
  })!;
  const common =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  for (
    const [offer, answer] of [
      // It does not know the parameter for its own window.
      ["permessage-deflate", "; server_max_window_bits=10"],
      [
        "permessage-deflate; client_max_window_bits",
        "; server_max_window_bits=10; client_max_window_bits=11",
      ],
      [
        "permessage-deflate; client_max_window_bits=9; server_max_window_bits=12",
        "; server_max_window_bits=10; client_max_window_bits=9",
      ],
    ] as const
  ) {
    strictEqual(negotiateDeflate(offer, options)!.extension, common + answer);
  }
});

Deno.test("a field of extensions takes time by its length, whatever it has", () => {
  const options = completeDeflateOptions("test", true)!;
  for (
    const part of [" ", "=", ";", ",", '"', "a=", ' = "', "permessage-deflate;"]
  ) {
    const field = `permessage-deflate; a=${part.repeat(16_000)}"`;
    const began = performance.now();
    negotiateDeflate(field, options);
    const took = performance.now() - began;
    ok(took < 1_000, `${part}: ${took} ms`);
  }
});

Deno.test("where nothing was asked for, nothing is compressed", async () => {
  await using scene = await Scene.serve((socket) => {
    strictEqual(socket.extensions, "");
    echo(socket);
  });
  using wire = await scene.open(agreed);
  strictEqual(wire.header("sec-websocket-extensions"), undefined);
  await wire.send(text("x".repeat(5_000)));
  strictEqual(
    shown(await wire.receive()),
    echoed(OPCODES.text, "x".repeat(5_000)),
  );
  await wire.send(close());
  deepStrictEqual(await wire.rest(), ["close"]);
  match(wire.head, /101/);
});
