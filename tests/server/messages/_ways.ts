import {
  ForkingTCPServer,
  type MessageSender,
  TCPServer,
  type TCPServerOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { Messenger } from "./_messaging_handlers.ts";

/** A message, and where it came from. */
export type Received = readonly [message: unknown, from: MessageSender];

/** What a server of the tests keeps. */
export interface Kept {
  readonly received: Received[];
  /** Resolves when so many have been received. */
  until(count: number): Promise<Received[]>;
}

/** How many threads or processes there are where they are many. */
export const MANY = 2;

type Make = (options: TCPServerOptions, many: number) => TCPServer;

const WAYS: Readonly<Record<string, Make>> = {
  "on the event loop": (options) =>
    new TCPServer<unknown>(LOOPBACK, Messenger, options),
  "in threads that accept": (options, many) =>
    new ThreadingTCPServer<unknown>(LOOPBACK, Messenger, {
      ...{ accept: "threads", workers: many, ...options },
    }),
  "in threads where main accepts": (options, many) =>
    new ThreadingTCPServer<unknown>(LOOPBACK, Messenger, {
      ...{ accept: "main", workers: many, ...options },
    }),
  "in processes": (options, many) =>
    new ForkingTCPServer<unknown>(LOOPBACK, Messenger, {
      ...{ maxChildren: many, connectionsPerChild: 10, spareChildren: 0 },
      ...{ requestsPerChild: Infinity, ...options },
    }),
};

/** The ways of running, by name. */
export const NAMES: readonly string[] = Object.keys(WAYS);

/**
 * A server that serves in one of the ways, and keeps what it is told.
 *
 * @param many How many threads or processes it may have.
 */
export function start(
  way: string,
  options: TCPServerOptions = {},
  many: number = MANY,
): Promise<TestServer<TCPServer & Kept>> {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  const server = WAYS[way]!({
    onError() {},
    onMessage: (message, from) => {
      received.push([message, from]);
      for (const wake of waiting.splice(0)) wake();
    },
    ...options,
  }, many);
  const until = async (count: number) => {
    while (received.length < count) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    return received;
  };
  return serveForTest(Object.assign(server, { received, until }));
}
