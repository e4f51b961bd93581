import { ok, strictEqual, throws } from "node:assert";
import { BaseRequestHandler, DatagramRequestHandler } from "../../../mod.ts";
import type { Carrier } from "../../../server/_bridge/carrier.ts";
import { packError } from "../../../server/_bridge/errors.ts";
import {
  type AnyHandlerClass,
  FarSide,
} from "../../../server/_bridge/far_side.ts";
import {
  FrameType,
  LARGEST_WINDOW,
  MAX_DATA,
  ProtocolError,
  WINDOW,
} from "../../../server/_bridge/frames.ts";
import { NearSide } from "../../../server/_bridge/near_side.ts";
import type { NearStream } from "../../../server/_bridge/near_stream.ts";
import {
  packDatagram,
  packJson,
  packNumber,
  packShutdown,
} from "../../../server/_bridge/payloads.ts";
import { ROUNDS } from "../../fuzz/_fuzzing.ts";
import { TYPES } from "./_frames.ts";
import { Random } from "./_random.ts";

const FRAMES = 200 * ROUNDS;
const ADDRESS: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};

/** A carrier that counts, and is congested now and then. */
class Counting implements Carrier {
  readonly #random: Random;
  sent = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  send(_type: FrameType, _channel: number, payload?: Uint8Array): void {
    ok((payload?.length ?? 0) <= MAX_DATA);
    this.sent++;
  }

  get congested(): boolean {
    return this.#random.oneIn(10);
  }

  async drained(): Promise<void> {
    await null;
  }
}

/** A payload such as frames of the type have, or one that is broken. */
function anyPayload(random: Random, type: FrameType): Uint8Array {
  const payload = goodPayload(random, type);
  if (!random.oneIn(50)) return payload;
  if (random.oneIn(2)) return payload.slice(0, random.below(payload.length));
  const broken = payload.slice();
  if (broken.length > 0) {
    broken[random.below(broken.length)] = random.below(256);
  }
  return broken;
}

function goodPayload(random: Random, type: FrameType): Uint8Array {
  switch (type) {
    case FrameType.Open:
      return packJson({ localAddr: ADDRESS, remoteAddr: ADDRESS });
    case FrameType.OpenDatagram:
    case FrameType.Send:
    case FrameType.Reply:
      return packDatagram(random.below(9), ADDRESS, random.bytes(9));
    case FrameType.Abort:
    case FrameType.Fail:
    case FrameType.WriteFail:
    case FrameType.Error:
    case FrameType.NotSent:
      return packError(new Error("fuzz"), random.below(9));
    case FrameType.Credit:
    case FrameType.Sent:
      return packNumber(random.below(random.oneIn(9) ? 2 ** 31 : 2_000));
    case FrameType.Shutdown:
      return packShutdown({ gracePeriod: random.below(2) });
    case FrameType.SetOption:
      return packJson({ noDelay: true, keepAlive: false });
    default:
      return new Uint8Array(0);
  }
}

/** Gives random frames to a side, and makes another when one refuses them. */
async function bombard<Side extends NearSide | FarSide>(
  random: Random,
  types: readonly FrameType[],
  make: () => Side,
  refill: (side: Side) => void,
): Promise<number> {
  let refused = 0;
  let side = make();
  for (let i = 0; i < FRAMES; i++) {
    refill(side);
    // Now and then one that goes the other way, or to nobody.
    const type = random.pick(random.oneIn(500) ? TYPES : types);
    const channel = random.oneIn(500) ? random.below(2 ** 31) : random.below(8);
    try {
      if (type === FrameType.Data) {
        const most = random.oneIn(100) ? MAX_DATA : 900;
        side.data(channel, new Uint8Array(1 + random.below(most)));
      } else side.frame(type, channel, anyPayload(random, type));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused++;
      if (side instanceof NearSide) side.lose(error);
      side = make();
    }
    if (random.oneIn(300)) await new Promise((done) => setTimeout(done));
    else if (random.oneIn(2)) await null;
  }
  if (side instanceof NearSide) side.lose(new Error("the end"));
  return refused;
}

