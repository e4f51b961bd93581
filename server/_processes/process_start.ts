import type { HandlerLocation } from "../_bridge/handler_location.ts";

/** What a process is told when it starts. */
export interface ProcessStart {
  readonly handler: HandlerLocation;
  /** The address of the server. */
  readonly addr: Deno.Addr;
  /** Whether its handlers may shut the server down. */
  readonly allowShutdown: boolean;
  /** Whether it only shows that it can import its handler. */
  readonly check: boolean;
}

/**
 * The exit code of a process that has shown it. Not 0: that is how every other
 * program ends, and a handler's module that exits.
 */
export const CHECKED = 86;
