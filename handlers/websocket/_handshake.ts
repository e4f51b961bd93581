import { createHash } from "node:crypto";
import { HTTPError } from "../http/http_error.ts";
import { Deflater } from "./_deflate/deflater.ts";
import { Inflater } from "./_deflate/inflater.ts";
import { negotiateDeflate } from "./_deflate/negotiate.ts";
import type { CompleteUpgradeOptions } from "./upgrade_options.ts";

/** RFC 6455, section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Sixteen bytes in base64. */
const KEY = /^[0-9A-Za-z+/]{22}==$/;
const VERSION = "13";

/** What the server's side of a handshake has come to. */
export interface Handshake {
  /** The headers of the response. */
  readonly headers: Headers;
  /** The subprotocol, or an empty string. */
  readonly protocol: string;
  /** What was agreed upon as extensions, or an empty string. */
  readonly extensions: string;
  readonly deflater: Deflater | undefined;
  readonly inflater: Inflater | undefined;
}

/** What a client asks by. */
export interface HandshakeRequest {
  readonly method: string;
  readonly headers: Headers;
  /** Whether it is one that HTTP takes for an upgrade. */
  readonly upgrades: boolean;
}

/**
 * Answers the request of a client that opens a WebSocket: RFC 6455, section 4.2.
 *
 * @throws {HTTPError} What to answer instead.
 */
export function shakeHands(
  { method, headers, upgrades }: HandshakeRequest,
  options: CompleteUpgradeOptions,
): Handshake {
  if (method !== "GET") {
    throw new HTTPError(405, "A WebSocket is opened by GET", {
      headers: { Allow: "GET" },
    });
  }
  if (!upgrades || !names(headers.get("upgrade"), "websocket")) {
    throw upgradeRequired("This is for WebSockets alone");
  }
  if (headers.get("sec-websocket-version") !== VERSION) {
    throw upgradeRequired("This version of WebSocket is not spoken");
  }
  const key = headers.get("sec-websocket-key") ?? "";
  if (!KEY.test(key)) {
    throw new HTTPError(400, "Sec-WebSocket-Key is not 16 bytes in base64");
  }
  const origin = headers.get("origin");
  if (
    origin !== null && options.origins !== undefined &&
    !options.origins.includes(origin)
  ) throw new HTTPError(403, "Pages of this origin may not connect");
  const answer = new Headers(options.headers);
  answer.set("Upgrade", "websocket");
  answer.set("Sec-WebSocket-Accept", acceptKey(key));
  const offered = listIn(headers.get("sec-websocket-protocol"));
  const protocol = options.protocols.find((name) => offered.includes(name)) ??
    "";
  if (protocol !== "") answer.set("Sec-WebSocket-Protocol", protocol);
  const { deflate } = options;
  const agreed = deflate === undefined ? undefined : negotiateDeflate(
    headers.get("sec-websocket-extensions") ?? "",
    deflate,
  );
  if (agreed === undefined) {
    return {
      headers: answer,
      protocol,
      extensions: "",
      deflater: undefined,
      inflater: undefined,
    };
  }
  answer.set("Sec-WebSocket-Extensions", agreed.extension);
  return {
    headers: answer,
    protocol,
    extensions: agreed.extension,
    deflater: new Deflater(
      agreed.serverMaxWindowBits,
      deflate!.level,
      !agreed.serverNoContextTakeover,
    ),
    inflater: new Inflater(
      agreed.clientMaxWindowBits,
      !agreed.clientNoContextTakeover,
    ),
  };
}

/** What proves that the server has understood: RFC 6455, section 4.2.2. */
function acceptKey(key: string): string {
  return createHash("sha1").update(key + GUID).digest("base64");
}

/** The members of a list, RFC 9110, section 5.6.1. */
function listIn(field: string | null): string[] {
  return field === null ? [] : field.split(",").map((member) => member.trim());
}

/** Whether a list has a member, in letters of either case. */
function names(field: string | null, member: string): boolean {
  return listIn(field).some((each) => each.toLowerCase() === member);
}

/** RFC 9110, section 15.5.22, and RFC 6455, section 4.4. */
function upgradeRequired(message: string): HTTPError {
  return new HTTPError(426, message, {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": VERSION,
    },
  });
}
