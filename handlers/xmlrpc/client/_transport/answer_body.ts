import { gunzip } from "node:zlib";
import { GrowingBytes } from "../../../_growing_bytes.ts";
import type { Answer } from "./transport.ts";

/** Says what is wrong with an answer. */
export type Refuse = (what: string, cause?: unknown) => Error;

/**
 * Reads the body of an answer, and inflates it.
 *
 * @param answer Whose body it is.
 * @param maxSize How long it may be, in bytes, and also inflated.
 * @param refuse Makes the error of a body that cannot be taken.
 */
export async function answerBody(
  { body, coding, headers }: Answer,
  maxSize: number,
  refuse: Refuse,
): Promise<Uint8Array> {
  const tooLong = (cause?: unknown) =>
    refuse(`answered with more than maxSize, ${maxSize} bytes`, cause);
  if (coding === "unknown") {
    throw refuse(
      `answered in the encoding ${
        JSON.stringify(headers.get("content-encoding"))
      }, which was not asked for`,
    );
  }
  if (Number(headers.get("content-length") ?? 0) > maxSize) throw tooLong();
  const collected = new GrowingBytes();
  for await (const chunk of parts(body, refuse)) {
    if (collected.length + chunk.length > maxSize) throw tooLong();
    collected.add(chunk);
  }
  const bytes = collected.bytes();
  return coding === "gzip"
    ? await inflate(bytes, maxSize, tooLong, refuse)
    : bytes;
}

/** The parts of a body, whose end is told from what was found wrong with them. */
async function* parts(
  body: AsyncIterable<Uint8Array>,
  refuse: Refuse,
): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]();
  try {
    while (true) {
      let step;
      try {
        step = await source.next();
      } catch (cause) {
        throw refuse("has not sent all of its answer", cause);
      }
      if (step.done) return;
      yield step.value;
    }
  } finally {
    await source.return?.();
  }
}

function inflate(
  bytes: Uint8Array,
  maxSize: number,
  tooLong: (cause: unknown) => Error,
  refuse: Refuse,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const limit = maxSize === Infinity ? {} : { maxOutputLength: maxSize };
    gunzip(bytes, limit, (error, result) => {
      if (!error) return resolve(result);
      const { code } = error as NodeJS.ErrnoException;
      reject(
        code === "ERR_BUFFER_TOO_LARGE"
          ? tooLong(error)
          : refuse("answered with what is no gzip", error),
      );
    });
  });
}
