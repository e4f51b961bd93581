import { ProtocolError } from "../_bridge/frames.ts";
import { ANSWER_TIMEOUT } from "../_bridge/liveness.ts";

/** One that waits for its answer. */
interface Question {
  /** Takes the answer, or why there is none; not yet too late. */
  readonly resolve: ((answer: Answer) => void) | undefined;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** What a thread has answered, or why it has not. */
export type Answer =
  | { readonly value: unknown }
  /** It did not answer in time. */
  | "late"
  /** It is gone. */
  | "gone";

/** What a thread has been asked and has not answered yet. */
export class Questions {
  readonly #open = new Map<number, Question>();
  #last = 0;
  #late = 0;
  #gone = false;

  /**
   * Asks, and waits for the answer for a second. One that owes an answer from before
   * is not asked.
   *
   * @param post Asks, under a number.
   */
  ask(post: (number: number) => void): Promise<Answer> {
    if (this.#gone) return Promise.resolve("gone");
    if (this.#late > 0) return Promise.resolve("late");
    const number = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => {
      this.#late++;
      this.#open.set(number, { resolve: undefined, timer });
      resolve("late");
    }, ANSWER_TIMEOUT);
    this.#open.set(number, { resolve, timer });
    post(number);
    return promise;
  }

  /**
   * It answers.
   *
   * @throws {ProtocolError} If it was not asked.
   */
  answered(number: number, value: unknown): void {
    const question = this.#open.get(number);
    if (question === undefined) {
      throw new ProtocolError("Cannot take an answer: nobody has asked");
    }
    this.#open.delete(number);
    clearTimeout(question.timer);
    if (question.resolve === undefined) this.#late--;
    else question.resolve({ value });
  }

  /** It is gone, and answers no more. */
  gone(): void {
    this.#gone = true;
    for (const { resolve, timer } of this.#open.values()) {
      clearTimeout(timer);
      resolve?.("gone");
    }
    this.#open.clear();
  }
}
