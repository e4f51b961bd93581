import type { StreamWriter } from "../../streams/stream_writer.ts";
import type { ByteRange } from "./byte_ranges.ts";

/** How much is read and written at once where few parts are being sent, in bytes. */
const LARGE_CHUNK = 256 * 1024;
/**
 * The same where many are: each holds two such buffers while its client takes
 * nothing, and slow clients come by the thousands.
 */
const SMALL_CHUNK = 32 * 1024;
/** How many parts are few. */
const FEW = 16;

/** How many parts are being sent, in this thread. */
let sending = 0;

/**
 * Sends a part of a file. While one chunk is written the next is read.
 *
 * @param file The file.
 * @param range The part, which is not empty.
 * @param writer Where to send it.
 * @param before Called when the first chunk is read, to write what goes before
 * it: small writes that are apart wait for one another (RFC 9293, section
 * 3.7.4), and a file that cannot be read is told before anything is sent.
 * @throws {Error} If the file ends before the part does.
 * @throws What reading and writing throws.
 */
export async function sendBytes(
  file: Deno.FsFile,
  { from, length }: ByteRange,
  writer: StreamWriter,
  before: () => void,
): Promise<void> {
  sending++;
  try {
    await send(file, from, length, writer, before);
  } finally {
    sending--;
  }
}

async function send(
  file: Deno.FsFile,
  from: number,
  length: number,
  writer: StreamWriter,
  before: () => void,
): Promise<void> {
  // This waits for nothing: it only sets a number.
  file.seekSync(from, Deno.SeekMode.Start);
  let reading = new Uint8Array(chunkSize(length));
  let writing: typeof reading | undefined;
  let written: Promise<void> | undefined;
  let sent = 0;
  while (true) {
    const n = await file.read(reading.subarray(0, length - sent));
    if (n === null) {
      throw new Error(
        `Cannot send ${length} bytes of a file: it was cut short and ended after ${sent}`,
      );
    }
    await written;
    if (sent === 0) before();
    written = writer.write(reading.subarray(0, n));
    sent += n;
    if (sent === length) break;
    const free = writing;
    writing = reading;
    const size = chunkSize(length);
    // It changes only where many come, or have gone.
    reading = free?.length === size ? free : new Uint8Array(size);
  }
  await written;
}

function chunkSize(length: number): number {
  return Math.min(length, sending > FEW ? SMALL_CHUNK : LARGE_CHUNK);
}
