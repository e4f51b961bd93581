import {
  type CallRoom,
  roomOf,
} from "../../handlers/xmlrpc/_http/call_room.ts";
import { SimpleXMLRPCRequestHandler } from "../../handlers/xmlrpc/simple_xmlrpc_request_handler.ts";
import type { XMLRPCCallLimits } from "../../handlers/xmlrpc/xmlrpc_call_limits.ts";
import { SimpleXMLRPCServer } from "../../server/xmlrpc/simple_xmlrpc_server.ts";
import { LOOPBACK } from "../_loopback.ts";
import { patiently } from "../_patience.ts";

/** A server whose calls are held until the test lets them go on. */
export class HoldingServer extends SimpleXMLRPCServer {
  /** What its large calls hold. */
  readonly room: CallRoom;
  readonly #held: (() => void)[] = [];
  #arrived: (() => void)[] = [];

  constructor(
    callLimits: Partial<XMLRPCCallLimits>,
    maxSize: number = 8 * 1024 * 1024,
  ) {
    class Limited extends SimpleXMLRPCRequestHandler<Deno.NetAddr> {
      static override readonly callLimits = callLimits;
      static override readonly limits = { maxBodySize: maxSize };
      static override readonly encodeThreshold = Infinity;
      override logMessage(): void {}
    }
    super(LOOPBACK, Limited, { maxSize });
    this.room = roomOf(Limited);
    this.registerFunction((x: unknown) => x, { name: "same" });
    this.registerFunction((length: number) => "x".repeat(length), {
      name: "text",
    });
    this.registerFunction((x: string) => {
      const released = new Promise<number>((resolve) => {
        this.#held.push(() => resolve(x.length));
      });
      for (const wake of this.#arrived.splice(0)) wake();
      return released;
    }, { name: "hold" });
  }

  /** Resolves when so many calls are held. */
  async untilHeld(count: number): Promise<void> {
    await patiently(
      this.#reach(count),
      () => `${count} calls that are held; there are ${this.#held.length}`,
    );
  }

  /** Lets the call go on that was held first. */
  letGo(): void {
    this.#held.shift()!();
  }

  async #reach(count: number): Promise<void> {
    while (this.#held.length < count) {
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }
}
