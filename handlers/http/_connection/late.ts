import { AsyncLocalStorage } from "node:async_hooks";
import { OWN } from "../../streams/_owned.ts";
import {
  requestOverError,
  type StreamOwner,
} from "../../streams/_left_behind.ts";
import { StreamReader } from "../../streams/stream_reader.ts";
import { StreamWriter } from "../../streams/stream_writer.ts";
import { bodyIsOver, type RequestScope } from "./request_scope.ts";

/**
 * Whose request the code that runs belongs to. One handler serves all requests of
 * a connection, and what it leaves running would find the next one's in it: a
 * proxy may send requests of several people on one connection.
 */
export const serving: AsyncLocalStorage<RequestScope> = new AsyncLocalStorage();

/** How many requests are served that are no store's. */
let unmarked = 0;

/**
 * Says that a request is served without a store, which takes a tenth of the time
 * of a short one: it asks for no other protocol, and no code can be late that has
 * not got its handler.
 */
export function beginUnmarked(): void {
  unmarked++;
}

/** Says that it is served. */
export function endUnmarked(): void {
  unmarked--;
}

/** What code may belong to that has no store, as far as that can be told. */
export function unmarkedScope(): Pick<RequestScope, "upgrades"> | undefined {
  return unmarked > 0 ? { upgrades: false } : undefined;
}

/** What code gets as `wfile` whose request is over. */
export function lateWriter(owner: StreamOwner): StreamWriter {
  const writer = new StreamWriter({
    write: () => Promise.reject(requestOverError("write")),
  });
  writer[OWN](owner);
  return writer;
}

/** What code gets as `rfile` whose request is over. */
export function lateReader(owner: StreamOwner): StreamReader {
  const reader = new StreamReader({ read: () => Promise.reject(bodyIsOver()) });
  reader[OWN](owner);
  return reader;
}
