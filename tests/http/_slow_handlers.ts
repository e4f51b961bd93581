import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";

/** Answers at once, never, or holds up its event loop, as the path says. */
export class Slow extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  override fetch(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/never") return new Promise(() => {});
    if (pathname === "/busy") {
      // The loop ends in the end, since a test must.
      const until = performance.now() + 15_000;
      while (performance.now() < until);
    }
    return new Response(pathname);
  }
}
