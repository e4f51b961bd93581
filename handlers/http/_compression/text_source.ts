import type { ChunkSource } from "./encode_stream.ts";

const encoder = new TextEncoder();

/** Parts of a text as what is compressed. */
export function textSource(parts: Iterable<string>): ChunkSource {
  const iterator = parts[Symbol.iterator]();
  return {
    read: () => {
      const { done, value } = iterator.next();
      return Promise.resolve(done ? undefined : encoder.encode(value));
    },
    cancel: () => {
      iterator.return?.();
    },
  };
}
