/** Where chunks come from, each of which belongs to whoever takes it. */
interface Source {
  /**
   * Takes the next bytes.
   *
   * @returns `undefined` behind the last.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** No more is wanted. */
  cancel(reason?: unknown): void | Promise<void>;
}

/** Takes a chunk back, to be filled anew: nobody looks at it any more. */
export type TakeBack = (chunk: Uint8Array<ArrayBuffer>) => void;

/** Where chunks of a stream go back to. */
const takers = new WeakMap<ReadableStream, TakeBack>();

/**
 * Who takes the chunks of a stream back, if somebody does. Only who has read them
 * may give them back: memory that is filled anew costs half of what new memory
 * does.
 */
export function takerOf(stream: ReadableStream): TakeBack | undefined {
  return takers.get(stream);
}

/**
 * What a source has, as a stream.
 *
 * @param source The source; cancelled when the stream is.
 * @param ahead How many chunks are taken before anybody asks for them.
 * @param takeBack Takes chunks back that were sent.
 */
export function chunkStream(
  source: Source,
  ahead: number,
  takeBack?: TakeBack,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const chunk = await source.read();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: (reason) => source.cancel(reason),
  }, { highWaterMark: ahead });
  if (takeBack !== undefined) takers.set(stream, takeBack);
  return stream;
}
