import {
  acceptError,
  checkAcceptMode,
  objection,
} from "../_acceptors/accept_mode.ts";
import { AcceptRunner } from "../_acceptors/accept_runner.ts";
import {
  type AcceptorAddress,
  acceptorOptions,
} from "../_acceptors/acceptor_start.ts";
import { threadsOf } from "../_acceptors/places.ts";
import { handlerLocation } from "../_bridge/handler_location.ts";
import { RemoteRunner } from "../_bridge/remote_mixin.ts";
import { checkCount } from "../_core/options.ts";
import { OF_THREADS } from "../_core/options_of_runners.ts";
import { withSeam } from "../_core/seam.ts";
import type { ServerOptions } from "../server_options.ts";
import type { ThreadingOptions } from "../threading_options.ts";
import { ThreadPool } from "./thread_pool.ts";

/** How many threads accept for themselves at most. */
const MOST_ACCEPTORS = 1_024;

/**
 * The options of a server, for its base, so that its handlers run in threads.
 *
 * @param Server The class of the server.
 * @param address What it was told to listen at.
 * @param handler Its handler class.
 * @param options Its options, those of the threads among them.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If the handler cannot run in a thread, or threads cannot
 * accept as `accept` insists.
 */
export function inThreads<Options extends ServerOptions & ThreadingOptions>(
  Server: { readonly prototype: object },
  address: unknown,
  handler: unknown,
  options: Options,
): Options {
  const {
    workers = navigator.hardwareConcurrency,
    connectionsPerWorker = Infinity,
    requestsPerWorker = Infinity,
    accept = "auto",
  } = options;
  checkAcceptMode(accept);
  checkCount("workers", workers, 1);
  checkCount("connectionsPerWorker", connectionsPerWorker, 1);
  checkCount("requestsPerWorker", requestsPerWorker, 1);
  const capacity = workers * connectionsPerWorker;
  const location = handlerLocation(handler);
  const makePool = () =>
    new RemoteRunner(({ addr, shutdown, report, messages }) =>
      new ThreadPool(
        workers,
        connectionsPerWorker,
        requestsPerWorker,
        location,
        addr,
        shutdown,
        report,
        messages,
      )
    );
  const optionNames = OF_THREADS.keys;
  const reason = accept === "main"
    ? "it is not wanted"
    : objection(Server, address, options);
  if (reason !== undefined) {
    if (accept === "threads") throw acceptError(reason);
    return withSeam(options, { runner: makePool(), optionNames, capacity });
  }
  const acceptors = Math.min(workers, MOST_ACCEPTORS);
  const runner = new AcceptRunner({
    insists: accept === "threads",
    makeOther: makePool,
    supervised: (port) => ({
      ...{ requestsPerWorker, handler: location, workers: acceptors },
      perWorker: connectionsPerWorker,
      address: { ...address as AcceptorAddress, port },
      options: acceptorOptions(options),
    }),
  });
  return withSeam(options, {
    ...{ runner, optionNames, capacity, listen: runner.listen },
    admissionThreads: threadsOf(acceptors),
  });
}
