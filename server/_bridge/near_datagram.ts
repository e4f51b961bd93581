import type { DatagramRequest } from "../../handlers/datagram_request_handler.ts";
import type { Carrier } from "./carrier.ts";
import { costOf, DatagramWindow, REQUEST_WINDOW } from "./datagram_window.ts";
import { packError } from "./errors.ts";
import { FrameType, ProtocolError } from "./frames.ts";
import { isLiteral } from "./literal_address.ts";
import { NearChannel, repeated, type RequestOwner } from "./near_channel.ts";
import {
  packDatagram,
  type PackedDatagram,
  packNumber,
  unpackDatagram,
} from "./payloads.ts";

/** Whether a far side may have the name of a host looked up. */
export type MayResolve = (hostname: string, port: unknown) => boolean;

/** What the datagrams of one far side have in common. */
export interface NearDatagrams {
  /** What all of them together may have under way. */
  readonly window: DatagramWindow;
  readonly mayResolve: MayResolve;
}

/** One datagram, whose handler runs on the far side. */
export class NearDatagram extends NearChannel {
  readonly #request: DatagramRequest;
  readonly #sender: Deno.Addr;
  readonly #all: NearDatagrams;
  /** What it may have under way, once it has sent any. */
  #window: DatagramWindow | undefined;
  #replied = false;
  /** How many datagrams are being sent. */
  #sending = 0;
  /** Called when none is any more. */
  #end: (() => void) | undefined;

  constructor(
    carrier: Carrier,
    id: number,
    owner: RequestOwner,
    request: DatagramRequest,
    sender: Deno.Addr,
    all: NearDatagrams,
  ) {
    super(carrier, id, owner);
    this.#request = request;
    this.#sender = sender;
    this.#all = all;
  }

  override open(): void {
    this.carrier.send(
      FrameType.OpenDatagram,
      this.id,
      packDatagram(0, this.#sender, this.#request[0]),
    );
  }

  override frame(type: FrameType, payload: Uint8Array): void {
    switch (type) {
      case FrameType.Send:
        return void this.#sendOne(unpackDatagram(payload), costOf(payload));
      case FrameType.Reply:
        if (this.#replied) throw repeated("replies");
        this.#replied = true;
        return void this.#reply(unpackDatagram(payload));
      default:
        return super.frame(type, payload);
    }
  }

  protected override done(): void {
    this.#endWhenSent(() => this.finish());
  }

  override lose(error: unknown): void {
    this.over = true;
    this.#endWhenSent(() => super.lose(error));
  }

  /**
   * Ends the request when nothing of it is being sent any more: what is, is
   * counted with the requests in progress, of which there are only so many.
   */
  #endWhenSent(end: () => void): void {
    if (this.#sending === 0) end();
    else this.#end = end;
  }

  #sent(): void {
    if (--this.#sending === 0) this.#end?.();
  }

  async #reply({ address, data }: PackedDatagram): Promise<void> {
    this.#sending++;
    try {
      await this.#send(address, data);
    } catch (error) {
      this.failed(error);
    }
    this.#sent();
  }

  /** Sends a datagram, and counts it with the request. */
  #send(address: Deno.Addr, data: Uint8Array): Promise<unknown> {
    const allowed = this.#allowed(address, data.length);
    if (this.owner.traffic !== undefined) {
      this.owner.traffic.bytesOut += data.length;
    }
    return this.#request[1].send(data, allowed);
  }

  #sendOne(datagram: PackedDatagram, cost: number): Promise<void> {
    this.#window ??= new DatagramWindow(REQUEST_WINDOW);
    if (!this.#window.fits(cost) || !this.#all.window.fits(cost)) {
      throw new ProtocolError(
        `Cannot send ${datagram.data.length} bytes: more datagrams are under way than may be`,
      );
    }
    this.#window.add(cost);
    this.#all.window.add(cost);
    return this.#sendNow(datagram, cost);
  }

  async #sendNow(
    { number, address, data }: PackedDatagram,
    cost: number,
  ): Promise<void> {
    this.#sending++;
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#send(address, data);
    } catch (error) {
      failure = { error };
    }
    // One that does not take what it is told gets no room for more.
    if (this.carrier.congested) await this.carrier.drained();
    this.#window!.remove(cost);
    this.#all.window.remove(cost);
    if (failure === undefined) {
      this.carrier.send(FrameType.Sent, this.id, packNumber(number));
    } else {
      this.carrier.send(
        FrameType.NotSent,
        this.id,
        packError(failure.error, number),
      );
    }
    this.#sent();
  }

  /**
   * The address that a datagram goes to.
   *
   * @throws {Deno.errors.NotCapable} If it is the name of a host that the far
   * side may not look up: this side would do it with its own permissions.
   */
  #allowed(address: Deno.Addr, size: number): Deno.Addr {
    const { hostname, port } = address as {
      readonly hostname?: unknown;
      readonly port?: unknown;
    };
    if (
      typeof hostname === "string" && !isLiteral(hostname) &&
      !this.#all.mayResolve(hostname, port)
    ) {
      throw new Deno.errors.NotCapable(
        `Cannot send ${size} bytes to "${hostname}": this process may not look up names; send to an IP address, or allow it with permissions: { net: ["${hostname}"] }`,
      );
    }
    return this.#known(address);
  }

  /** A reply goes to the very address that the socket gave. */
  #known(address: Deno.Addr): Deno.Addr {
    const sender = this.#sender;
    return "path" in address && "path" in sender && sender.path === address.path
      ? sender
      : address;
  }
}
