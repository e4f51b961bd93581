import { encodeHead, headerLine, statusLine } from "./head.ts";
import type { Takeover } from "./takeover.ts";

/** What goes on with a connection that a response hands over. */
export interface Upgrade {
  /**
   * Takes the connection.
   *
   * @param head The response's head, which is to be sent first.
   */
  open(takeover: Takeover<Deno.Addr>, head: Uint8Array<ArrayBuffer>): void;
  /** There will be none: its client has gone, or the request was given up. */
  fail(error: unknown): void;
}

const upgrades = new WeakMap<Response, Upgrade>();

/** Has a response of status 101 hand its connection over when it is sent. */
export function setUpgrade(response: Response, upgrade: Upgrade): void {
  upgrades.set(response, upgrade);
}

/** Whom a response hands its connection over to, if it does. */
export function upgradeOf(response: Response): Upgrade | undefined {
  return upgrades.get(response);
}

/** The head of a response that hands its connection over. */
export function upgradeHead(headers: Headers): Uint8Array<ArrayBuffer> {
  let text = `${statusLine(101, undefined)}connection: Upgrade\r\n`;
  headers.forEach((value, name) => {
    switch (name) {
      case "connection":
      case "content-length":
      case "transfer-encoding":
        return;
    }
    text += headerLine(name, value);
  });
  return encodeHead(`${text}\r\n`);
}
