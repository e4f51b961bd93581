/** Handlers that want to speak WebSocket: each thread and process imports this. */
import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";

const { upgradeWebSocket } = Deno;

/** Ways to answer with what `Deno.upgradeWebSocket()` gives. */
export const WAYS: Record<
  string,
  (request: Request) => Response | Promise<Response>
> = {
  "called as it is": (request) => Deno.upgradeWebSocket(request).response,
  "called by another name": (request) => upgradeWebSocket(request).response,
  "called later": async (request) => {
    await null;
    return Deno.upgradeWebSocket(request).response;
  },
  "given a copy of the request": (request) =>
    Deno.upgradeWebSocket(new Request(request)).response,
  "given a clone of the request": (request) =>
    Deno.upgradeWebSocket(request.clone()).response,
};

/** Upgrades as the path says. */
export class Upgrading extends FetchRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;
  override fetch(request: Request): Response | Promise<Response> {
    return WAYS[decodeURI(new URL(request.url).pathname.slice(1))]!(request);
  }
}
