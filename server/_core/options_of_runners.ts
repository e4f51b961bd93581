import type { ForkingOptions } from "../forking_options.ts";
import type { ThreadingOptions } from "../threading_options.ts";

/** The options that a server has only with threads, and where they belong. */
export const OF_THREADS = {
  keys: Object.keys(
    {
      workers: true,
      connectionsPerWorker: true,
      requestsPerWorker: true,
      accept: true,
    } satisfies Record<keyof ThreadingOptions, true>,
  ),
  where: "options of a server with threads, such as ThreadingTCPServer",
};

/** The options that a server has only with processes, and where they belong. */
export const OF_PROCESSES = {
  keys: Object.keys(
    {
      maxChildren: true,
      spareChildren: true,
      requestsPerChild: true,
      connectionsPerChild: true,
      permissions: true,
      denoArgs: true,
      env: true,
      uid: true,
      gid: true,
      startTimeout: true,
      killTimeout: true,
      denoPath: true,
      allowShutdown: true,
    } satisfies Record<keyof ForkingOptions, true>,
  ),
  where: "options of a server with processes, such as ForkingTCPServer",
};
