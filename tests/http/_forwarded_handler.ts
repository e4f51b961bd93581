import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import type { ForwardedSettings } from "../../handlers/http/forwarded_settings.ts";

/** Tells who it takes its client for, wherever it runs. */
export class Told extends FetchRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly forwarded: ForwardedSettings = {
    trust: ["127.0.0.0/8", "::1", "unix:"],
    fields: ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"],
  };

  override fetch(request: Request): Response {
    const { name = "none", address } = this.forwarded ?? {};
    return new Response(
      [request.url, this.addressString(), name, address?.port ?? "none"].join(
        " ",
      ),
    );
  }
}
