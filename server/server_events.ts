import type { RequestServer } from "../handlers/base_request_handler.ts";
import type { AbortReason, RefusalReason } from "./server_stats.ts";

/** What all events of servers tell. */
export interface ServerEvent {
  /**
   * The server, as its handlers see it: on the event loop, and for whoever listens
   * in the main thread, the server itself; in a thread that accepts for itself, what
   * `handler.server` is there.
   */
  readonly server: RequestServer;
  /** When it happened, in milliseconds since the epoch. */
  readonly time: number;
}

/** What all events of a request tell: of a connection, or a datagram. */
export interface ServerRequestEvent extends ServerEvent {
  /** Its number, as `connections()` tells it. No other request of the server has it. */
  readonly id: number;
  /** The client's address. */
  readonly clientAddress: Deno.Addr;
}

/** `socketserver:listen`: a server begins to serve. */
export interface ServerListenEvent extends ServerEvent {
  /** The address it is bound to. */
  readonly address: Deno.Addr;
}

/**
 * `socketserver:accept`: a request was accepted. One `refuse` or one `end` follows.
 */
export type ServerAcceptEvent = ServerRequestEvent;

/** `socketserver:refuse`: a request was refused, and is closed unanswered. */
export interface ServerRefuseEvent extends ServerRequestEvent {
  /** Why. */
  readonly reason: RefusalReason;
}

/** `socketserver:start`: the handler of a request begins to run. */
export interface ServerStartEvent extends ServerRequestEvent {
  /** How long ago it was accepted, in milliseconds. */
  readonly waited: number;
}

/** `socketserver:end`: nothing is left of a request. */
export interface ServerEndEvent extends ServerRequestEvent {
  /** How long it took until its handler had ended, in milliseconds. */
  readonly duration: number;
  /** How long its connection was being closed after that, in milliseconds. */
  readonly lingered: number;
  /**
   * How many bytes came, counted as in `ServerStats.bytesIn`. 0 where the request
   * was lost with a thread that accepts for itself: how many it had moved is in
   * `ServerStats` alone.
   */
  readonly bytesIn: number;
  /** How many bytes were written; 0 as above. */
  readonly bytesOut: number;
  /** What became of it. */
  readonly outcome: "done" | "failed" | "aborted";
  /** Why it was aborted, if it was. */
  readonly reason?: AbortReason;
  /** What its handler or a hook threw, or what it was aborted with. */
  readonly error?: unknown;
}

/** `socketserver:error`: `handleError` is told of something. */
export interface ServerErrorEvent extends ServerEvent {
  /** What was thrown. */
  readonly error: unknown;
  /** The client's address, if the error belongs to one. */
  readonly clientAddress?: Deno.Addr;
}

/**
 * `socketserver:full`: there are as many requests as `maxConnections`, so that the
 * server accepts nobody until one has ended. Of threads that accept for themselves,
 * each tells.
 */
export interface ServerFullEvent extends ServerEvent {
  /** How many requests it, or the thread, may have at once. */
  readonly limit: number;
}

/**
 * `socketserver:drain`: a shutdown begins. Those whom the kernel has let in are still
 * accepted, and handlers come to their end.
 */
export interface ServerDrainEvent extends ServerEvent {
  /** How long they have, in milliseconds. */
  readonly gracePeriod: number;
}

/** `socketserver:close`: a server has finished: its socket is closed, and no request left. */
export type ServerCloseEvent = ServerEvent;

/**
 * The channels of `node:diagnostics_channel` on which servers tell what happens, and
 * what they tell there.
 *
 * Subscribers are called at once, before the server goes on. What one throws, or
 * rejects with, is printed to stderr, the first time it does so, and harms nobody
 * else. All subscribers of one thread are given the same object: what one changes in
 * it the next one sees, and neither the server nor another thread. What has no
 * subscriber is not made, and costs nothing.
 *
 * Servers on the event loop, those with processes and those whose main thread accepts
 * tell in the main thread. Of threads that accept for themselves, each tells whoever
 * listens inside it, and the main thread is told of `refuse`, `accept`, `start`,
 * `end` and `full` where somebody listens there: a little later, in the order of each
 * thread. Of a thread that is ahead by more than 4,096 events the rest is dropped,
 * and `ServerStats.eventsLost` counts it.
 *
 * @example A log of refusals
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import type { ServerRefuseEvent } from "@wire/socketserver";
 *
 * subscribe("socketserver:refuse", (message) => {
 *   const { clientAddress, reason } = message as ServerRefuseEvent;
 *   console.log("refused", clientAddress, reason);
 * });
 * ```
 */
export interface ServerEvents {
  /** A server begins to serve. */
  readonly "socketserver:listen": ServerListenEvent;
  /** A request was accepted. */
  readonly "socketserver:accept": ServerAcceptEvent;
  /** A request was refused. */
  readonly "socketserver:refuse": ServerRefuseEvent;
  /** A handler begins to run. */
  readonly "socketserver:start": ServerStartEvent;
  /** Nothing is left of a request. */
  readonly "socketserver:end": ServerEndEvent;
  /** `handleError` is told of something. */
  readonly "socketserver:error": ServerErrorEvent;
  /** No more requests are accepted until one has ended. */
  readonly "socketserver:full": ServerFullEvent;
  /** A shutdown begins. */
  readonly "socketserver:drain": ServerDrainEvent;
  /** A server has finished. */
  readonly "socketserver:close": ServerCloseEvent;
}
