/**
 * Adds bytes to others, behind which nobody else writes to their memory: there as
 * well, if there is room, and else in twice as much.
 *
 * @param bytes Those that are there, which are not used any more afterwards.
 * @param more What is added.
 * @param most How many they become at most, together with others later.
 */
export function appendBytes<Memory extends ArrayBufferLike>(
  bytes: Uint8Array<Memory>,
  more: Uint8Array,
  most: number,
): Uint8Array<Memory | ArrayBuffer> {
  const size = bytes.length + more.length;
  let memory: Memory | ArrayBuffer = bytes.buffer;
  if (bytes.byteOffset > 0 || memory.byteLength < size) {
    memory = new ArrayBuffer(Math.min(2 * size, most));
    new Uint8Array(memory).set(bytes);
  }
  const all = new Uint8Array(memory, 0, size);
  all.set(more, bytes.length);
  return all;
}
