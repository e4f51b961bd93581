import { deepStrictEqual, ok } from "node:assert";
import { constants, deflateRawSync } from "node:zlib";
import { Deflater } from "../../handlers/websocket/_deflate/deflater.ts";
import { Inflater } from "../../handlers/websocket/_deflate/inflater.ts";
import {
  FrameReader,
  MORE,
} from "../../handlers/websocket/_frames/frame_reader.ts";
import { Violation } from "../../handlers/websocket/_frames/violation.ts";
import { shakeHands } from "../../handlers/websocket/_handshake.ts";
import { BEGIN } from "../../handlers/websocket/_inside.ts";
import { ServerWebSocket } from "../../handlers/websocket/server_web_socket.ts";
import { completeUpgradeOptions } from "../../handlers/websocket/upgrade_options.ts";
import { Takeover } from "../../handlers/http/_connection/takeover.ts";
import { closing, frame, frameIn, OPCODES } from "../websocket/_wire.ts";
import {
  below,
  bytesOf,
  concat,
  inRound,
  mutate,
  oneOf,
  pieces,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

const LIMITS = { maxMessageSize: 5_000, maxFrameSize: 3_000 };
const { text, binary, continuation, ping, pong, close } = OPCODES;

const WORDS = ["", "a", "hello", "κόσμε", "😀", "\u0000", "ÿ", "x".repeat(125)];

/** What a message says, mostly short, and now and then past a limit. */
function payload(next: Random): Uint8Array<ArrayBuffer> {
  const words = Array.from(
    { length: below(next, oneOf(next, [2, 5, 60])) },
    () => oneOf(next, WORDS),
  );
  return new TextEncoder().encode(words.join(""));
}

function key(next: Random): number[] {
  return Array.from({ length: 4 }, () => below(next, 256));
}

/** A control frame that may come at any time. */
function control(next: Random): Uint8Array<ArrayBuffer> {
  const bytes = payload(next).subarray(0, 125);
  return frame(oneOf(next, [ping, pong]), bytes, { key: key(next) });
}

/** A message in one frame or several, with others between. */
function message(next: Random, compresses: boolean): Uint8Array[] {
  let bytes = payload(next);
  let rsv = 0;
  if (compresses && below(next, 2) === 0) {
    rsv = 4;
    bytes = new Uint8Array(
      deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
        .subarray(0, -4),
    );
  }
  const opcode = oneOf(next, [text, binary]);
  const frames: Uint8Array[] = [];
  for (let at = 0, first = true, fin = false; !fin; first = false) {
    const end = below(next, 3) === 0
      ? at + below(next, bytes.length - at + 1)
      : bytes.length;
    fin = end === bytes.length && below(next, 4) > 0;
    frames.push(
      frame(first ? opcode : continuation, bytes.subarray(at, end), {
        ...{ fin, key: key(next) },
        ...first ? { rsv } : {},
      }),
    );
    at = end;
    if (below(next, 4) === 0) frames.push(control(next));
  }
  return frames;
}

/** What a client might send, or almost. */
function conversation(next: Random, compresses: boolean): Uint8Array[] {
  const frames = Array.from(
    { length: 1 + below(next, 5) },
    () => below(next, 4) === 0 ? [control(next)] : message(next, compresses),
  ).flat();
  if (below(next, 2) === 0) {
    const code = oneOf(next, [1000, 1001, 1005, 3000, 65_535]);
    frames.push(frame(close, closing(code, oneOf(next, WORDS.slice(0, -1)))));
  }
  return frames;
}

/** What came of some bytes. */
interface Outcome {
  readonly found: readonly string[];
  readonly code: number | undefined;
}

function parse(parts: readonly Uint8Array[], compresses: boolean): Outcome {
  const inflater = compresses ? new Inflater(15, true) : undefined;
  const reader = new FrameReader(LIMITS, inflater);
  const found: string[] = [];
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        const room = reader.room();
        ok(room.length > 0, "There was no room");
        const taken = part.subarray(at, at + room.length);
        room.set(taken);
        at += taken.length;
        reader.filled(taken.length);
        for (let opcode; (opcode = reader.next()) !== MORE;) {
          const { length } = opcode === text ? reader.text : reader.bytes;
          ok(length <= LIMITS.maxMessageSize, "A message was too large");
          found.push(
            `${opcode} ${opcode === text ? reader.text : reader.bytes}`,
          );
        }
      }
    }
    return { found, code: undefined };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { found, code: error.code };
  } finally {
    reader.unfilled();
    inflater?.close();
  }
}

