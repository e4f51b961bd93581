import { handlerLocation } from "../_bridge/handler_location.ts";
import { RemoteRunner } from "../_bridge/remote_mixin.ts";
import { checkCount, checkTime } from "../_core/options.ts";
import { OF_PROCESSES } from "../_core/options_of_runners.ts";
import { withSeam } from "../_core/seam.ts";
import type { ForkingOptions } from "../forking_options.ts";
import type { ServerOptions } from "../server_options.ts";
import { ChildCommand, denoProgram } from "./child_command.ts";
import { ChildPool } from "./child_pool.ts";

const DEFAULT_MAX_CHILDREN = 40;
const DEFAULT_START_TIMEOUT = 30_000;
const DEFAULT_KILL_TIMEOUT = 5_000;

/**
 * The options of a server, for its base, so that its handlers run in processes.
 *
 * @param handler Its handler class.
 * @param options Its options, those of the processes among them.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If the handler cannot run in a process, or this process is
 * not run by Deno's own program.
 */
export function inProcesses<Options extends ServerOptions & ForkingOptions>(
  handler: unknown,
  options: Options,
): Options {
  const {
    maxChildren = DEFAULT_MAX_CHILDREN,
    spareChildren = Math.min(1, maxChildren),
    requestsPerChild = 1,
    connectionsPerChild = 1,
    startTimeout = DEFAULT_START_TIMEOUT,
    killTimeout = DEFAULT_KILL_TIMEOUT,
  } = options;
  checkCount("maxChildren", maxChildren, 1);
  checkCount("spareChildren", spareChildren, 0);
  checkCount("requestsPerChild", requestsPerChild, 1);
  checkCount("connectionsPerChild", connectionsPerChild, 1);
  checkTime("startTimeout", startTimeout);
  checkTime("killTimeout", killTimeout);
  if (spareChildren > maxChildren || spareChildren === Infinity) {
    throw new RangeError(
      `Cannot create server: spareChildren must be finite and at most maxChildren, ${maxChildren}, received ${spareChildren}`,
    );
  }
  const capacity = maxChildren *
    Math.min(connectionsPerChild, requestsPerChild);
  const location = handlerLocation(handler);
  const program = denoProgram(options.denoPath);
  const limits = {
    maxChildren,
    spareChildren,
    requestsPerChild,
    connectionsPerChild,
    startTimeout,
    killTimeout,
  };
  const runner = new RemoteRunner(
    ({ addr, shutdown, report, messages }) => {
      const command = new ChildCommand(location, addr, program, options);
      command.checkSync(startTimeout);
      return new ChildPool(command, limits, shutdown, report, messages);
    },
  );
  return withSeam(options, {
    runner,
    optionNames: OF_PROCESSES.keys,
    capacity,
  });
}
