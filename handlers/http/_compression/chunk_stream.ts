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

/**
 * What a source has, as a stream.
 *
 * @param source The source; cancelled when the stream is.
 * @param ahead How many chunks are taken before anybody asks for them.
 */
export function chunkStream(
  source: Source,
  ahead: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = await source.read();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: (reason) => source.cancel(reason),
  }, { highWaterMark: ahead });
}
