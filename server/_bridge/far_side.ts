import { checkKeys } from "../../handlers/_known_keys.ts";
import { printThrown } from "../../handlers/_print_thrown.ts";
import { ABORT, CLOSING, type HandlerHost, RUN } from "../../handlers/_host.ts";
import { markLeftBehind } from "../../handlers/streams/_left_behind.ts";
import { tracing } from "../../handlers/_tracing.ts";
import type {
  BaseRequestHandler,
  RequestServer,
} from "../../handlers/base_request_handler.ts";
import { PROXIED } from "../../handlers/_proxied.ts";
import { REPLY } from "../../handlers/_replying.ts";
import type { TLSInfo } from "../../handlers/_tls/tls_info.ts";
import type {
  DatagramRequest,
  DatagramSocket,
} from "../../handlers/datagram_request_handler.ts";
import { checkTime } from "../_core/options.ts";
import { deliver } from "../_messages/deliver.ts";
import { refuseBroadcast } from "../_messages/refuse_broadcast.ts";
import { FarMessages } from "../_messages/far_messages.ts";
import type { Carrier } from "./carrier.ts";
import { packError, unpackError } from "./errors.ts";
import { FarConnection } from "./far_connection.ts";
import { FarDatagrams, FarSends } from "./far_datagrams.ts";
import { FarTlsConnection } from "./far_tls_connection.ts";
import {
  CUT_SHORT,
  type FrameHandler,
  FrameType,
  ProtocolError,
} from "./frames.ts";
import type { Lease } from "./lease.ts";
import { unpackProxy } from "./packed_proxy.ts";
import { LAST_PART } from "./place_frames.ts";
import { Shutdowns } from "./shutdowns.ts";
import {
  packDatagram,
  packNumber,
  packShutdown,
  unpackDatagram,
  unpackJson,
  unpackNumber,
  unpackShutdown,
} from "./payloads.ts";

/** A handler class of either kind, as the far side makes instances of it. */
export type AnyHandlerClass = new (
  request: unknown,
  clientAddress: Deno.Addr,
  server: RequestServer,
) => BaseRequestHandler<unknown, Deno.Addr | null>;

/** One request, whose handler runs here. */
interface Channel {
  readonly handler: BaseRequestHandler<unknown, Deno.Addr | null>;
  /** Not for a datagram. */
  readonly connection: FarConnection | undefined;
  /** What it sends itself, once it has sent any. */
  datagrams: FarDatagrams | undefined;
  readonly shutdowns: Shutdowns;
}

/** What a handler sees of its server. */
class SeenServer implements RequestServer {
  readonly addr: Deno.Addr;
  readonly requestTimeout: number;
  readonly shutdown: RequestServer["shutdown"];
  readonly #messages: FarMessages;

  constructor(
    addr: Deno.Addr,
    messages: FarMessages,
    shutdown: RequestServer["shutdown"],
    requestTimeout: number,
  ) {
    this.addr = addr;
    this.#messages = messages;
    this.shutdown = shutdown;
    this.requestTimeout = requestTimeout;
  }

  get config(): unknown {
    return this.#messages.config;
  }

  post(message: unknown): void | Promise<void> {
    return this.#messages.post(message);
  }

  broadcast(): never {
    refuseBroadcast();
  }
}

/** What a far side may be told of, beside what it runs. */
export interface FarSideOptions {
  /** What `server.config` says at first, packed. */
  readonly config?: ArrayBuffer | undefined;
  /** Called for each request before its handler is made. */
  readonly opened?: () => void;
  /** Called with what a handler has thrown; may add to it. */
  readonly explain?: (error: unknown) => unknown;
  /** Whether handlers may shut the server down, which the near side minds itself. */
  readonly allowShutdown?: boolean;
}

/** Runs handlers for a near side that holds their sockets. */
export class FarSide implements FrameHandler {
  readonly #carrier: Carrier;
  readonly #Handler: AnyHandlerClass;
  readonly #addr: Deno.Addr;
  readonly #opened: () => void;
  readonly #explain: (error: unknown) => unknown;
  readonly #allowShutdown: boolean;
  readonly #channels = new Map<number, Channel>();
  /** Those that were asked for by what handlers have left running. */
  readonly #leftShutdowns = new Shutdowns();
  readonly #sends: FarSends;
  readonly #messages: FarMessages;
  /** How many failures with messages may be told. */
  #mayFail = 0;