/** A connection whose every step may fail, and none of which waits for ever. */
function flakyConnection(random: Random): Deno.Conn {
  const step = async <T>(value: T): Promise<T> => {
    if (random.oneIn(2)) await null;
    if (random.oneIn(300)) throw new Deno.errors.ConnectionReset("fuzz");
    return value;
  };
  const option = () => {
    if (random.oneIn(30)) throw new Deno.errors.BadResource("fuzz");
  };
  return {
    localAddr: ADDRESS,
    remoteAddr: ADDRESS,
    read: ({ length }: Uint8Array) => {
      ok(length > 0);
      return step(random.oneIn(300) ? null : 1 + random.below(length));
    },
    write: ({ length }: Uint8Array) => step(1 + random.below(length)),
    closeWrite: () => step(undefined),
    close: option,
    setNoDelay: option,
    setKeepAlive: option,
  } as unknown as Deno.Conn;
}

Deno.test("NearSide takes any frames: right, or refused with a ProtocolError", async () => {
  const random = new Random(23);
  const open = new Set<object>();
  const owner = {
    settling: () => {},
    abort: () => {},
    shutdown: () => Promise.resolve(),
  };
  const refill = (side: NearSide) => {
    while (open.size < 6) {
      const channel = random.oneIn(3)
        ? side.openDatagram(
          [random.bytes(9), {
            addr: ADDRESS,
            send: () =>
              random.oneIn(2)
                ? Promise.resolve(9)
                : Promise.reject(new Deno.errors.BadResource("fuzz")),
          }],
          ADDRESS,
          owner,
        )
        : side.openStream(flakyConnection(random), owner);
      open.add(channel);
      const forget = () => void open.delete(channel);
      channel.ended.then(forget, forget);
    }
    for (const channel of open) {
      const { bufferedAmount = 0 } = channel as Partial<NearStream>;
      ok(bufferedAmount <= WINDOW);
      if (random.oneIn(2_000)) side.ping();
    }
  };
  const refused = await bombard(
    random,
    [
      FrameType.Data,
      FrameType.End,
      FrameType.Close,
      FrameType.Credit,
      FrameType.Send,
      FrameType.Reply,
      FrameType.Settling,
      FrameType.Error,
      FrameType.Done,
      FrameType.Shutdown,
      FrameType.Pong,
      FrameType.SetOption,
    ],
    () => new NearSide(new Counting(random), () => {}),
    refill,
  );
  ok(refused > 100, `${refused} refused`);
  while (open.size > 0) await new Promise((done) => setTimeout(done));
});

Deno.test("FarSide takes any frames: right, or refused with a ProtocolError", async () => {
  const random = new Random(29);
  let served = 0;
  class Fuzzed extends BaseRequestHandler<Deno.Conn> {
    override async handle() {
      served++;
      if (random.oneIn(9)) throw new Error("fuzz");
      const { request } = this;
      // A datagram's is no connection.
      if (!("read" in request)) return await this.#sendDatagrams();
      const buffer = new Uint8Array(1 + random.below(2_000));
      for (let n; (n = await request.read(buffer)) !== null;) {
        if (random.oneIn(3)) await request.write(buffer.subarray(0, n));
        if (random.oneIn(50)) await request.closeWrite();
        if (random.oneIn(50)) (request as Deno.TcpConn).setNoDelay();
        if (random.oneIn(50)) return request.close();
        if (random.oneIn(50)) await this.server.shutdown();
        if (random.oneIn(50)) void request.write(buffer).catch(() => {});
      }
    }

    async #sendDatagrams() {
      const [data, socket] =
        (this as unknown as DatagramRequestHandler).request;
      while (!random.oneIn(3)) await socket.send(data, ADDRESS);
      if (random.oneIn(2)) socket.send(data, ADDRESS).catch(() => {});
    }
  }
  const refused = await bombard(
    random,
    [
      FrameType.Open,
      FrameType.OpenDatagram,
      FrameType.Data,
      FrameType.Data,
      FrameType.Data,
      FrameType.End,
      FrameType.Abort,
      FrameType.Fail,
      FrameType.WriteFail,
      FrameType.Credit,
      FrameType.Sent,
      FrameType.NotSent,
      FrameType.ShutdownDone,
      FrameType.Ping,
    ],
    () =>
      new FarSide(
        new Counting(random),
        Fuzzed as unknown as AnyHandlerClass,
        ADDRESS,
      ),
    () => {},
  );
  ok(refused > 100, `${refused} refused`);
  ok(served > 1_000, `${served} served`);
});

// Each rule of the protocol by itself.