/**
 * Tries frames, most of them damaged: however they are cut, the same is found in
 * them, and the same is refused.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzFrames(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const compresses = below(next, 2) === 0;
    const frames = conversation(next, compresses);
    const whole = concat(...frames);
    const isDamaged = below(next, 4) > 0;
    const input = isDamaged ? mutate(next, whole, frames) : whole;
    const cut = pieces(next, input);
    await inRound(seed, round, input, () => {
      const found = withinTurn(input, () => parse(cut, compresses));
      const single = withinTurn(
        input,
        () => parse(Array.from(input, (b) => Uint8Array.of(b)), compresses),
      );
      deepStrictEqual(found, single);
      if (!isDamaged && found.code !== undefined) {
        // Nothing else is wrong with it.
        deepStrictEqual(found.code, 1009);
      }
    });
  }
}

/** A connection that gives what it was made of, in pieces, and then its end. */
class Replayed {
  readonly #parts: Uint8Array[];
  readonly written: Uint8Array[] = [];
  closed = false;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = [...parts];
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource());
    const part = this.#parts.shift();
    if (part === undefined) return Promise.resolve(null);
    const taken = part.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length < part.length) {
      this.#parts.unshift(part.subarray(taken.length));
    }
    return Promise.resolve(taken.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed) return Promise.reject(new Deno.errors.BadResource());
    this.written.push(bytes.slice());
    return Promise.resolve(bytes.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}

/**
 * Tries whole connections: whatever comes, the socket ends, and what it has sent are
 * frames, with no message behind the end of its own side.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzSockets(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  const options = completeUpgradeOptions({ ...LIMITS, deflate: true });
  for (let round = 0; round < rounds; round++) {
    const compresses = below(next, 2) === 0;
    const frames = conversation(next, compresses);
    const whole = concat(...frames);
    const input = below(next, 4) > 0 ? mutate(next, whole, frames) : whole;
    const cut = pieces(next, input);
    await inRound(seed, round, input, async () => {
      const replayed = new Replayed(cut);
      const headers = new Headers({
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        ...compresses
          ? { "sec-websocket-extensions": "permessage-deflate" }
          : {},
      });
      const handshake = shakeHands(
        { method: "GET", headers, upgrades: true },
        options,
      );
      const socket = new ServerWebSocket(handshake, options);
      const failures: unknown[] = [];
      const takeover = new Takeover<Deno.Addr>(
        {
          connection: replayed as unknown as Deno.Conn,
          ahead: () => Promise.resolve(undefined),
          before: undefined,
          traffic: undefined,
        },
        {
          mark: { request: replayed, clientAddress: null, server: {} },
          isEnding: false,
          lost: (error) => failures.push(error),
          broken: (error) => failures.push(error),
        },
      );
      socket[BEGIN](takeover, new Uint8Array(0));
      if (below(next, 2) === 0) {
        for await (const message of socket) {
          await socket.send(message);
          if (below(next, 20) === 0) socket.close(1001);
        }
      } else {
        socket.onmessage = ({ data }) => void socket.send(data as string);
      }
      await takeover.ended();
      deepStrictEqual(failures, []);
      deepStrictEqual(socket.readyState, socket.CLOSED);
      let rest = concat(...replayed.written);
      let hasEnded = false;
      while (rest.length > 0) {
        const { frame: sent, end } = frameIn(rest) ?? {};
        ok(sent !== undefined, "Half a frame was sent");
        ok(!hasEnded, "Something was sent behind the end");
        hasEnded = sent.opcode === close;
        rest = rest.slice(end);
      }
    });
  }
}

/**
 * Tries compressed messages, most of them damaged: they are inflated up to the limit,
 * or refused, and what is deflated is inflated to the same.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzDeflate(seed: number, rounds: number): Promise<void> {
  const next = random(seed);
  const deflater = new Deflater(12, 6, true);
  const receiver = new Inflater(12, true);
  for (let round = 0; round < rounds; round++) {
    const original = concat(payload(next), bytesOf("0".repeat(below(next, 9))));
    const most = oneOf(next, [0, 1, 100, 5_000, 100_000]);
    const bomb = deflateRawSync(new Uint8Array(below(next, 500_000)));
    const damaged = mutate(next, oneOf(next, [bomb, deflateRawSync(original)]));
    await inRound(seed, round, damaged, () => {
      const kept = deflater.deflate(original).slice();
      deepStrictEqual(receiver.inflate(kept, 100_000), original);
      for (const remembers of [true, false]) {
        const inflater = new Inflater(15, remembers);
        const found = withinTurn(
          damaged,
          () => inflater.inflate(damaged, most),
        );
        if (typeof found !== "string") ok(found.length <= most);
        inflater.close();
      }
    });
  }
  deflater.close();
  receiver.close();
}
