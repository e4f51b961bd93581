import { channel } from "node:diagnostics_channel";
import { printThrown } from "../../handlers/_print_thrown.ts";

/** What servers tell of. */
export const EVENTS = [
  "listen",
  "accept",
  "refuse",
  "start",
  "end",
  "error",
  "full",
  "drain",
  "close",
] as const;

/** The name of an event, without `socketserver:`. */
export type EventName = typeof EVENTS[number];

/** A channel, as far as it is used here. */
export interface EventChannel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

type Subscriber = (message: unknown, name: string | symbol) => unknown;

/**
 * Which events somebody in this thread listens to: a bit for each, as `bitOf` tells.
 * It is a word to look at, and no question to each channel, since that is asked
 * several times for each request.
 */
export let listening = 0;

/** Called when that has changed. */
const watchers = new Set<() => void>();

const BITS = Object.fromEntries(
  EVENTS.map((event, index) => [event, 1 << index]),
) as Readonly<Record<EventName, number>>;

/** The bit of an event. */
export function bitOf(event: EventName): number {
  return BITS[event];
}

/**
 * What is called in place of a subscriber, and cannot throw: `publish` would have
 * that end the process, which a listener of a server's must not.
 */
const guards = new WeakMap<Subscriber, Subscriber>();

function guardOf(subscriber: Subscriber): Subscriber {
  const known = guards.get(subscriber);
  if (known !== undefined) return known;
  let told = false;
  const failed = (name: string | symbol, error: unknown) => {
    // Once: it may be called for every connection.
    if (!told) printThrown([`A subscriber of ${String(name)} failed`, error]);
    told = true;
  };
  const guard: Subscriber = (message, name) => {
    try {
      const result = subscriber(message, name);
      if (result instanceof Promise) {
        result.catch((error) => failed(name, error));
      }
    } catch (error) {
      failed(name, error);
    }
  };
  guards.set(subscriber, guard);
  // `subscribe` calls itself again when there was no subscriber before.
  guards.set(guard, guard);
  return guard;
}

/** The channel of an event, whose subscribers are guarded. */
function guardedChannel(event: EventName): EventChannel {
  const own = channel(`socketserver:${event}`);
  const listen = () => {
    const bit = bitOf(event);
    listening = own.hasSubscribers ? listening | bit : listening & ~bit;
    for (const changed of watchers) changed();
  };
  const inherited = (name: "subscribe" | "unsubscribe") =>
    Object.getPrototypeOf(own)[name] as (subscriber: Subscriber) => unknown;
  Object.assign(own, {
    subscribe(subscriber: Subscriber): void {
      inherited("subscribe").call(
        own,
        typeof subscriber === "function" ? guardOf(subscriber) : subscriber,
      );
      listen();
    },
    unsubscribe(subscriber: Subscriber): unknown {
      const removed = inherited("unsubscribe")
        .call(own, guards.get(subscriber) ?? subscriber);
      listen();
      return removed;
    },
  });
  // Those that were there before this module are not guarded yet.
  const { _subscribers: early } = own as { readonly _subscribers?: unknown };
  for (const subscriber of Array.isArray(early) ? [...early] : []) {
    inherited("unsubscribe").call(own, subscriber);
    own.subscribe(subscriber);
  }
  listen();
  return own;
}

/** The channels, for as long as the program runs: who subscribes finds these. */
export const CHANNELS: Readonly<Record<EventName, EventChannel>> = Object
  .fromEntries(EVENTS.map((event) => [event, guardedChannel(event)])) as Record<
    EventName,
    EventChannel
  >;

/**
 * Calls something whenever `listening` may have changed.
 *
 * @returns Ends it.
 */
export function watchListening(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}
