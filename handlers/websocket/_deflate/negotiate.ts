import { TOKEN } from "../../http/_connection/head.ts";
import type { CompleteDeflateOptions } from "./options.ts";

/** The name of the extension: RFC 7692, section 7. */
const NAME = "permessage-deflate";
/** The largest window, which is meant where none is named. */
const LARGEST_WINDOW = 15;
/** The smallest that zlib deflates with: what is offered with 8 is declined. */
const SMALLEST_DEFLATED = 9;

/** What was agreed upon. */
export interface DeflateAgreement {
  /** What the response says of it. */
  readonly extension: string;
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** An extension that a client offers, with its parameters in lower case. */
interface Offer {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

/**
 * Takes the first offer of the extension that can be taken.
 *
 * @param field The request's `Sec-WebSocket-Extensions`.
 * @param options What the server wants.
 * @returns `undefined` where there is none: messages are not compressed then.
 */
export function negotiateDeflate(
  field: string,
  options: CompleteDeflateOptions,
): DeflateAgreement | undefined {
  for (const offer of offersIn(field)) {
    const agreed = offer.name === NAME ? accept(offer, options) : undefined;
    if (agreed !== undefined) return agreed;
  }
  return undefined;
}

/** RFC 7692, section 7.1. */
function accept(
  { parameters }: Offer,
  options: CompleteDeflateOptions,
): DeflateAgreement | undefined {
  let { serverNoContextTakeover, serverMaxWindowBits } = options;
  let clientNoContextTakeover = options.clientNoContextTakeover;
  let clientMaxWindowBits = LARGEST_WINDOW;
  for (const [name, value] of parameters) {
    switch (name) {
      case "server_no_context_takeover":
        if (value !== undefined) return undefined;
        serverNoContextTakeover = true;
        break;
      case "client_no_context_takeover":
        if (value !== undefined) return undefined;
        clientNoContextTakeover = true;
        break;
      case "server_max_window_bits": {
        const bits = windowBits(value);
        if (bits === undefined || bits < SMALLEST_DEFLATED) return undefined;
        serverMaxWindowBits = Math.min(serverMaxWindowBits, bits);
        break;
      }
      case "client_max_window_bits": {
        const bits = value === undefined ? LARGEST_WINDOW : windowBits(value);
        if (bits === undefined) return undefined;
        clientMaxWindowBits = Math.min(bits, options.clientMaxWindowBits);
        break;
      }
      default:
        return undefined;
    }
  }
  let extension = NAME;
  if (serverNoContextTakeover) extension += "; server_no_context_takeover";
  if (clientNoContextTakeover) extension += "; client_no_context_takeover";
  if (serverMaxWindowBits < LARGEST_WINDOW) {
    extension += `; server_max_window_bits=${serverMaxWindowBits}`;
  }
  // Only a client that has named it knows it.
  if (clientMaxWindowBits < LARGEST_WINDOW) {
    extension += `; client_max_window_bits=${clientMaxWindowBits}`;
  }
  return {
    extension,
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
  };
}

/** A number of bits as it must be written: RFC 7692, section 7.1.2.1. */
function windowBits(value: string | undefined): number | undefined {
  return value !== undefined && /^(?:[89]|1[0-5])$/.test(value)
    ? Number(value)
    : undefined;
}

/** What a field offers, RFC 6455, section 9.1. What is malformed is no offer. */
function* offersIn(field: string): Generator<Offer> {
  // A value that is quoted must be a token, and has none of these signs.
  for (const text of field.split(",")) {
    const [name = "", ...rest] = text.split(";").map((part) => part.trim());
    const parameters = new Map<string, string | undefined>();
    let isValid = TOKEN.test(name);
    for (const part of rest) {
      const [key, value] = parameterIn(part);
      isValid &&= TOKEN.test(key) && !parameters.has(key) &&
        (value === undefined || TOKEN.test(value));
      parameters.set(key, value);
    }
    if (isValid) yield { name: name.toLowerCase(), parameters };
  }
}

function parameterIn(text: string): [key: string, value: string | undefined] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text.toLowerCase(), undefined];
  const key = text.slice(0, equals).trim().toLowerCase();
  const value = text.slice(equals + 1).trim();
  const isQuoted = value.length >= 2 && value.startsWith('"') &&
    value.endsWith('"');
  return [key, isQuoted ? value.slice(1, -1) : value];
}