/** A near side with one stream, whose connection gives and takes nothing. */
function nearStream(connection: Partial<Deno.Conn> = {}) {
  const sent: [FrameType, Uint8Array | undefined][] = [];
  const side = new NearSide({
    send: (type, _channel, payload) => void sent.push([type, payload?.slice()]),
    congested: false,
    drained: () => Promise.resolve(),
  }, () => {});
  const never = () => new Promise<never>(() => {});
  const channel = side.openStream(
    {
      localAddr: ADDRESS,
      remoteAddr: ADDRESS,
      read: never,
      write: never,
      closeWrite: never,
      close: () => {},
      ...connection,
    } as unknown as Deno.Conn,
    {
      settling: () => {},
      abort: () => {},
      shutdown: () => Promise.resolve(),
    },
  );
  channel.ended.catch(() => {});
  return { side, sent, channel };
}

Deno.test("NearSide refuses more bytes than there is credit for", () => {
  const { side } = nearStream();
  const part = new Uint8Array(WINDOW / 4);
  for (let i = 0; i < 4; i++) side.data(1, part);
  throws(() => side.data(1, Uint8Array.of(1)), {
    name: "ProtocolError",
    message: "Cannot take 1 bytes: they are more than there is credit for",
  });
});

Deno.test("NearSide refuses more credit than the largest window", () => {
  const { side } = nearStream();
  const more = packNumber(LARGEST_WINDOW - WINDOW + 1);
  throws(() => side.frame(FrameType.Credit, 1, more), ProtocolError);
});

Deno.test("NearSide reads no more from a client than the far side has credit for", async () => {
  let read = 0;
  const { sent } = nearStream({
    read: ({ length }: Uint8Array) => {
      read += length;
      return Promise.resolve(length);
    },
  });
  while (read < WINDOW) await null;
  await new Promise((done) => setTimeout(done));
  strictEqual(read, WINDOW);
  strictEqual(
    sent.reduce(
      (total, [type, payload]) =>
        total + (type === FrameType.Data ? payload!.length : 0),
      0,
    ),
    WINDOW,
  );
});

Deno.test("what comes for a connection that has failed is thrown away, however much", async () => {
  const { side, sent } = nearStream({
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  });
  side.data(1, new Uint8Array(100));
  side.passed();
  await new Promise((done) => setTimeout(done));
  strictEqual(sent.some(([type]) => type === FrameType.WriteFail), true);
  // The far side has been told, and what it had sent before is thrown away.
  for (let i = 0; i < 8; i++) side.data(1, new Uint8Array(WINDOW / 4));
});

Deno.test("FarSide refuses more bytes than there is credit for", () => {
  class Waiting extends BaseRequestHandler<Deno.Conn> {
    override handle() {
      return new Promise<void>(() => {});
    }
  }
  const side = new FarSide(
    new Counting(new Random(1)),
    Waiting as unknown as AnyHandlerClass,
    ADDRESS,
  );
  side.frame(FrameType.Open, 1, goodPayload(new Random(1), FrameType.Open));
  for (let i = 0; i < 4; i++) side.data(1, new Uint8Array(WINDOW / 4));
  throws(() => side.data(1, Uint8Array.of(1)), ProtocolError);
});

Deno.test("a peer that takes no more can still be read from", async () => {
  const written = Promise.withResolvers<unknown>();
  const read = Promise.withResolvers<number | null>();
  const over = Promise.withResolvers<void>();
  class Both extends BaseRequestHandler<Deno.Conn> {
    override handle() {
      this.request.read(new Uint8Array(9)).then(read.resolve, read.reject);
      this.signal.addEventListener("abort", () => {
        this.request.write(Uint8Array.of(1)).catch(written.resolve);
      });
      return over.promise;
    }
  }
  const side = new FarSide(
    new Counting(new Random(1)),
    Both as unknown as AnyHandlerClass,
    ADDRESS,
  );
  side.frame(FrameType.Open, 1, goodPayload(new Random(1), FrameType.Open));
  const error = new Deno.errors.BrokenPipe("gone");
  side.frame(FrameType.WriteFail, 1, packError(error));
  side.data(1, new Uint8Array(3));
  strictEqual(await read.promise, 3);
  strictEqual(String(await written.promise), String(error));
  over.resolve();
});

Deno.test("frames for a request that has just ended on the far side are let pass", () => {
  const side = new FarSide(
    new Counting(new Random(1)),
    DatagramRequestHandler as unknown as AnyHandlerClass,
    ADDRESS,
  );
  side.data(1, Uint8Array.of(1));
  side.frame(FrameType.End, 1, new Uint8Array(0));
  side.frame(FrameType.Credit, 1, packNumber(1));
});
