/**
 * Fuzzes what a server's process takes from the pipe of a child: frames that a
 * hostile handler has made, damaged and cut anywhere. Nobody reads the other
 * pipe, as a child in a loop does not.
 */
import { ok } from "node:assert";
import {
  FrameDecoder,
  FrameType,
  ProtocolError,
  WINDOW,
} from "../../server/_bridge/frames.ts";
import {
  REQUEST_WINDOW,
  SIDE_WINDOW,
} from "../../server/_bridge/datagram_window.ts";
import { packError } from "../../server/_bridge/errors.ts";
import { NearSide } from "../../server/_bridge/near_side.ts";
import type { NearStream } from "../../server/_bridge/near_stream.ts";
import {
  packDatagram,
  packJson,
  packNumber,
  packShutdown,
} from "../../server/_bridge/payloads.ts";
import { frameLink } from "../../server/_bridge/place_frames.ts";
import { MessageHub } from "../../server/_messages/message_hub.ts";
import { costOf, POST_WINDOW } from "../../server/_messages/message_window.ts";
import {
  messagePacking,
  packValue,
} from "../../server/_messages/pack_value.ts";
import { PipeCarrier } from "../../server/_processes/pipe_carrier.ts";
import { encode, TYPES } from "../server/bridge/_frames.ts";
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

const ADDRESS: Deno.NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};
/** A stream whose client takes all, one whose takes nothing, two datagrams. */
const CHANNELS = 4;
const OWNER = {
  settling: () => {},
  abort: () => {},
  shutdown: () => Promise.resolve(),
};
const never = () => new Promise<never>(() => {});

/**
 * Feeds streams of frames to the parent's end of a pipe.
 *
 * @param seed Where chance starts.
 * @param rounds How many streams.
 * @throws {AssertionError} If one has an effect that it may not have.
 */
export async function fuzzPipeFrames(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const frames = Array.from(
      { length: 1 + below(next, 60) },
      () => anyFrame(next),
    );
    const whole = concat(...frames);
    const input = next() < 0.5 ? whole : mutate(next, whole, frames, 1 << 20);
    const cut = pieces(next, input);
    await inRound(seed, round, input, () => feed(input, cut));
  }
}

/** A frame such as a child may send, or one that it never does. */
function anyFrame(next: Random): Uint8Array {
  const type = next() < 0.05 ? oneOf(next, TYPES) : oneOf(next, FROM_CHILD);
  const isOfNone = type === FrameType.Message || type === FrameType.Taken;
  const channel = next() < 0.02
    ? below(next, 9)
    : isOfNone
    ? 0
    : 1 + below(next, CHANNELS);
  return encode(type, channel, anyPayload(next, type));
}

const packMessage = (value: unknown) =>
  packValue(value, messagePacking("fuzz"));

const FROM_CHILD: readonly FrameType[] = [
  FrameType.Data,
  FrameType.End,
  FrameType.Close,
  FrameType.Credit,
  FrameType.Send,
  FrameType.Send,
  FrameType.Send,
  FrameType.Reply,
  FrameType.Settling,
  FrameType.Error,
  FrameType.Done,
  FrameType.Shutdown,
  FrameType.SetOption,
  FrameType.Message,
  FrameType.Message,
  FrameType.Taken,
];

function anyPayload(next: Random, type: FrameType): Uint8Array {
  const size = next() < 0.1 ? 60_000 : 20;
  switch (type) {
    case FrameType.Send:
    case FrameType.Reply:
      return packDatagram(
        below(next, 9),
        next() < 0.9 ? ADDRESS : { ...ADDRESS, hostname: "name" },
        new Uint8Array(below(next, size)),
      );
    case FrameType.Error:
      return packError(new Error("m".repeat(below(next, size))));
    case FrameType.Credit:
      return packNumber(below(next, 2_000));
    case FrameType.Shutdown:
      return packShutdown({ gracePeriod: below(next, 3) });
    case FrameType.SetOption:
      return packJson({ noDelay: true });
    case FrameType.Message:
      return packMessage({ list: Array(below(next, 9)).fill("m"), at: next() });
    case FrameType.Taken:
      return packNumber(1 + below(next, 400));
    case FrameType.Data:
      return new Uint8Array(1 + below(next, size));
    default:
      return new Uint8Array(0);
  }
}