  /**
   * @param carrier Takes frames to the near side.
   * @param Handler What is made for each request.
   * @param addr What `server.addr` says in a handler.
   */
  constructor(
    carrier: Carrier,
    Handler: AnyHandlerClass,
    addr: Deno.Addr,
    {
      config,
      opened = () => {},
      explain = (error) => error,
      allowShutdown = true,
    }: FarSideOptions = {},
  ) {
    this.#explain = explain;
    this.#allowShutdown = allowShutdown;
    this.#carrier = carrier;
    this.#Handler = Handler;
    this.#addr = addr;
    this.#opened = opened;
    this.#sends = new FarSends(carrier);
    this.#messages = new FarMessages({
      message: (packed) => carrier.send(FrameType.Message, 0, packed),
      taken: (cost) => carrier.send(FrameType.Taken, 0, packNumber(cost)),
    }, (message) => this.#deliver(message));
    if (config !== undefined) {
      this.#messages.configure(new Uint8Array(config));
    }
  }

  /** Whether a handler runs. */
  get busy(): boolean {
    return this.#channels.size > 0;
  }

  data(channel: number, part: Uint8Array, lease?: Lease): void {
    this.#channels.get(channel)?.connection?.receive(part, lease);
  }

  frame(type: FrameType, id: number, payload: Uint8Array): void {
    if (type === FrameType.Open) return this.#open(id, payload);
    if (type === FrameType.OpenDatagram) return this.#openDatagram(id, payload);
    if (type === FrameType.Ping) return this.#carrier.send(FrameType.Pong, id);
    // What was sent is settled also where its request has ended meanwhile.
    if (type === FrameType.Sent) {
      return this.#sends.settle(unpackNumber(payload));
    }
    if (type === FrameType.NotSent) {
      const { error, number } = unpackError(payload);
      return this.#sends.settle(number, error);
    }
    if (id === 0) return this.#frameOfNone(type, payload);
    // A frame may come for a request that has just ended here.
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    switch (type) {
      case FrameType.End:
        return channel.connection?.end();
      case FrameType.Credit:
        return channel.connection?.addCredit(unpackNumber(payload));
      case FrameType.Fail:
      case FrameType.WriteFail: {
        const { error } = unpackError(payload);
        if (type === FrameType.Fail) channel.connection?.fail(error);
        else channel.connection?.failWrites(error);
        return channel.handler[ABORT](error);
      }
      case FrameType.Abort: {
        const { error } = unpackError(payload);
        channel.handler[ABORT](error);
        channel.connection?.detach();
        return this.#endWaits(channel);
      }
      case FrameType.Handshake:
        if (channel.connection instanceof FarTlsConnection) {
          channel.connection.shakenHands(
            unpackJson(payload) as Deno.TlsHandshakeInfo,
          );
        }
        return;
      case FrameType.ShuttingDown:
        return void this.#tellShuttingDown(
          id,
          channel,
          unpackShutdown(payload).gracePeriod,
        );
      case FrameType.ShutdownDone:
        return channel.shutdowns.settleOne();
      default:
        throw new ProtocolError(
          `Cannot take a frame of type ${type}: it does not go to the far side`,
        );
    }
  }

  /** Takes a frame that belongs to no request. */
  #frameOfNone(type: FrameType, payload: Uint8Array): void {
    switch (type) {
      case FrameType.Message:
        this.#mayFail++;
        return this.#messages.receive(payload.slice());
      case FrameType.Taken:
        return this.#messages.handled(unpackNumber(payload));
      case FrameType.Config:
        return this.#messages.configurePart(
          payload.slice(1),
          payload[0] === LAST_PART,
        );
      default:
        throw new ProtocolError(
          `Cannot take a frame of type ${type}: it belongs to no request`,
        );
    }
  }

  /** Gives a message of the server to the handlers here. */
  #deliver(message: unknown): void {
    const { name } = this.#Handler;
    const attempt = (call: () => void | Promise<void>) =>
      void this.#attempt(`onMessage of the class ${name}`, call);
    const server = this.#seen(0);
    deliver(message, this.#Handler, server, attempt, () => {
      for (const { handler } of this.#channels.values()) {
        attempt(() => handler.onMessage(message));
      }
    });
  }

  async #attempt(
    where: string,
    call: () => void | Promise<void>,
  ): Promise<void> {
    try {
      await call();
    } catch (error) {
      // Each message may be the fault of many handlers.
      if (this.#mayFail === 0) return printThrown([where, error]);
      this.#mayFail--;
      this.#carrier.send(FrameType.Error, 0, this.#pack(error));
    }
  }

  #pack(error: unknown): Uint8Array {
    return packError(this.#explain(error));
  }

  /** What a request, or none, sees of the server. */
  #seen(id: number, requestTimeout = Infinity): RequestServer {
    return new SeenServer(
      this.#addr,
      this.#messages,
      (options) => this.#shutdown(id, options ?? {}),
      requestTimeout,
    );
  }

  #open(id: number, payload: Uint8Array): void {
    const {
      localAddr,
      remoteAddr,
      client = remoteAddr,
      encrypted,
      tls,
      proxy,
      requestTimeout,
    } = unpackJson(payload) as {
      readonly localAddr: Deno.Addr;
      readonly remoteAddr: Deno.Addr;
      readonly client?: Deno.Addr;
      readonly encrypted: boolean;
      readonly tls?: TLSInfo;
      readonly proxy?: string;
      readonly requestTimeout?: number;
    };
    const connection = encrypted
      ? new FarTlsConnection(this.#carrier, id, localAddr, remoteAddr, tls)
      : new FarConnection(this.#carrier, id, localAddr, remoteAddr, false);
    if (proxy !== undefined) {
      connection[PROXIED] = { header: unpackProxy(proxy) };
    }
    this.#run(id, connection, connection, client, requestTimeout);
  }

  async #tellShuttingDown(
    id: number,
    channel: Channel,
    gracePeriod: number = Infinity,
  ): Promise<void> {
    try {
      await channel.handler.onShutdown(gracePeriod);
    } catch (error) {
      if (this.#channels.get(id) === channel) {
        this.#carrier.send(FrameType.Error, id, this.#pack(error));
      } else printThrown(["onShutdown of a request that is over", error]);
    }
  }

  #openDatagram(id: number, payload: Uint8Array): void {
    const { address, data } = unpackDatagram(payload);
    const request: DatagramRequest = [data, {
      addr: this.#addr,
      send: (data, address) => this.#send(id, data, address),
      [REPLY]: (data: Uint8Array, address: Deno.Addr) =>
        this.#carrier.send(FrameType.Reply, id, packDatagram(0, address, data)),
    } as DatagramSocket];
    this.#run(id, request, undefined, address);
  }

  async #run(
    id: number,
    request: unknown,
    connection: FarConnection | undefined,
    clientAddress: Deno.Addr,
    requestTimeout: number = Infinity,
  ): Promise<void> {
    this.#opened();
    let channel: Channel | undefined;
    try {
      const handler = new this.#Handler(
        request,
        clientAddress,
        this.#seen(id, requestTimeout),
      );
      channel = {
        handler,
        connection,
        datagrams: undefined,
        shutdowns: new Shutdowns(),
      };
      this.#channels.set(id, channel);
      const host: HandlerHost = {
        settling: () => this.#carrier.send(FrameType.Settling, id),
        // The near side knows of a write that failed there, and not of one that
        // failed here, since a read had.
        abort: (reason) => {
          if (this.#channels.get(id) !== channel) return;
          this.#carrier.send(FrameType.WriteFail, id, packError(reason));
        },
      };
      await (tracing === undefined
        ? handler[RUN](host)
        : tracing.handler(handler, () => handler[RUN](host)));
    } catch (error) {
      this.#carrier.send(FrameType.Error, id, this.#pack(error));
    }
    const unsent = channel?.datagrams?.drained();
    if (unsent !== undefined) await unsent;
    const unposted = this.#messages.sent();
    if (unposted !== undefined) await unposted;
    this.#channels.delete(id);
    const closing = channel?.handler[CLOSING]() ?? "linger";
    const isWhole = closing === "linger" || closing === "at once";
    if (isWhole) this.#carrier.send(FrameType.Done, id);
    else this.#carrier.send(FrameType.Done, id, Uint8Array.of(CUT_SHORT));
    // Also of a handler that its constructor did not finish and that has kept it.
    connection?.leave();
    if (channel !== undefined) this.#endWaits(channel);
  }

  /** Ends what the handler of a request that is over waits for from the server. */
  #endWaits(channel: Channel): void {
    channel.datagrams?.forget();
    channel.shutdowns.settleAll();
  }

  #send(id: number, data: Uint8Array, address: Deno.Addr): Promise<number> {
    const channel = this.#channels.get(id);
    if (channel === undefined) {
      return Promise.reject(
        new Deno.errors.BadResource(
          `Cannot send ${data?.length} bytes: the request is finished`,
        ),
      );
    }
    channel.datagrams ??= new FarDatagrams(id, this.#sends);
    return channel.datagrams.send(data, address);
  }

  #shutdown(
    id: number,
    options: { readonly gracePeriod?: number },
  ): Promise<void> {
    return Promise.try(() => {
      checkKeys("option", options, ["gracePeriod"], undefined, "shut down");
      if (options.gracePeriod !== undefined) {
        checkTime("gracePeriod", options.gracePeriod);
      }
      if (!this.#allowShutdown) {
        const refusal = new Deno.errors.NotCapable(
          "Cannot shut down: the server's option allowShutdown is false; post a message that asks for it",
        );
        // Where nobody awaits it, it is printed, and does not end what else runs here.
        markLeftBehind(refusal, {
          ...{ request: undefined, clientAddress: null, server: this },
        });
        throw refusal;
      }
      const channel = this.#channels.get(id);
      const send = (id: number) =>
        this.#carrier.send(FrameType.Shutdown, id, packShutdown(options));
      if (channel !== undefined) {
        return channel.shutdowns.add(options, () => send(id));
      }
      // The near side knows a request that has ended no more, and this one has
      // nothing to wait for, nor anybody to tell that there are too many.
      if (!this.#leftShutdowns.full) {
        void this.#leftShutdowns.add(options, () => send(0));
      }
    });
  }
}
