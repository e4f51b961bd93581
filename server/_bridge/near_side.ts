import type { DatagramRequest } from "../../handlers/datagram_request_handler.ts";
import { tookTooLong } from "../_core/took_too_long.ts";
import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import type { RemotePlace } from "../_messages/remote_place.ts";
import { NumberedItems } from "./numbered_items.ts";
import type { Carrier } from "./carrier.ts";
import { DatagramWindow, SIDE_WINDOW } from "./datagram_window.ts";
import { type FrameHandler, FrameType, ProtocolError } from "./frames.ts";
import type { Lease } from "./lease.ts";
import type { NearChannel, RequestOwner } from "./near_channel.ts";
import {
  type MayResolve,
  NearDatagram,
  type NearDatagrams,
} from "./near_datagram.ts";
import { NearStream } from "./near_stream.ts";
import {
  type ShutdownRequest,
  unpackNumber,
  unpackShutdown,
} from "./payloads.ts";
import { unpackError } from "./errors.ts";
import { MOST_SHUTDOWNS } from "./shutdowns.ts";

/** Has requests handled on the far side of a carrier. */
export class NearSide implements FrameHandler {
  readonly #carrier: Carrier;
  readonly #channels = new NumberedItems<NearChannel>();
  /** Those to which bytes have come that are to be written. */
  readonly #toWrite: NearChannel[] = [];
  readonly #pongs: (() => void)[] = [];
  #lost: { readonly error: unknown } | undefined;
  readonly #shutdown: ((options: ShutdownRequest) => void) | undefined;
  #served = false;
  /** How many shutdowns were asked for by what handlers have left running. */
  #leftShutdowns = 0;
  readonly #datagrams: NearDatagrams;
  readonly #place: RemotePlace | undefined;
  /** When its requests are aborted, in `performance.now()` time. */
  #endsAt = Infinity;
  #retireTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param carrier Takes frames to the far side.
   * @param shutdown Shuts the server down, for what a handler has left running.
   * Without it, handlers may not shut the server down either.
   * @param mayResolve Whether handlers may have the name of a host looked up.
   * @param place Takes part in the messages of the server.
   */
  constructor(
    carrier: Carrier,
    shutdown: ((options: ShutdownRequest) => void) | undefined,
    mayResolve: MayResolve = () => true,
    place?: RemotePlace,
  ) {
    this.#place = place;
    this.#carrier = carrier;
    this.#shutdown = shutdown;
    this.#datagrams = {
      window: new DatagramWindow(SIDE_WINDOW),
      mayResolve,
    };
  }

  /** Whether anything has come from a handler: it was reached, and it ran. */
  get served(): boolean {
    return this.#served;
  }

  /**
   * Has a connection handled.
   *
   * @param client The client's address, where that is not the peer's.
   */
  openStream(
    connection: Deno.Conn,
    owner: RequestOwner,
    client?: Deno.Addr,
  ): NearChannel {
    const id = this.#channels.nextId();
    return this.#open(
      new NearStream(this.#carrier, id, owner, connection, client),
    );
  }

  /** Has a datagram handled. */
  openDatagram(
    request: DatagramRequest,
    sender: Deno.Addr,
    owner: RequestOwner,
  ): NearChannel {
    const id = this.#channels.nextId();
    return this.#open(
      new NearDatagram(
        this.#carrier,
        id,
        owner,
        request,
        sender,
        this.#datagrams,
      ),
    );
  }

  /**
   * Has all its requests end soon, as no others come. The shortest time counts.
   *
   * @param gracePeriod How long they may take, in milliseconds.
   */
  retire(gracePeriod: number): void {
    for (const channel of this.#channels.all()) {
      channel.shuttingDown(gracePeriod);
    }
    const endsAt = performance.now() + gracePeriod;
    if (endsAt >= this.#endsAt || this.#lost !== undefined) return;
    this.#endsAt = endsAt;
    clearTimeout(this.#retireTimer);
    this.#retireTimer = setTimeout(() => {
      const reason = tookTooLong(gracePeriod, true);
      for (const channel of this.#channels.all()) channel.end(reason);
    }, Math.min(gracePeriod, LONGEST_DELAY));
  }

  /** Resolves when the far side's event loop has answered, or is gone. */
  ping(): Promise<void> {
    const answered = this.pong();
    this.#carrier.send(FrameType.Ping, 0);
    return answered;
  }

  /** Resolves when the next sign of life has come, or the far side is gone. */
  pong(): Promise<void> {
    if (this.#lost !== undefined) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pongs.push(resolve);
    return promise;
  }

  /**
   * The far side is gone: so are all its requests, and those to come.
   *
   * @returns Whether there were any.
   */
  lose(error: unknown): boolean {
    if (this.#lost !== undefined) return false;
    this.#lost = { error };
    clearTimeout(this.#retireTimer);
    const channels = this.#channels.takeAll();
    for (const channel of channels) channel.lose(error);
    for (const resolve of this.#pongs.splice(0)) resolve();
    this.#place?.lost();
    return channels.length > 0;
  }

  data(id: number, part: Uint8Array, lease?: Lease): void {
    const channel = this.#channel(id);
    channel.data(part, lease);
    if (channel.toWrite) return;
    channel.toWrite = true;
    this.#toWrite.push(channel);
  }

  /** Bytes that have come together are written together. */
  passed(): void {
    for (const channel of this.#toWrite) {
      channel.toWrite = false;
      channel.write();
    }
    this.#toWrite.length = 0;
  }

  frame(type: FrameType, id: number, payload: Uint8Array): void {
    if (type === FrameType.Pong) return this.#ponged();
    if (type === FrameType.Shutdown && this.#shutdown === undefined) {
      throw new ProtocolError(
        "Cannot shut down: the option allowShutdown is false",
      );
    }
    if (id === 0) return this.#frameOfNone(type, payload);
    const channel = this.#channel(id);
    if (type === FrameType.Done) this.#channels.delete(id);
    channel.frame(type, payload);
  }

  /** Takes a frame that belongs to no request. */
  #frameOfNone(type: FrameType, payload: Uint8Array): void {
    if (type === FrameType.Shutdown) {
      if (++this.#leftShutdowns > MOST_SHUTDOWNS) {
        throw new ProtocolError(
          `Cannot shut down: more than ${MOST_SHUTDOWNS} shutdowns are asked for by no request`,
        );
      }
      return this.#shutdown!(unpackShutdown(payload));
    }
    const place = this.#place;
    if (place !== undefined) {
      switch (type) {
        case FrameType.Message:
          // A copy: the payload is only lent, and a thread may write to it.
          return place.take(payload.slice());
        case FrameType.Taken:
          return place.taken(unpackNumber(payload));
        case FrameType.Error:
          return place.failed(unpackError(payload).error);
      }
    }
    throw new ProtocolError(
      `Cannot take a frame of type ${type}: it belongs to no request`,
    );
  }

  #ponged(): void {
    const resolve = this.#pongs.shift();
    if (resolve === undefined) {
      throw new ProtocolError("Cannot take a pong: nobody has asked for it");
    }
    resolve();
  }

  #open(channel: NearChannel): NearChannel {
    if (this.#lost !== undefined) {
      channel.lose(this.#lost.error);
      return channel;
    }
    this.#channels.add(channel);
    try {
      channel.open();
    } catch (error) {
      // A connection of the user's own, of which getRequest() has many kinds.
      this.#channels.delete(channel.id);
      channel.lose(error);
    }
    return channel;
  }

  #channel(id: number): NearChannel {
    const channel = this.#channels.get(id);
    if (channel !== undefined) {
      this.#served = true;
      return channel;
    }
    throw new ProtocolError(
      `Cannot take a frame: no request has the number ${id}`,
    );
  }
}
