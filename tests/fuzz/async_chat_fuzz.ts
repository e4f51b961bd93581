/**
 * What a peer sends to an `AsyncChat`, in pieces of any size: whatever the
 * terminators are, and whatever the handlers do, the messages are those of the
 * bytes and not of the pieces.
 */
import { deepStrictEqual } from "node:assert";
import {
  AsyncChat,
  type Socket,
  socketpair,
  type Terminator,
} from "../../poll/mod.ts";
import {
  below,
  bytesOf,
  inRound,
  oneOf,
  pieces,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

/** What a handler does when it has got a message. */
type Step = { set: Terminator } | "close" | "throw" | "nothing";

/** What became of all that was sent. */
interface Outcome {
  readonly messages: string[];
  /** What came of a message that is not complete. */
  rest: string;
  errors: number;
  closed: boolean;
}

/** Takes its steps one by one. */
class Chat extends AsyncChat {
  readonly outcome: Outcome = {
    messages: [],
    rest: "",
    errors: 0,
    closed: false,
  };
  readonly #steps: readonly Step[];
  #piece: Uint8Array = new Uint8Array(0);

  constructor(socket: Socket, terminator: Terminator, steps: readonly Step[]) {
    super(socket, new Map());
    this.#steps = steps;
    this.setTerminator(terminator);
  }
  feed(piece: Uint8Array): void {
    this.#piece = piece;
    this.handleRead();
  }
  override recv(): Uint8Array<ArrayBuffer> {
    return this.#piece.slice();
  }
  override collectIncomingData(data: Uint8Array): void {
    this.outcome.rest += latin1(data);
  }
  override foundTerminator(): void {
    const { messages } = this.outcome;
    const step = this.#steps[messages.length] ?? "nothing";
    messages.push(this.outcome.rest);
    this.outcome.rest = "";
    if (step === "close") this.close();
    else if (step === "throw") throw new Error("a bug");
    else if (step !== "nothing") this.setTerminator(step.set);
  }
  override handleError(): void {
    this.outcome.errors++;
  }
  override close(): void {
    super.close();
    this.outcome.closed = true;
  }
}

/** The same by text, and all at once. */
function expected(
  text: string,
  terminator: Terminator,
  steps: readonly Step[],
): Outcome {
  const outcome: Outcome = { messages: [], rest: "", errors: 0, closed: false };
  for (let left = text; left !== "";) {
    const ends = typeof terminator === "number" ? terminator : "";
    const wanted = typeof terminator === "string"
      ? terminator
      : terminator instanceof Uint8Array
      ? latin1(terminator)
      : "";
    if (ends === "" && wanted === "" || ends === 0) {
      outcome.rest += left;
      break;
    }
    let complete: boolean;
    if (typeof ends === "number") {
      complete = left.length >= ends;
      outcome.rest += left.slice(0, ends);
      left = left.slice(ends);
      // After a number of bytes, nothing ends the next message.
      terminator = 0;
    } else {
      const at = left.indexOf(wanted);
      complete = at >= 0;
      let end = complete ? at : left.length;
      // What may be the beginning of a terminator waits for more.
      for (
        let held = Math.min(wanted.length - 1, left.length);
        !complete;
        held--
      ) {
        if (!left.endsWith(wanted.slice(0, held))) continue;
        end = left.length - held;
        break;
      }
      outcome.rest += left.slice(0, end);
      left = left.slice(end + wanted.length);
    }
    if (!complete) break;
    const step = steps[outcome.messages.length] ?? "nothing";
    outcome.messages.push(outcome.rest);
    outcome.rest = "";
    if (step === "throw") outcome.errors++;
    else if (step === "close") {
      outcome.closed = true;
      break;
    } else if (step !== "nothing") terminator = step.set;
  }
  return outcome;
}

/**
 * Compares chats with what they should find.
 *
 * @returns How many messages were complete, in all rounds together.
 */
export async function fuzzAsyncChat(
  seed: number,
  rounds: number,
): Promise<number> {
  const next = random(seed);
  let messages = 0;
  for (let round = 0; round < rounds; round++) {
    const terminator = terminatorOf(next);
    const steps = Array.from({ length: below(next, 12) }, () => stepOf(next));
    const text = textOf(next, [terminator, ...steps.map(terminatorOfStep)]);
    const input = bytesOf(text);
    await inRound(seed, round, input, () => {
      const cut = pieces(next, input);
      const outcome = withinTurn(input, () => feed(terminator, steps, cut));
      deepStrictEqual(outcome, expected(text, terminator, steps));
      messages += outcome.messages.length;
    });
  }
  return messages;
}

/** A read of nothing but beginnings of a terminator keeps nobody waiting. */
export function feedBeginnings(): void {
  for (const length of [100, 30_000]) {
    const terminator = "a".repeat(length) + "b";
    const text = "a".repeat(64 * 1024);
    const input = bytesOf(text);
    withinTurn(input, () => {
      deepStrictEqual(
        feed(terminator, [], [input]),
        expected(text, terminator, []),
      );
    });
  }
}

function feed(
  terminator: Terminator,
  steps: readonly Step[],
  cut: readonly Uint8Array[],
): Outcome {
  const [ours, theirs] = socketpair();
  const chat = new Chat(ours, terminator, steps);
  try {
    for (const piece of cut) {
      if (!chat.outcome.closed) chat.feed(piece);
    }
    return { ...chat.outcome };
  } finally {
    ours.close();
    theirs.close();
  }
}

function terminatorOf(next: Random): Terminator {
  const text = textOf(next, []).slice(0, 1 + below(next, 5));
  switch (below(next, 8)) {
    case 0:
      return 1 + below(next, 20);
    case 1:
      return oneOf(next, [0, null, "", new Uint8Array(0)]);
    case 2:
      return "\r\n";
    case 3:
      return bytesOf(text);
    case 4:
      return "a".repeat(1 + below(next, 50)) + "b";
    default:
      return text === "" ? "\n" : text;
  }
}

function stepOf(next: Random): Step {
  const chance = below(next, 10);
  if (chance === 0) return "close";
  if (chance === 1) return "throw";
  return chance < 6 ? { set: terminatorOf(next) } : "nothing";
}

function terminatorOfStep(step: Step): Terminator {
  return typeof step === "object" ? step.set : null;
}

/** Few different bytes, so that beginnings of terminators are common. */
function textOf(next: Random, terminators: readonly Terminator[]): string {
  let text = "";
  for (let length = below(next, 60); length > 0; length--) {
    const whole = terminators.length > 0 && next() < 0.3
      ? oneOf(next, terminators)
      : null;
    if (typeof whole === "string") text += whole;
    else if (whole instanceof Uint8Array) text += latin1(whole);
    else text += oneOf(next, ["a", "a", "b", "\r", "\n"]);
  }
  return text;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
