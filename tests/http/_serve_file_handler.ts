import { FetchRequestHandler } from "../../handlers/http/fetch_request_handler.ts";
import { serveFile } from "../../handlers/http/serve_file.ts";
import type { RequestServer } from "../../handlers/mod.ts";

/** Answers everything with the file that its server is configured for. */
export class OneFile
  extends FetchRequestHandler<Deno.NetAddr, RequestServer<string>> {
  static override readonly moduleUrl: string = import.meta.url;

  override fetch(request: Request): Promise<Response> {
    return serveFile(request, this.config);
  }
}