/** The parent's end of a child's pipes, with requests of both kinds. */
class Parent {
  readonly carrier: PipeCarrier;
  readonly side: NearSide;
  readonly #streams: NearStream[] = [];
  /** What is being sent, and will never have been. */
  #datagrams = 0;
  #bytes = 0;
  #lookups = 0;
  /** How many messages the server has not handled, and never will. */
  #messages = 0;
  #input: Iterator<Uint8Array>;

  constructor(input: Iterable<Uint8Array>) {
    this.#input = input[Symbol.iterator]();
    this.carrier = new PipeCarrier({
      read: () => Promise.resolve(this.#input.next().value ?? null),
      write: never,
    });
    const hub = new MessageHub({
      handleMessage: () => {
        this.#messages++;
        return never();
      },
      report: () => Promise.resolve(),
    }, undefined);
    const place = hub.join(frameLink(this.carrier));
    place.opened();
    this.side = new NearSide(this.carrier, () => {}, () => false, place);
    for (let count = 0; count < 4; count++) hub.broadcast(count);
    for (const takes of [true, false]) {
      const stream = this.side.openStream(
        {
          localAddr: ADDRESS,
          remoteAddr: ADDRESS,
          read: never,
          write: ({ length }: Uint8Array) =>
            takes ? Promise.resolve(length) : never(),
          closeWrite: () => Promise.reject(new Deno.errors.NotConnected("x")),
          close: () => {},
          setNoDelay: () => {},
        } as unknown as Deno.Conn,
        OWNER,
      );
      this.#streams.push(stream as NearStream);
    }
    for (let i = 2; i < CHANNELS; i++) {
      this.side.openDatagram(
        [new Uint8Array(1), { addr: ADDRESS, send: this.#send }],
        ADDRESS,
        OWNER,
      ).ended.catch(() => {});
    }
    for (const { ended } of this.#streams) ended.catch(() => {});
  }

  readonly #send = (data: Uint8Array, address: Deno.Addr): Promise<number> => {
    this.#datagrams++;
    this.#bytes += data.length;
    if ((address as Deno.NetAddr).hostname === "name") this.#lookups++;
    return never();
  };

  /** Asserts that no more is held than may be. */
  check(): void {
    for (const { bufferedAmount } of this.#streams) {
      ok(bufferedAmount <= WINDOW, `${bufferedAmount} bytes wait`);
    }
    // A reply each, and what their windows hold.
    const most = Math.min(SIDE_WINDOW, 2 * REQUEST_WINDOW) + 2 * 65_536;
    ok(this.#bytes <= most, `${this.#bytes} bytes are being sent`);
    ok(this.#datagrams <= most / 1_024, `${this.#datagrams} are being sent`);
    const messages = POST_WINDOW / costOf(new Uint8Array());
    ok(this.#messages <= messages, `${this.#messages} messages are handled`);
    ok(this.#lookups === 0, `${this.#lookups} names are looked up`);
    ok(!this.carrier.congested, "answers that nobody reads pile up");
  }
}

async function feed(
  input: Uint8Array,
  cut: readonly Uint8Array[],
): Promise<void> {
  // All that comes in one read is one turn.
  withinTurn(input, () => {
    const parent = new Parent([]);
    try {
      new FrameDecoder(parent.side).push(input);
      parent.side.passed();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    parent.check();
    parent.carrier.close();
  });
  const parent = new Parent(cut);
  try {
    await parent.carrier.receive(parent.side);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  await new Promise<void>((done) => setTimeout(done));
  parent.check();
  parent.carrier.close();
  parent.side.lose(new Error("the end"));
}
