import type { DatagramRequest } from "../../handlers/datagram_request_handler.ts";
import type { Carrier } from "./carrier.ts";
import { packError } from "./errors.ts";
import { FrameType } from "./frames.ts";
import { NearChannel, type RequestOwner } from "./near_channel.ts";
import {
  packDatagram,
  type PackedDatagram,
  packNumber,
  unpackDatagram,
} from "./payloads.ts";

/** One datagram, whose handler runs on the far side. */
export class NearDatagram extends NearChannel {
  readonly #request: DatagramRequest;
  readonly #sender: Deno.Addr;
  /** Settles when the last datagram of the handler has been sent, or not. */
  #replying: Promise<void> | undefined;

  constructor(
    carrier: Carrier,
    id: number,
    owner: RequestOwner,
    request: DatagramRequest,
    sender: Deno.Addr,
  ) {
    super(carrier, id, owner);
    this.#request = request;
    this.#sender = sender;
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
        return void this.#send(unpackDatagram(payload));
      case FrameType.Reply:
        this.#replying = this.#reply(unpackDatagram(payload));
        return;
      default:
        return super.frame(type, payload);
    }
  }

  protected override done(): void {
    if (this.#replying === undefined) this.finish();
    else this.#replying.then(() => this.finish());
  }

  async #reply({ address, data }: PackedDatagram): Promise<void> {
    try {
      await this.#request[1].send(data, this.#known(address));
    } catch (error) {
      this.failed(error);
    }
  }

  async #send({ number, address, data }: PackedDatagram): Promise<void> {
    try {
      await this.#request[1].send(data, this.#known(address));
      this.carrier.send(FrameType.Sent, this.id, packNumber(number));
    } catch (error) {
      this.carrier.send(FrameType.NotSent, this.id, packError(error, number));
    }
  }

  /** A reply goes to the very address that the socket gave. */
  #known(address: Deno.Addr): Deno.Addr {
    const sender = this.#sender;
    return "path" in address && "path" in sender && sender.path === address.path
      ? sender
      : address;
  }
}
