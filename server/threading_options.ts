/** Who accepts the connections of a server with threads. */
export type AcceptMode = "auto" | "threads" | "main";

/** Options that {@linkcode ThreadingMixIn} adds to a server's. */
export interface ThreadingOptions {
  /**
   * How many threads there are at most. The first starts with the server, the
   * others when all are busy. Of threads that accept for themselves there are at
   * most 1,024.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly workers?: number;
  /**
   * How many requests one thread takes at once. When all threads are full, the
   * server stops accepting.
   *
   * @default {Infinity}
   */
  readonly connectionsPerWorker?: number;
  /**
   * After how many requests a thread is replaced by a new one, so that what its
   * handlers leak does not grow for ever: up to a tenth earlier, by chance, so that
   * not all are replaced at once. One is replaced at a time, so that under load a
   * thread may have more. The new one is ready first; the old one ends when
   * the requests that it has have ended, whose handlers are told by `onShutdown`.
   * Where no new one can be started, that is told to `handleError`, and the old one
   * goes on for as many again.
   *
   * @default {Infinity}
   */
  readonly requestsPerWorker?: number;
  /**
   * Who accepts connections. `"threads"`: each thread accepts for itself from the
   * one listening socket, and no byte passes through the main thread. `"main"`:
   * the main thread accepts, and carries the bytes to the threads and back.
   * `"auto"` takes `"threads"` for a server of TCP or TLS that overrides no hook but
   * `handleError` and `handleTimeout`, and `"main"` otherwise.
   *
   * @default {"auto"}
   */
  readonly accept?: AcceptMode;
}
