import { STATUS_CODES } from "node:http";
import { wrong } from "../../_settings.ts";
import { isFieldText } from "./head.ts";

/** The phrase of a status, and a sentence that explains it. */
export type StatusTexts = readonly [phrase: string, description: string];

/**
 * What statuses mean, for the people who read an error page: RFC 9110, section
 * 15, and the documents that IANA's registry of status codes names.
 */
const DESCRIPTIONS: Readonly<Record<number, string>> = {
  100: "Go on and send the body",
  101: "The connection changes to the protocol that Upgrade names",
  102: "The request is being worked on",
  103: "Headers that the final response is likely to have",
  200: "The request has succeeded",
  201: "Something new has been made",
  202: "The request was taken, and is not done yet",
  203: "Somebody on the way has changed the response",
  204: "The request has succeeded, and there is nothing to send",
  205: "The request has succeeded; clear the form",
  206: "This is the part that was asked for",
  207: "The body has a status for each of several things",
  208: "This was listed before",
  226: "This is a difference to an earlier state",
  300: "There are several of this to choose from",
  301: "This has another address from now on",
  302: "This has another address for now",
  303: "The answer is at another address",
  304: "Nothing has changed since you asked last",
  305: "This is to be had by a proxy alone",
  307: "This has another address for now; ask in the same way",
  308: "This has another address from now on; ask in the same way",
  400: "The server does not understand the request",
  401: "The server needs to know who asks",
  402: "This must be paid for",
  403: "The server refuses to do this",
  404: "Nothing is at this address",
  405: "This cannot be asked for by that method",
  406: "There is no form of this that the client accepts",
  407: "The proxy needs to know who asks",
  408: "The request took too long to arrive",
  409: "The request is in conflict with how things are",
  410: "What was at this address is gone for good",
  411: "The request must say how long its body is",
  412: "A condition of the request is not met",
  413: "The body is larger than the server takes",
  414: "The address is longer than the server takes",
  415: "The body is of a type that the server does not take",
  416: "There is no such part of this",
  417: "The server cannot do what Expect asks for",
  418: "A teapot cannot make coffee",
  421: "This server does not answer for that host",
  422: "The body can be read, and not be followed",
  423: "Somebody has locked this",
  424: "Something that this depends on has failed",
  425: "The request may be a repeated one",
  426: "The client must use another protocol",
  428: "The request must have a condition",
  429: "There were too many requests; come again later",
  431: "The headers are larger than the server takes",
  451: "The law does not let the server send this",
  500: "Something has failed in the server",
  501: "The server cannot do this",
  502: "A server behind this one has sent no good answer",
  503: "The server has too much to do now; come again later",
  504: "A server behind this one has not answered in time",
  505: "The server does not speak this version of HTTP",
  506: "The server is set up so that it goes round in circles",
  507: "The server has no room to keep this",
  508: "The request leads round in a circle",
  509: "More was sent than is permitted",
  510: "The request lacks an extension that it needs",
  511: "Log in to this network first",
};

/** Phrases and descriptions of all statuses that have a name. */
export const RESPONSES: Readonly<Record<number, StatusTexts>> = Object.freeze(
  Object.fromEntries(
    Object.entries(STATUS_CODES).map(([status, phrase]) => [
      status,
      Object.freeze([phrase!, DESCRIPTIONS[Number(status)] ?? ""] as const),
    ]),
  ),
);

/** @throws {TypeError} If statuses are not given two texts each. */
export function checkResponses(responses: unknown): void {
  if (responses === RESPONSES) return;
  const isGood = typeof responses === "object" && responses !== null &&
    Object.entries(responses).every(([status, texts]) =>
      /^[1-9]\d\d$/.test(status) && Array.isArray(texts) &&
      texts.length === 2 && isFieldText(texts[0]) &&
      typeof texts[1] === "string"
    );
  if (isGood) return;
  throw wrong(
    "serve HTTP",
    "responses",
    "an object of statuses, 100 to 999, each with a phrase of one line and a description",
    responses,
  );
}
