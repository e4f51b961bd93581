import {
  ForkingTCPServer,
  TCPServer,
  type TCPServerOptions,
  ThreadingTCPServer,
} from "../../mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { Lines } from "./_lines_handler.ts";

/** A way to run `Lines`, and what makes such a server. */
export type LineServer = readonly [
  where: string,
  start: (options?: TCPServerOptions) => TCPServer,
];

/** All ways to run `Lines`. */
export function lineServers(acceptingThreads: number): readonly LineServer[] {
  return [
    ["on the event loop", (options) => new TCPServer(LOOPBACK, Lines, options)],
    [
      "in threads that accept",
      (options) =>
        new ThreadingTCPServer(LOOPBACK, Lines, {
          ...{ ...options, accept: "threads", workers: acceptingThreads },
        }),
    ],
    [
      "in threads",
      (options) =>
        new ThreadingTCPServer(LOOPBACK, Lines, {
          ...{ ...options, accept: "main", workers: 2 },
        }),
    ],
    [
      "in processes",
      (options) =>
        new ForkingTCPServer(LOOPBACK, Lines, {
          ...{ ...options, spareChildren: 0, maxChildren: 1 },
          ...{ requestsPerChild: Infinity, connectionsPerChild: 200 },
        }),
    ],
  ];
}
