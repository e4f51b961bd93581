/** The most that is read at once, in bytes; the streams of Deno read as much. */
const CHUNK = 64 * 1024;

/** Reads a connection as a stream, and nothing before it is asked for. */
export function readableOf(
  connection: Pick<Deno.Conn, "read">,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(CHUNK);
      const n = await connection.read(buffer);
      if (n !== null) return controller.enqueue(buffer.subarray(0, n));
      controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Writes to a connection as to a stream, whose end is that of its writing side. */
export function writableOf(
  connection: Pick<Deno.Conn, "write" | "closeWrite">,
): WritableStream<Uint8Array<ArrayBufferLike>> {
  return new WritableStream({
    async write(chunk) {
      for (let done = 0; done < chunk.length;) {
        done += await connection.write(chunk.subarray(done));
      }
    },
    close: () => connection.closeWrite(),
  });
}
